import type { Backend } from '../../pool/backend.js'
import { BackendCell } from '../../pool/counters.js'
import type { Registry } from '../../pool/registry.js'

/** How far back the small charts of backends go, in seconds. */
const KEPT_SECONDS = 60

interface Load {
  readonly perSecond: number[]
  total: number
}

/** How many requests each backend was given in each of the last sixty seconds. */
export class BackendRates {
  readonly #registry: Registry
  readonly #rates = new Map<Backend, Load>()

  constructor(registry: Registry) {
    this.#registry = registry
    registry.on('removed', (backend) => this.#rates.delete(backend))
  }

  /** To be called once a second. */
  sample(): void {
    for (const backend of this.#registry.backends) {
      const total = backend.counters.total(BackendCell.total)
      const load = this.#rates.get(backend)
      if (!load) {
        this.#rates.set(backend, { perSecond: [], total })
        continue
      }
      load.perSecond.push(total - load.total)
      load.total = total
      if (load.perSecond.length > KEPT_SECONDS) load.perSecond.shift()
    }
  }

  /** The oldest first. */
  of(backend: Backend): readonly number[] {
    return this.#rates.get(backend)?.perSecond ?? []
  }
}
