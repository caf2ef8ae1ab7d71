// The model of the balancer: what the events have told, and the history.

import { Backend } from './backend.js'
import { STATES } from './format.js'
import { Pool } from './pool.js'
import { Route } from './route.js'

const KEPT_SAMPLES = 300

const keyOfBackend = ({ pool, id }) => `${pool}/${id}`
const nameOf = ({ name }) => name

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

/** A view with the fields that have changed, nested ones included. */
export function merged(view, changes) {
  const result = { ...view }
  for (const [name, value] of Object.entries(changes))
    result[name] = isObject(value) && isObject(result[name]) ? merged(result[name], value) : value
  return result
}

/**
 * A list after an event: its entries by their keys, in their order.
 * @param begin makes the entry of a view that is new
 */
function advanced(known, { keys = known.keys(), changed }, at, keyOf, begin) {
  const changes = new Map(changed.map((change) => [keyOf(change), change]))
  const entries = new Map()
  for (const key of keys) {
    const entry = known.get(key)
    const change = changes.get(key)
    entry?.advance(change ? merged(entry.view, change) : entry.view, at)
    entries.set(key, entry ?? begin(change, at))
  }
  return entries
}

const beginBackend = (view, at) => new Backend(view, at)
const beginPool = (view) => new Pool(view)
const beginRoute = (view, at) => new Route(view, at)

/** What has changed between two events, as text for people. */
function changesOf(now, before) {
  const told = []
  for (const [key, { title, state, reason }] of now) {
    const old = before.get(key)
    if (!old) told.push(`${title} has joined`)
    else if (old.state !== state) told.push(`${title} is ${STATES[state].toLowerCase()}: ${reason}`)
  }
  for (const [key, { title }] of before) if (!now.has(key)) told.push(`${title} has left`)
  return told
}

export class Model {
  /** The figures of the latest event; undefined before the first. */
  now
  samples = []
  /** By their names, in the order of the configuration. */
  pools = new Map()
  routes = new Map()
  backends = new Map()
  /** Of the lists of backends by their pools, for changes that are made for them. */
  versions = {}
  #recent

  /** Starts from a snapshot. Returns what has changed since the last event of the same process. */
  replace({ samples, pools, routes, backends, ...now }) {
    const isSame = this.now?.startedAt === now.startedAt
    const before = this.#states()
    const whole = (list, keyOf, begin) => new Map(list.map((view) => [keyOf(view), begin(view, now.at)]))
    this.samples = [...samples]
    this.pools = whole(pools, nameOf, beginPool)
    this.routes = whole(routes, nameOf, beginRoute)
    this.backends = whole(backends, keyOfBackend, beginBackend)
    this.#recent = undefined
    this.#take(now)
    return isSame ? changesOf(this.#states(), before) : []
  }

  /** Applies the event a second later. Returns what has changed, as text. */
  advance({ sample, pools, routes, backends, ...now }) {
    const before = this.#states()
    if (sample) this.samples.push(sample)
    if (this.samples.length > KEPT_SAMPLES) this.samples.shift()
    this.pools = advanced(this.pools, pools, now.at, nameOf, beginPool)
    this.routes = advanced(this.routes, routes, now.at, nameOf, beginRoute)
    this.backends = advanced(this.backends, backends, now.at, keyOfBackend, beginBackend)
    if (backends.keys || backends.changed.some(({ changes }) => changes)) this.#recent = undefined
    this.#take(now)
    return changesOf(this.#states(), before)
  }

  #take(now) {
    this.now = now
    const byPool = new Map([...this.pools.keys()].map((name) => [name, []]))
    for (const backend of this.backends.values()) byPool.get(backend.view.pool).push(backend)
    for (const [name, pool] of this.pools) pool.backends = byPool.get(name)
    this.versions = Object.fromEntries([...this.pools].map(([name, { view }]) => [name, view.version]))
  }

  #states() {
    return new Map(
      [...this.backends].map(([key, backend]) => {
        const { state, view } = backend
        return [key, { title: this.titleOf(backend), state, reason: view.reason }]
      })
    )
  }

  /** Whether there are pools to tell apart. */
  get hasPools() {
    return this.pools.size > 1
  }

  /** A backend as it is spoken of: by its address, and its pool where there are several. */
  titleOf({ address, view }) {
    return this.hasPools ? `${address} of pool ${view.pool}` : address
  }

  get healthyCount() {
    let healthy = 0
    for (const pool of this.pools.values()) healthy += pool.healthyCount
    return healthy
  }

  /** The newest changes of all backends, the latest first; the same array while there is nothing new. */
  recentChanges(limit) {
    this.#recent ??= [...this.backends.values()]
      .flatMap(({ address, view: { pool }, changes }) =>
        changes.slice(-limit).map((change) => ({ address, pool, ...change }))
      )
      .sort((a, b) => b.at - a.at)
      .slice(0, limit)
    return this.#recent
  }
}
