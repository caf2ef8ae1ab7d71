import { ALGORITHMS, type BalancingOptions, type HashKey } from '../../balancing/options.js'
import { oneOf, parsed } from '../../base/values/values.js'
import { type ValuesOf, variable } from '../variable.js'
import { stickyOf, stickyVariables } from './sticky.js'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i

/** The variables of load balancing and of sticky sessions. */
export const balancingVariables = {
  LB_ALGORITHM: variable(oneOf(ALGORITHMS), {
    description:
      'How a backend is chosen: `least-connections`; `peak-ewma`, by latency too; `p2c`, the better of two at random; ' +
      '`round-robin`; `random`; or `hash`, by `LB_HASH_KEY`. All of them respect weights.',
    fallback: 'least-connections',
    flags: '--algorithm <name>'
  }),
  LB_HASH_KEY: variable(hashKey(), {
    description:
      'Key of `hash`: `address` (of the client), `target`, `header:NAME` or `cookie:NAME`. Requests without it are ' +
      'balanced by least connections.',
    fallback: 'address',
    flags: '--hash-key <key>'
  }),
  ...stickyVariables
}

type Values = ValuesOf<typeof balancingVariables>

/**
 * Options of load balancing.
 * @param pool name of the pool; empty for the one that the variables make
 */
export function balancingOf(values: Values, pool: string): BalancingOptions {
  return { algorithm: values.LB_ALGORITHM, hashKey: values.LB_HASH_KEY, sticky: stickyOf(values, pool) }
}

function hashKey() {
  return parsed<HashKey>((text, fault) => {
    const [from = '', name] = text.split(/:(.*)/s)
    if ((from === 'address' || from === 'target') && name === undefined) return { from, name: '' }
    if (name !== undefined && TOKEN.test(name)) {
      if (from === 'header') return { from, name: name.toLowerCase() }
      if (from === 'cookie') return { from, name }
    }
    fault(`must be address, target, header:NAME or cookie:NAME, but is "${text}"`)
    return undefined
  })
}
