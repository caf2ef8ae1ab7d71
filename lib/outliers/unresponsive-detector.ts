import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { Ejector } from './ejection.js'

/** How long the probe of a silent backend may take. */
export const PROBE_TIMEOUT_MS = 300
/** Time between two probes of one backend. */
const PROBE_PERIOD_MS = 1000
/** Where a backend cannot be probed: how many requests must wait on it at once, and how many times as long. */
const MIN_WAITING_UNPROBED = 3
const UNPROBED_FACTOR = 8

interface Suspect {
  isUnresponsive: boolean
  isProbing: boolean
  probedMs: number
  waiting: number
  waitingMs: number
}

export interface UnresponsiveOptions {
  /** How long a backend may be silent while requests wait on it before it is probed. */
  readonly afterMs: number
  /** Whether a backend answers a health check; undefined for one that has none. */
  readonly probe: (backend: Backend) => Promise<boolean> | undefined
}

/**
 * Finds backends that accept requests and answer none, long before the response timeout. Silence alone proves nothing, as
 * a request may simply take long: a silent backend is probed by a health check, and is unresponsive if that fails too,
 * until it answers anything. Each thread has a detector of its own, as it sees only its own connections.
 */
export class UnresponsiveDetector {
  readonly #registry: Registry
  readonly #ejection: Ejector | undefined
  readonly #options: UnresponsiveOptions
  readonly #suspects = new Map<Backend, Suspect>()

  constructor(registry: Registry, ejection: Ejector | undefined, options: UnresponsiveOptions) {
    this.#registry = registry
    this.#ejection = ejection
    this.#options = options
    registry.on('removed', (backend) => this.#suspects.delete(backend))
  }

  get afterMs(): number {
    return this.#options.afterMs
  }

  /** Whether requests that wait on a backend had better be sent to another. */
  isUnresponsive(backend: Backend): boolean {
    return this.#suspects.get(backend)?.isUnresponsive ?? false
  }

  /** To be called at each tick for a request that has waited on a backend for `waitedMs` by then. */
  onLate(backend: Backend, waitedMs: number): void {
    if (backend.isRemoved) return
    const nowMs = this.#registry.tickMs
    const silentMs = Math.min(waitedMs, nowMs - backend.lastAnswerMs)
    if (silentMs < this.#options.afterMs) return
    let suspect = this.#suspects.get(backend)
    if (!suspect) {
      suspect = {
        isUnresponsive: false,
        isProbing: false,
        probedMs: -PROBE_PERIOD_MS,
        waiting: 0,
        waitingMs: 0
      }
      this.#suspects.set(backend, suspect)
    }
    if (suspect.waitingMs !== nowMs) suspect.waiting = 0
    suspect.waitingMs = nowMs
    suspect.waiting++
    if (suspect.isUnresponsive || suspect.isProbing || nowMs < suspect.probedMs + PROBE_PERIOD_MS) return
    const answer = this.#options.probe(backend)
    if (answer) {
      void this.#applyProbe(backend, suspect, answer, silentMs)
    } else if (
      suspect.waiting >= MIN_WAITING_UNPROBED &&
      silentMs >= UNPROBED_FACTOR * this.#options.afterMs
    ) {
      this.#ejection?.eject(backend, silence(silentMs))
    }
  }

  /** Probes unresponsive backends again, and ends the ejection of those that have answered. */
  tick(): void {
    const nowMs = this.#registry.tickMs
    for (const [backend, suspect] of this.#suspects) {
      if (!suspect.isUnresponsive) continue
      if (backend.lastAnswerMs > suspect.probedMs) {
        this.#recover(backend, suspect, 'it answers again')
      } else if (!suspect.isProbing && nowMs >= suspect.probedMs + PROBE_PERIOD_MS) {
        const answer = this.#options.probe(backend)
        if (answer) void this.#applyProbe(backend, suspect, answer, nowMs - backend.lastAnswerMs)
      }
    }
  }

  async #applyProbe(
    backend: Backend,
    suspect: Suspect,
    answer: Promise<boolean>,
    silentMs: number
  ): Promise<void> {
    suspect.isProbing = true
    suspect.probedMs = this.#registry.tickMs
    const isAnswering = await answer
    suspect.isProbing = false
    if (isAnswering) this.#recover(backend, suspect, 'a check passed')
    else if (!suspect.isUnresponsive && backend.lastAnswerMs <= suspect.probedMs) {
      suspect.isUnresponsive = true
      this.#ejection?.eject(backend, `${silence(silentMs)}, and a check failed`, true)
    }
  }

  #recover(backend: Backend, suspect: Suspect, reason: string): void {
    if (suspect.isUnresponsive) this.#ejection?.end(backend, reason)
    suspect.isUnresponsive = false
  }
}

const silence = (ms: number) => `silent for ${Math.round(ms)} ms with requests waiting`
