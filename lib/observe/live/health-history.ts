import type { Backend, BackendStatus } from '../../pool/backend.js'
import type { Registry } from '../../pool/registry.js'

const MAX_CHANGES = 20

/** What a backend has become, when, and why. */
export interface HealthChange {
  /** In milliseconds since 1970. */
  readonly at: number
  readonly to: BackendStatus
  readonly reason: string
}

/** What happened to a backend, beside what it has become. */
const WORDS = {
  ejected: '',
  returned: 'back from its ejection: ',
  draining: '',
  'drain ended': 'drain ended: '
}

/** The last changes of each backend's state, ejections and drains among them. */
export class HealthHistory {
  readonly #changes = new Map<Backend, HealthChange[]>()
  readonly #now: () => number
  #count = 0

  /** @param now in milliseconds since 1970 */
  constructor(registry: Registry, now: () => number = Date.now) {
    this.#now = now
    const begin = (backend: Backend) => {
      const { status, reason } = backend
      this.#changes.set(backend, [{ at: backend.since.getTime(), to: status, reason }])
    }
    registry.backends.forEach(begin)
    registry.on('added', (backend) => {
      begin(backend)
      this.#count++
    })
    registry.on('removed', (backend) => this.#changes.delete(backend))
    registry.on('state', ({ backend, reason }) => this.#record(backend, reason))
    registry.on('rotation', ({ backend, kind, reason }) => this.#record(backend, `${WORDS[kind]}${reason}`))
  }

  /** How many changes there were so far, of all backends. */
  get count(): number {
    return this.#count
  }

  /** The oldest first: what it was when it joined, or what it became twenty changes ago. */
  of(backend: Backend): readonly HealthChange[] {
    return this.#changes.get(backend) ?? []
  }

  #record(backend: Backend, reason: string): void {
    const changes = this.#changes.get(backend)
    // A check may fail while a drain keeps it out: what is shown of it stays the same.
    if (!changes || changes.at(-1)?.to === backend.status) return
    changes.push({ at: this.#now(), to: backend.status, reason })
    if (changes.length > MAX_CHANGES) changes.shift()
    this.#count++
  }
}
