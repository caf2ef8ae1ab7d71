// The model of the balancer: the latest event, and the history.

import { Backend } from './backend.js'
import { STATES } from './format.js'

const KEPT_SAMPLES = 300

/** Ids are those of a pool. */
const keyOf = ({ pool, id }) => `${pool}/${id}`

/** What changed between two events, as text for people. */
function changesOf(backends, before) {
  const told = []
  for (const [id, { address, state, reason }] of backends) {
    const old = before.get(id)
    if (!old) told.push(`${address} has joined`)
    else if (old !== state) told.push(`${address} is ${STATES[state].toLowerCase()}: ${reason}`)
  }
  return told
}

export class Model {
  /** The latest event; undefined before the first. */
  now
  samples = []
  backends = new Map()
  /** Of the lists of backends by their pools, for changes that are made for them. */
  versions = {}

  /** Starts from a snapshot. Returns what has changed since the last event of the same process. */
  replace(all) {
    const isSame = this.now?.startedAt === all.startedAt
    const before = this.#states()
    this.samples = [...all.samples]
    this.backends = new Map(all.backends.map((view) => [keyOf(view), new Backend(view, all.at)]))
    this.#take(all)
    return isSame ? this.#told(before) : []
  }

  /** Applies the event a second later. Returns what has changed, as text. */
  advance(tick) {
    const before = this.#states()
    if (tick.sample) this.samples.push(tick.sample)
    if (this.samples.length > KEPT_SAMPLES) this.samples.shift()
    const known = this.backends
    this.backends = new Map()
    for (const view of tick.backends) {
      const key = keyOf(view)
      const backend = known.get(key)
      backend?.advance(view, tick.at)
      this.backends.set(key, backend ?? new Backend(view, tick.at))
    }
    this.#take(tick)
    return this.#told(before)
  }

  #take(word) {
    this.now = word
    this.versions = { ...word.fleets }
  }

  #states() {
    return new Map([...this.backends].map(([id, { address, state }]) => [id, { address, state }]))
  }

  #told(before) {
    const states = new Map([...before].map(([id, { state }]) => [id, state]))
    const gone = [...before].filter(([id]) => !this.backends.has(id))
    return [...changesOf(this.backends, states), ...gone.map(([, { address }]) => `${address} has left`)]
  }

  get healthyCount() {
    let healthy = 0
    for (const { state } of this.backends.values()) if (state === 'healthy') healthy++
    return healthy
  }

  /** The newest changes of all backends, the latest first. */
  recentChanges(limit) {
    return [...this.backends.values()]
      .flatMap(({ address, changes }) => changes.map((change) => ({ address, ...change })))
      .sort((a, b) => b.at - a.at)
      .slice(0, limit)
  }
}
