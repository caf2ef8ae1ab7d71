import type { Backend } from '../pool/backend.js'
import { BackendCell } from '../pool/cells.js'
import type { Registry } from '../pool/registry.js'

const BASE_EJECTION_MS = 10_000
const MAX_EJECTION_MS = 300_000
/** Each such time without a new ejection halves the next one. */
const DECAY_MS = 60_000

interface EjectionTime {
  /** When the ejection ends; infinite while something else is to end it. */
  untilMs: number
  /** How often the base time is doubled for the next ejection. */
  doublings: number
  /** When the latest ejection ended. */
  endedMs: number
}

/** Takes backends out of rotation, or has another thread do so. */
export interface Ejector {
  eject(backend: Backend, reason: string, isIndefinite?: boolean): void
  end(backend: Backend, reason: string): void
}

/**
 * Takes backends out of rotation that passive checks found bad: for 10 s at first, then twice as long each time, up to
 * 300 s. At most half of the backends are ejected, and never the last eligible one. Whether a backend is ejected is kept
 * in its cells; the times belong to this thread, whose tick ends them.
 */
export class Ejection implements Ejector {
  readonly #registry: Registry
  readonly #ejections = new Map<Backend, EjectionTime>()

  constructor(registry: Registry) {
    this.#registry = registry
    // The registry before this one has ejected them.
    const untilMs = registry.tickMs + BASE_EJECTION_MS
    for (const backend of registry.backends)
      if (backend.ejected) this.#ejections.set(backend, { untilMs, doublings: 1, endedMs: 0 })
    registry.on('removed', (backend) => this.#ejections.delete(backend))
    registry.on('reset', (backend) => {
      this.end(backend, 'reset by hand')
      this.#ejections.delete(backend)
    })
  }

  /**
   * Ejects a backend, unless it would be one too many.
   * @param reason for logs and statistics
   * @param isIndefinite whether it stays ejected until `end` is called
   */
  eject(backend: Backend, reason: string, isIndefinite = false): void {
    // In a panic ejected backends are used all the same, and their errors say nothing new.
    if (!backend.eligible || backend.ejected || !this.#mayEject()) return
    const nowMs = this.#registry.tickMs
    const ejection = this.#ejections.get(backend) ?? { untilMs: 0, doublings: 0, endedMs: nowMs }
    const doublings = Math.max(0, ejection.doublings - Math.floor((nowMs - ejection.endedMs) / DECAY_MS))
    const durationMs = Math.min(BASE_EJECTION_MS * 2 ** doublings, MAX_EJECTION_MS)
    ejection.untilMs = isIndefinite ? Number.POSITIVE_INFINITY : nowMs + durationMs
    ejection.doublings = isIndefinite ? doublings : doublings + 1
    this.#ejections.set(backend, ejection)
    const time = isIndefinite ? '' : `, for ${durationMs / 1000} s`
    this.#registry.setEjected(backend, true, `${reason}${time}`)
  }

  /** Puts an ejected backend back into rotation. */
  end(backend: Backend, reason: string): void {
    const ejection = this.#ejections.get(backend)
    if (!ejection || !backend.ejected) return
    ejection.endedMs = this.#registry.tickMs
    backend.counters.set(BackendCell.consecutiveErrors, 0)
    this.#registry.setEjected(backend, false, reason)
  }

  /** Ends the ejections whose time is over, and all timed ones when no eligible backend is left. */
  tick(): void {
    const { tickMs, eligibleCount } = this.#registry
    for (const [backend, { untilMs }] of this.#ejections) {
      if (!backend.ejected) continue
      if (tickMs >= untilMs) this.end(backend, 'its time is over')
      else if (eligibleCount === 0 && untilMs < Number.POSITIVE_INFINITY)
        this.end(backend, 'no other is left')
    }
  }

  #mayEject(): boolean {
    const { backends, eligibleCount } = this.#registry
    let out = 0
    for (const backend of backends) if (backend.ejected) out++
    return eligibleCount > 1 && out + 1 <= backends.length / 2
  }
}
