import type { BlockList } from 'node:net'
import { addressRanges, parsed } from '../../base/values/values.js'
import type { AccessConfig, RateLimitConfig } from '../../listener/access/options.js'
import { type ValuesOf, variable } from '../variable.js'

const MAX_REQUESTS = 1_000_000
const RATE = /^(\d{1,7})\/([smh])(?:;burst=(\d{1,7}))?$/
const WINDOW_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** The variables of access control and rate limiting. */
export const accessVariables = {
  LB_RATE_LIMIT: variable(rateLimit(), {
    description:
      'Requests that one client address (or IPv6 /64) may send each second, minute or hour: `100/s`, `1000/m`, ' +
      '`5000/h`; further ones are answered `429`. As many may come at once, or as many as `;burst=N` says. Empty ' +
      'for no limit.',
    fallback: '',
    flags: '--rate-limit <rate>'
  }),
  LB_ALLOW: variable(addressRanges(true), {
    description:
      'Addresses and CIDR ranges of the clients that are served; others are answered `403`. Empty for all.',
    fallback: '',
    flags: '--allow <ranges>'
  }),
  LB_DENY: variable(addressRanges(true), {
    description:
      'Addresses and CIDR ranges of clients that are answered `403`, even if `LB_ALLOW` lists them.',
    fallback: '',
    flags: '--deny <ranges>'
  })
}

type Values = ValuesOf<typeof accessVariables>

export function accessOf(values: Values): AccessConfig {
  const unlessEmpty = (list: BlockList) => (list.rules.length > 0 ? list : undefined)
  return {
    rateLimit: values.LB_RATE_LIMIT ?? undefined,
    allow: unlessEmpty(values.LB_ALLOW),
    deny: unlessEmpty(values.LB_DENY)
  }
}

/** `null` for no limit. */
function rateLimit() {
  return parsed<RateLimitConfig | null>((text, fault) => {
    if (text === '') return null
    const [, first = '', unit = '', second = first] = RATE.exec(text) ?? []
    const [count, burst] = [Number(first), Number(second)]
    const isRight = [count, burst].every((value) => value >= 1 && value <= MAX_REQUESTS)
    if (isRight) return { count, windowS: WINDOW_S[unit]!, burst }
    fault(
      `must be a rate such as 100/s, 1000/m or 5000/h;burst=100, with numbers from 1 to ${MAX_REQUESTS}, ` +
        `but is "${text}"`
    )
    return undefined
  })
}
