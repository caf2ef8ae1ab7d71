import type { Backend, BackendStatus } from '../../pool/backend.js'
import type { Registry } from '../../pool/registry.js'

const MAX_CHANGES = 20

/** A change of a backend's status: what it became, when, and why. */
export interface HealthChange {
  /** In milliseconds since 1970. */
  readonly at: number
  readonly to: BackendStatus
  readonly reason: string
}

/** What precedes the reason, where the status does not say what happened. */
const PREFIXES = {
  ejected: '',
  returned: 'back from its ejection: ',
  draining: '',
  'drain ended': 'drain ended: ',
  terminating: '',
  'terminating ended': ''
}

/** The latest changes of each backend's status, including ejections and drains. */
export class HealthHistory {
  readonly #changes = new Map<Backend, readonly HealthChange[]>()
  readonly #now: () => number

  /** @param now in milliseconds since 1970 */
  constructor(registry: Registry, now: () => number = Date.now) {
    this.#now = now
    const begin = (backend: Backend) => {
      const { status, reason } = backend
      this.#changes.set(backend, [{ at: backend.since.getTime(), to: status, reason }])
    }
    registry.backends.forEach(begin)
    registry.on('added', begin)
    registry.on('removed', (backend) => this.#changes.delete(backend))
    registry.on('state', ({ backend, reason }) => this.#record(backend, reason))
    registry.on('rotation', ({ backend, kind, reason }) =>
      this.#record(backend, `${PREFIXES[kind]}${reason}`)
    )
  }

  /** A new array after each change. The oldest first; the first is the status with which it joined, unless there were more than twenty changes. */
  of(backend: Backend): readonly HealthChange[] {
    return this.#changes.get(backend) ?? []
  }

  #record(backend: Backend, reason: string): void {
    const changes = this.#changes.get(backend)
    // A check may fail during a drain: the status that is shown stays the same.
    if (!changes || changes.at(-1)?.to === backend.status) return
    const change = { at: this.#now(), to: backend.status, reason }
    this.#changes.set(backend, [...changes, change].slice(-MAX_CHANGES))
  }
}
