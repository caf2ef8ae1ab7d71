import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { Ejection } from './ejection.js'

/** How long a probe of a suspect may take. */
export const PROBE_TIMEOUT_MS = 300
/** Between two probes of one backend. */
const PROBE_PERIOD_MS = 1000
/** With nobody to ask, requests that must wait on a silent backend at once, and for how much longer. */
const UNPROBED_WAITING = 3
const UNPROBED_FACTOR = 8

interface Suspect {
  isUnresponsive: boolean
  isProbing: boolean
  probedMs: number
  waiting: number
  waitingMs: number
}

export interface UnresponsiveOptions {
  /** Silence that makes a suspect, while requests wait. */
  readonly afterMs: number
  /** Whether a backend answers a check; undefined for one that cannot be asked. */
  readonly probe: (backend: Backend) => Promise<boolean> | undefined
}

/**
 * Finds backends that accept requests and answer none, long before the response timeout. Silence alone proves nothing,
 * as a request may just take long: a silent backend is asked by a check of its own, and is stalled if that fails too.
 * It is until it says anything. Per thread, as each hears what comes over its own connections.
 */
export class UnresponsiveDetector {
  readonly #registry: Registry
  readonly #ejection: Ejection | undefined
  readonly #options: UnresponsiveOptions
  readonly #suspects = new Map<Backend, Suspect>()

  constructor(registry: Registry, ejection: Ejection | undefined, options: UnresponsiveOptions) {
    this.#registry = registry
    this.#ejection = ejection
    this.#options = options
    registry.on('removed', (backend) => this.#suspects.delete(backend))
  }

  get afterMs(): number {
    return this.#options.afterMs
  }

  /** Whether what waits on a backend had better be sent elsewhere. */
  isUnresponsive(backend: Backend): boolean {
    return this.#suspects.get(backend)?.isUnresponsive ?? false
  }

  /** Tells that a request has waited on a backend for `waitedMs` at this tick. */
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
      void this.#learn(backend, suspect, answer, silentMs)
    } else if (suspect.waiting >= UNPROBED_WAITING && silentMs >= UNPROBED_FACTOR * this.#options.afterMs) {
      this.#ejection?.eject(backend, silence(silentMs))
    }
  }

  /** Looks again at what is stalled. */
  tick(): void {
    const nowMs = this.#registry.tickMs
    for (const [backend, suspect] of this.#suspects) {
      if (!suspect.isUnresponsive) continue
      if (backend.lastAnswerMs > suspect.probedMs) {
        this.#recover(backend, suspect, 'it answers again')
      } else if (!suspect.isProbing && nowMs >= suspect.probedMs + PROBE_PERIOD_MS) {
        const answer = this.#options.probe(backend)
        if (answer) void this.#learn(backend, suspect, answer, nowMs - backend.lastAnswerMs)
      }
    }
  }

  async #learn(
    backend: Backend,
    suspect: Suspect,
    answer: Promise<boolean>,
    silentMs: number
  ): Promise<void> {
    suspect.isProbing = true
    suspect.probedMs = this.#registry.tickMs
    const isWell = await answer
    suspect.isProbing = false
    if (isWell) this.#recover(backend, suspect, 'a check passed')
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
