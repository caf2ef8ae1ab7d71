import type { Backend } from '../../pool/backend.js'
import { BackendCell } from '../../pool/cells.js'
import type { Registry } from '../../pool/registry.js'

/** How far back the charts of single backends go. */
const KEPT_SECONDS = 60

interface Rates {
  readonly perSecond: number[]
  total: number
}

/** Requests that each backend was given in each of the last sixty seconds. */
export class BackendRates {
  readonly #registry: Registry
  readonly #rates = new Map<Backend, Rates>()

  constructor(registry: Registry) {
    this.#registry = registry
    registry.on('removed', (backend) => this.#rates.delete(backend))
  }

  /** To be called once a second. */
  sample(): void {
    for (const backend of this.#registry.backends) {
      const total = backend.counters.total(BackendCell.total)
      const rates = this.#rates.get(backend)
      if (!rates) {
        this.#rates.set(backend, { perSecond: [], total })
        continue
      }
      rates.perSecond.push(total - rates.total)
      rates.total = total
      if (rates.perSecond.length > KEPT_SECONDS) rates.perSecond.shift()
    }
  }

  /** Requests per second, the oldest first. */
  of(backend: Backend): readonly number[] {
    return this.#rates.get(backend)?.perSecond ?? []
  }
}
