import { type Backend, type BackendState, STATES } from '../../pool/backend.js'
import type { Registry } from '../../pool/registry.js'

/** Counts how often each backend has changed to each state since the start. */
export class HealthTransitions {
  readonly #counts = new Map<Backend, number[]>()

  /** @param predecessor that of the registry before this one, whose counts go on */
  constructor(registry: Registry, predecessor?: HealthTransitions) {
    for (const [{ address }, counts] of predecessor ? predecessor.#counts : []) {
      const backend = registry.backendAt(address)
      if (backend) this.#counts.set(backend, [...counts])
    }
    registry.on('state', ({ backend, to }) => {
      const counts = this.#counts.get(backend) ?? STATES.map(() => 0)
      counts[STATES.indexOf(to)]!++
      this.#counts.set(backend, counts)
    })
    registry.on('removed', (backend) => this.#counts.delete(backend))
  }

  count(backend: Backend, to: BackendState): number {
    return this.#counts.get(backend)?.[STATES.indexOf(to)] ?? 0
  }
}
