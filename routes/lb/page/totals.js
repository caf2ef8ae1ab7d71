// The figures of the whole balancer.

import { h, setAttribute, setText } from './dom.js'
import { compact, count, milliseconds, percent, quantile, rate } from './format.js'

const sum = (numbers) => Object.values(numbers).reduce((all, one) => all + one, 0)

const REASONS = {
  overload: 'too many in flight',
  noBackend: 'no backend',
  queueFull: 'queue full',
  queueTimeout: 'no room in time',
  outageTimeout: 'outage too long',
  badRequest: 'wrong request',
  rateLimit: 'rate limit',
  denied: 'denied',
  noRoute: 'no route'
}

/** Why requests were rejected, the most frequent reason first. */
export function refusals(rejected) {
  const reasons = Object.entries(rejected).filter(([, number]) => number > 0)
  if (reasons.length === 0) return 'since the start'
  reasons.sort(([, a], [, b]) => b - a)
  return reasons.map(([name, number]) => `${compact(number)} ${REASONS[name] ?? name}`).join(', ')
}

const SHORTAGES = { descriptors: 'file descriptors', ports: 'local ports', memory: 'memory for sockets' }
/** How long a shortage is shown. */
const SHORTAGE_MS = 60_000

/** Which resource is short, and what to do; empty if nothing has failed for that lately. */
export function shortageAlarm({ at, shortages }) {
  const { latest, descriptorLimit } = shortages
  if (!latest || at - Date.parse(latest.at) > SHORTAGE_MS) return ''
  const isDescriptors = latest.resource === 'descriptors'
  const limit = isDescriptors && descriptorLimit !== null ? ` (${count(descriptorLimit)} may be open)` : ''
  const remedy = isDescriptors ? 'raise LimitNOFILE or ulimit -n' : 'see the log'
  return `Out of ${SHORTAGES[latest.resource]}${limit}: connections are refused, ${remedy}.`
}

/** Dropped connections, and why. */
function connectionNote({ connections, shortages }) {
  const parts = [
    [connections.dropped, 'dropped'],
    [shortages.descriptors, 'without a descriptor']
  ].filter(([number]) => number > 0)
  return [
    ...parts.map(([number, what]) => `${compact(number)} ${what}`),
    `${compact(connections.limit)} at most`
  ].join(', ')
}

/** The error rate that is highlighted. */
export const ALARMING = 0.01

/** Errors in the last minute. */
function errorsOf(samples) {
  const minute = samples.slice(-60)
  const total = minute.reduce((all, { requests }) => all + requests, 0)
  const errors = minute.reduce((all, one) => all + one.errors, 0)
  return { share: total > 0 ? errors / total : null, errors: Math.round(errors) }
}

/** The tiles: each with a name, a value, a note, and whether it is highlighted. */
const TILES = [
  {
    name: 'Requests',
    read: ({ now, samples }) => ({
      value: rate(samples.at(-1)?.requests),
      unit: '/s',
      note: `${rate(now.requests.perSecond.last60s)}/s over a minute`
    })
  },
  {
    name: 'In flight',
    read: ({ now: { requests } }) => {
      const parts = [
        [requests.queued, 'queued'],
        [requests.retrying, 'retrying'],
        [requests.tunnels, requests.tunnels === 1 ? 'tunnel' : 'tunnels']
      ].filter(([number]) => number > 0)
      return {
        value: compact(requests.inFlight),
        note: parts.length > 0 ? parts.map((part) => part.join(' ')).join(', ') : 'none queued',
        isBad: requests.queued > 0
      }
    }
  },
  {
    name: 'p50 latency',
    read: ({ now: { latency } }) => ({
      value: quantile(latency, 'p50Ms'),
      note: 'over a minute'
    })
  },
  {
    name: 'p99 latency',
    read: ({ now: { latency } }) => ({
      value: quantile(latency, 'p99Ms'),
      note: latency.count > 0 ? `longest ${milliseconds(latency.maxMs)}` : 'over a minute'
    })
  },
  {
    name: 'Errors',
    read: ({ samples }) => {
      const { share, errors } = errorsOf(samples)
      return {
        value: percent(share),
        note: errors > 0 ? `${compact(errors)} × 5xx in a minute` : 'no 5xx in a minute',
        isBad: share >= ALARMING
      }
    }
  },
  {
    name: 'Connections',
    read: ({ now }) => ({
      value: compact(now.connections.open),
      note: connectionNote(now),
      isBad: shortageAlarm(now) !== ''
    })
  },
  {
    name: 'Refused',
    read: ({ now: { requests } }) => ({
      value: compact(sum(requests.rejected)),
      note: refusals(requests.rejected)
    })
  },
  {
    name: 'Served',
    read: ({ now: { requests } }) => ({
      value: compact(requests.total - sum(requests.rejected)),
      note: requests.failed > 0 ? `${count(requests.failed)} failed (502, 504)` : 'none failed'
    })
  }
]

export class Totals {
  #tiles = TILES.map(({ name, read }) => ({
    read,
    value: h('b'),
    unit: h('span', { class: 'unit' }),
    note: h('span', { class: 'note' }),
    element: h('div', { class: 'tile' }),
    name
  }))

  constructor(place) {
    for (const { element, name, value, unit, note } of this.#tiles) {
      element.append(h('dt', {}, name), h('dd', {}, value, unit, note))
      place.append(element)
    }
  }

  show(model) {
    for (const tile of this.#tiles) {
      const { value, unit = '', note, isBad = false } = tile.read(model)
      setText(tile.value, value)
      setText(tile.unit, unit)
      setText(tile.note, note)
      setAttribute(tile.note, 'title', note)
      setAttribute(tile.element, 'data-bad', isBad)
    }
  }
}
