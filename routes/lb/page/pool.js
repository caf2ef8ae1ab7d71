// The model of one pool: what the events say of it, and its backends.

export class Pool {
  view
  #backends = []
  #healthyCount = 0

  constructor(view) {
    this.view = view
  }

  /** Updates it with the state a second later. */
  advance(view) {
    this.view = view
  }

  get name() {
    return this.view.name
  }

  get backends() {
    return this.#backends
  }

  set backends(backends) {
    this.#backends = backends
    this.#healthyCount = backends.filter(({ state }) => state === 'healthy').length
  }

  get healthyCount() {
    return this.#healthyCount
  }

  /** What becomes of its requests while it has no healthy backend; empty if it has one. */
  get outcome() {
    if (this.view.panic) return 'requests go to unhealthy ones'
    return this.#healthyCount === 0 ? 'requests are answered 503' : ''
  }

  get alarm() {
    return this.outcome === '' ? '' : `No backend is healthy: ${this.outcome}.`
  }
}

/** Of more pools in trouble, only the number is told. */
const NAMED = 3

/** Which pools have no healthy backend, as text; empty for none. */
export function poolsAlarm(pools) {
  const troubled = [...pools.values()].filter(({ outcome }) => outcome !== '')
  if (pools.size === 1) return troubled[0]?.alarm ?? ''
  if (troubled.length <= NAMED)
    return troubled.map(({ name, outcome }) => `Pool ${name} has no healthy backend: ${outcome}.`).join(' ')
  const names = troubled.slice(0, NAMED).map(({ name }) => name)
  return `${troubled.length} pools have no healthy backend: ${names.join(', ')} and ${troubled.length - NAMED} more.`
}
