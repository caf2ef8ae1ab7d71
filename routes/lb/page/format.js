// Numbers, times and states as text.

const NONE = '–'
const whole = new Intl.NumberFormat('en')
const clockTime = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23'
})

const isNone = (value) => value === null || value === undefined || Number.isNaN(value)

/** Three significant digits. */
function short(value) {
  if (value === 0) return '0'
  return value >= 99.95 ? whole.format(Math.round(value)) : value.toFixed(value >= 9.995 ? 1 : 2)
}

export const count = (value) => (isNone(value) ? NONE : whole.format(value))

/** Large counts in short form: 12.3k, 4.56M. */
export function compact(value) {
  if (isNone(value)) return NONE
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3]
  ])
    if (value >= size * 10) return `${short(value / size)}${unit}`
  return whole.format(Math.round(value))
}

/** Something per second. */
export function rate(value) {
  if (isNone(value)) return NONE
  if (value >= 10_000) return compact(value)
  return value === 0 || value >= 99.95 ? whole.format(Math.round(value)) : value.toFixed(1)
}

export function percent(share) {
  if (isNone(share)) return NONE
  if (share === 0) return '0 %'
  const value = share * 100
  return value < 0.01 ? '<0.01 %' : `${short(value)} %`
}

export function milliseconds(value) {
  if (isNone(value)) return NONE
  if (value >= 1000) return `${short(value / 1000)} s`
  return value > 0 && value < 0.01 ? '<0.01 ms' : `${short(value)} ms`
}

/** A quantile of latencies, such as `p99Ms`, if there are any. */
export const quantile = (latency, name) => milliseconds(latency.count > 0 ? latency[name] : null)

export function bytes(value) {
  if (isNone(value)) return NONE
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let size = value
  let unit = 0
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000
  return `${unit === 0 ? Math.round(size) : short(size)} ${units[unit]}`
}

/** For values of a scale, in another format: without the zeros that say how exact they are. */
export const ofScale = (format) => (value) =>
  value === 0
    ? '0'
    : format(value)
        .replace(/(\.\d*?)0+(?!\d)/, '$1')
        .replace(/\.(?!\d)/, '')

/** A span of milliseconds, in its two largest units. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's']
  ]
  const first = parts.findIndex(([value]) => value > 0)
  if (first < 0) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([value], index) => index === 0 || value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ')
}

/** The time of day, for a time in milliseconds since 1970. */
export const clock = (at) => clockTime.format(at)

export const STATES = {
  healthy: 'Healthy',
  unhealthy: 'Unhealthy',
  ejected: 'Ejected',
  draining: 'Draining',
  terminating: 'Terminating',
  checking: 'Checking'
}
