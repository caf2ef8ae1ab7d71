import type { Backend } from '../pool/backend.js'
import { BackendCell } from '../pool/cells.js'
import type { Registry } from '../pool/registry.js'
import type { Ejector } from './ejection.js'

/** Consecutive errors that make an outlier. */
const CONSECUTIVE_ERRORS = 5
/** Fewer errors in the window say nothing about the rate. */
const MIN_ERRORS = 10
/** Errors as a share of a backend's answers. */
const MIN_ERROR_RATE = 0.2
/** How many times the error rate of the others: requests that fail on every backend are not the fault of one. */
const MIN_RATIO_TO_OTHERS = 2
const WINDOW_MS = 1000
/** More would change nothing, and take long to decay. */
const MAX_PENALTY = 10_000

interface Count {
  readonly errors: number
  readonly answers: number
}

type Counts = ReadonlyMap<Backend, Count>

const NONE: Count = { errors: 0, answers: 0 }

/**
 * Finds the backends that fail clients' requests while the others do not, and ejects them. Each error also counts as a
 * request in flight for a moment (each tick halves that penalty): a backend that fails fast has few requests in flight,
 * and would attract the traffic of all others.
 */
export class OutlierDetector {
  readonly #registry: Registry
  readonly #ejection: Ejector | undefined
  /** The counts at the start of the window, and those half a window later, from which the next one starts. */
  #from: Counts
  #next: Counts
  #movedMs = 0
  /** The latest tick in which each backend lost a connection, and the one before that. */
  readonly #losses = new Map<Backend, { atMs: number; beforeMs: number }>()

  /** @param ejection undefined if errors are only to count as load */
  constructor(registry: Registry, ejection: Ejector | undefined) {
    this.#registry = registry
    this.#ejection = ejection
    this.#from = this.#next = countAll(registry.backends)
    registry.on('removed', (backend) => this.#losses.delete(backend))
    registry.on('reset', (backend) => {
      this.#losses.delete(backend)
      backend.counters.set(BackendCell.consecutiveErrors, 0)
      backend.counters.set(BackendCell.penalty, 0)
    })
  }

  /** To be called when a backend answered with a server error, or an attempt at it failed. */
  onError(backend: Backend): void {
    const { counters } = backend
    counters.addTotal(BackendCell.errors, 1)
    if (counters.get(BackendCell.penalty) < MAX_PENALTY) counters.add(BackendCell.penalty, 1)
    const consecutive = counters.add(BackendCell.consecutiveErrors, 1)
    if (!this.#ejection || !backend.eligible) return
    const { errors, answers } = this.#recent(backend)
    const isConsecutive = consecutive >= CONSECUTIVE_ERRORS
    if (!isConsecutive && (errors < MIN_ERRORS || errors < answers * MIN_ERROR_RATE)) return
    const rate = isConsecutive ? 1 : errors / answers
    if (this.#rateOfOthers(backend) * MIN_RATIO_TO_OTHERS > rate) return
    const what = isConsecutive ? `${consecutive} errors in a row` : `${Math.round(rate * 100)} % errors`
    this.#ejection.eject(backend, what)
  }

  /**
   * To be called when a connection to a backend broke during a request. All those of one tick count once: a process that
   * ends breaks every connection that it has, and then refuses new ones, which says more. A backend that accepts new
   * connections and breaks those as well has not ended.
   * @param isReused whether the connection had carried requests before
   */
  onLoss(backend: Backend, isReused: boolean): void {
    if (backend.isRemoved) return
    const { tickMs } = this.#registry
    const loss = this.#losses.get(backend)
    if (loss?.atMs === tickMs && (isReused || tickMs - loss.beforeMs > WINDOW_MS)) return
    if (loss?.atMs !== tickMs)
      this.#losses.set(backend, { atMs: tickMs, beforeMs: loss?.atMs ?? Number.NEGATIVE_INFINITY })
    this.onError(backend)
  }

  /** To be called when a backend's answer is complete and no server error. */
  onSuccess({ counters }: Backend): void {
    if (counters.get(BackendCell.consecutiveErrors) > 0) counters.set(BackendCell.consecutiveErrors, 0)
  }

  /** Moves the window, which covers 1 to 1.5 s. */
  tick(): void {
    const nowMs = this.#registry.tickMs
    if (nowMs < this.#movedMs + WINDOW_MS / 2) return
    this.#movedMs = nowMs
    this.#from = this.#next
    this.#next = countAll(this.#registry.backends)
  }

  #recent(backend: Backend): Count {
    const now = countOf(backend)
    const from = this.#from.get(backend) ?? NONE
    return { errors: now.errors - from.errors, answers: now.answers - from.answers }
  }

  #rateOfOthers(backend: Backend): number {
    let errors = 0
    let answers = 0
    for (const other of this.#registry.backends) {
      if (other === backend || !other.eligible) continue
      const recent = this.#recent(other)
      errors += recent.errors
      answers += recent.answers
    }
    return answers === 0 ? 0 : errors / answers
  }
}

function countAll(backends: readonly Backend[]): Counts {
  return new Map(backends.map((backend) => [backend, countOf(backend)]))
}

/** Every request that is not in flight has been answered, in one way or another. */
function countOf(backend: Backend): Count {
  const { counters } = backend
  return {
    errors: counters.total(BackendCell.errors),
    answers: counters.total(BackendCell.total) - backend.active
  }
}
