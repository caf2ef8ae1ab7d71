const UNITS_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  µs: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_592_000_000,
  y: 31_536_000_000
}

/**
 * A time such as `60s` or `1m30s` in seconds; undefined if it is none.
 * @param bareUnitMs what a number without a unit counts
 */
export function secondsOf(text: string, bareUnitMs = 1000): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return (Number(text) * bareUnitMs) / 1000
  if (!/^(?:\d+(?:\.\d+)?(?:us|µs|ms|[smhdwMy])\s*)+$/.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(us|µs|ms|[smhdwMy])/g))
    ms += Number(amount) * UNITS_MS[unit!]!
  return ms / 1000
}

const POWERS = ['', 'k', 'm', 'g', 't']

/**
 * A size such as `10m` or `10MB` in bytes; undefined if it is none.
 * @param isDecimal whether `MB` is a million bytes, unless it is spelled `MiB`
 */
export function bytesOf(text: string, isDecimal = false): number | undefined {
  const [, amount, unit, binary] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?$/i.exec(text) ?? []
  if (amount === undefined) return undefined
  const step = isDecimal && !binary ? 1000 : 1024
  return Math.round(Number(amount) * step ** POWERS.indexOf(unit!.toLowerCase()))
}

const SEPARATORS = /[^\w.-]+/g

/** A text as a name for a pool or a route: letters, digits, `-`, `_` and `.`. */
export function nameOf(text: string): string {
  return text.replace(SEPARATORS, '-').replace(/^-+|-+$/g, '') || 'pool'
}

/** Whether a text is an address or a range of addresses. */
export function isRange(text: string): boolean {
  return /^\d+(?:\.\d+){3}(?:\/\d+)?$/.test(text) || /^[\da-f]*:[\da-f:.]+(?:\/\d+)?$/i.test(text)
}

/** What Caddy and others call private addresses. */
export const PRIVATE_RANGES = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  'fd00::/8',
  '::1'
]
