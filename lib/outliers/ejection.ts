import type { Backend } from '../pool/backend.js'
import { BackendCell } from '../pool/counters.js'
import type { Registry } from '../pool/registry.js'

const FIRST_MS = 10_000
const LONGEST_MS = 300_000
/** Time without a new ejection that halves the next one. */
const QUIET_MS = 60_000

interface Term {
  untilMs: number
  /** How often the time has been doubled. */
  level: number
  endedMs: number
}

/**
 * Keeps backends out by passive means, for 10 s at first, and twice as long each time again up to 300 s. At most half of
 * the backends, and never the last eligible one. Whether a backend is out is in its cells; the times are of this thread,
 * whose tick ends them.
 */
export class Ejection {
  readonly #registry: Registry
  readonly #terms = new Map<Backend, Term>()

  constructor(registry: Registry) {
    this.#registry = registry
    registry.on('removed', (backend) => this.#terms.delete(backend))
    registry.on('reset', (backend) => {
      this.end(backend, 'reset by hand')
      this.#terms.delete(backend)
    })
  }

  /**
   * Keeps a backend out, if that may be.
   * @param isOpen until `end` is called, instead of for a time
   */
  eject(backend: Backend, reason: string, isOpen = false): void {
    // In a panic one that is out is used all the same, and its errors say nothing new.
    if (!backend.eligible || backend.ejected || !this.#mayEject()) return
    const nowMs = this.#registry.tickMs
    const term = this.#terms.get(backend) ?? { untilMs: 0, level: 0, endedMs: nowMs }
    const level = Math.max(0, term.level - Math.floor((nowMs - term.endedMs) / QUIET_MS))
    const durationMs = Math.min(FIRST_MS * 2 ** level, LONGEST_MS)
    term.untilMs = isOpen ? Number.POSITIVE_INFINITY : nowMs + durationMs
    term.level = isOpen ? level : level + 1
    this.#terms.set(backend, term)
    const time = isOpen ? '' : `, for ${durationMs / 1000} s`
    this.#registry.setEjected(backend, true, `${reason}${time}`)
  }

  /** Lets a backend in again. */
  end(backend: Backend, reason: string): void {
    const term = this.#terms.get(backend)
    if (!term || !backend.ejected) return
    term.endedMs = this.#registry.tickMs
    backend.counters.set(BackendCell.consecutiveErrors, 0)
    this.#registry.setEjected(backend, false, reason)
  }

  /** Ends what is over, and all that has a time where nobody else is left. */
  tick(): void {
    const { tickMs, eligibleCount } = this.#registry
    for (const [backend, { untilMs }] of this.#terms) {
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
