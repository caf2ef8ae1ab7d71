import { oneOf, parsed, seconds } from './values.js'
import { variable } from './variable.js'

const DAY_S = 86_400
const MIN_SECRET_LENGTH = 16
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i

const ALGORITHMS = ['least-connections', 'peak-ewma', 'p2c', 'round-robin', 'random', 'hash'] as const

/** How a backend is chosen for a request. */
export type Algorithm = (typeof ALGORITHMS)[number]

/** What of a request decides on its backend under `hash`. */
export interface HashKey {
  readonly from: 'address' | 'target' | 'header' | 'cookie'
  /** Of the header, in lower case, or of the cookie; empty for the others. */
  readonly name: string
}

/** The variables that say which backend a request goes to. */
export const balancingVariables = {
  LB_ALGORITHM: variable(oneOf(ALGORITHMS), {
    description:
      'How a backend is chosen: `least-connections`; `peak-ewma`, by latency too; `p2c`, the better of two at random; ' +
      '`round-robin`; `random`; or `hash`, by `LB_HASH_KEY`. All of them go by weight.',
    fallback: 'least-connections',
    flags: '--algorithm <name>'
  }),
  LB_HASH_KEY: variable(hashKey(), {
    description:
      'What `hash` goes by: `address` (of the client), `target`, `header:NAME` or `cookie:NAME`. A request without it ' +
      'goes by least connections.',
    fallback: 'address',
    flags: '--hash-key <key>'
  }),
  LB_STICKY_COOKIE: variable(cookieName(), {
    description:
      'Name of a cookie that keeps a client on the backend that answered it first, while that one is eligible. The ' +
      'empty one sets no cookie.',
    fallback: '',
    flags: '--sticky-cookie <name>'
  }),
  LB_STICKY_SECRET: variable(secret(), {
    description:
      'What the cookie is signed with, at least 16 characters: the same for all balancers before the same backends. ' +
      'Without one, each start makes its own, and sessions may move then.',
    fallback: '',
    isSecret: true
  }),
  LB_STICKY_MAX_AGE: variable(seconds(0, 400 * DAY_S), {
    description: 'Time that browsers keep the cookie. 0 means until they are closed.',
    fallback: '0',
    unit: 'seconds',
    flags: '--sticky-max-age <seconds>'
  })
}

type Values = { [Name in keyof typeof balancingVariables]: (typeof balancingVariables)[Name]['_output'] }

/** Of the cookie that keeps a client on a backend. */
export interface StickyConfig {
  readonly cookie: string
  /** Empty for one that is made up. */
  readonly secret: string
  /** 0 for as long as a browser runs. */
  readonly maxAgeMs: number
}

export interface BalancingConfig {
  readonly algorithm: Algorithm
  readonly hashKey: HashKey
  readonly sticky: StickyConfig | undefined
}

export function balancingOf(values: Values): BalancingConfig {
  const cookie = values.LB_STICKY_COOKIE
  return {
    algorithm: values.LB_ALGORITHM,
    hashKey: values.LB_HASH_KEY,
    sticky:
      cookie === ''
        ? undefined
        : { cookie, secret: values.LB_STICKY_SECRET, maxAgeMs: values.LB_STICKY_MAX_AGE }
  }
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

function cookieName() {
  return parsed<string>((text, fault) => {
    if (text === '' || TOKEN.test(text)) return text
    fault(`must be the name of a cookie, such as lb, but is "${text}"`)
    return undefined
  })
}

/** Faults do not show it. */
function secret() {
  return parsed<string>((text, fault) => {
    if (text === '' || text.length >= MIN_SECRET_LENGTH) return text
    fault(`must have at least ${MIN_SECRET_LENGTH} characters, but has ${text.length}`)
    return undefined
  })
}
