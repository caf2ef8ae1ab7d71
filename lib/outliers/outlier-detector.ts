import type { Backend } from '../pool/backend.js'
import { BackendCell } from '../pool/counters.js'
import type { Registry } from '../pool/registry.js'
import type { Ejection } from './ejection.js'

/** Errors in a row that make an outlier. */
const IN_A_ROW = 5
/** Errors in the window from which on their rate says something. */
const MIN_ERRORS = 10
/** Of the answers of a backend. */
const MIN_RATE = 0.2
/** The others must do so much better: what all backends answer with errors is not the fault of one. */
const BETTER = 2
const WINDOW_MS = 1000
/** Beyond it more errors change nothing, and would take long to be forgotten. */
const MAX_PENALTY = 10_000

interface Count {
  readonly errors: number
  readonly answers: number
}

type Counts = ReadonlyMap<Backend, Count>

const NOTHING: Count = { errors: 0, answers: 0 }

/**
 * Finds the backends that fail while the others do not, by what clients' requests meet. Each error also counts as a
 * request in flight for a moment (the tick halves that), as a backend that fails fast is idle, and would draw the
 * traffic of all others.
 */
export class OutlierDetector {
  readonly #registry: Registry
  readonly #ejection: Ejection | undefined
  /** The counts at the start of the window, and those half a window later, which come next. */
  #from: Counts
  #next: Counts
  #movedMs = 0
  /** The tick in which each last lost a connection, and the one before that in which it did. */
  readonly #losses = new Map<Backend, { atMs: number; beforeMs: number }>()

  /** @param ejection none: errors only count as load */
  constructor(registry: Registry, ejection: Ejection | undefined) {
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

  /** An answer of a backend was a server error, or an attempt at it failed. */
  onError(backend: Backend): void {
    const { counters } = backend
    counters.addTotal(BackendCell.errors, 1)
    if (counters.get(BackendCell.penalty) < MAX_PENALTY) counters.add(BackendCell.penalty, 1)
    const inARow = counters.add(BackendCell.consecutiveErrors, 1)
    if (!this.#ejection || !backend.eligible) return
    const { errors, answers } = this.#recent(backend)
    const isSure = inARow >= IN_A_ROW
    if (!isSure && (errors < MIN_ERRORS || errors < answers * MIN_RATE)) return
    const rate = isSure ? 1 : errors / answers
    if (this.#rateOfOthers(backend) * BETTER > rate) return
    const what = isSure ? `${inARow} errors in a row` : `${Math.round(rate * 100)} % errors`
    this.#ejection.eject(backend, what)
  }

  /**
   * A connection to a backend broke under a request. All those of one tick count once: a process that ends breaks
   * every connection that it has, and is found to refuse the next one, which says more. One that goes on accepting
   * connections, and breaks those as well, has not ended.
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

  /** An answer of a backend came whole, and was no server error. */
  onSuccess({ counters }: Backend): void {
    if (counters.get(BackendCell.consecutiveErrors) > 0) counters.set(BackendCell.consecutiveErrors, 0)
  }

  /** Moves the window, which covers one to one and a half of its nominal second. */
  tick(): void {
    const nowMs = this.#registry.tickMs
    if (nowMs < this.#movedMs + WINDOW_MS / 2) return
    this.#movedMs = nowMs
    this.#from = this.#next
    this.#next = countAll(this.#registry.backends)
  }

  #recent(backend: Backend): Count {
    const now = countOf(backend)
    const from = this.#from.get(backend) ?? NOTHING
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

/** All requests but those under way have been answered, in one way or another. */
function countOf(backend: Backend): Count {
  const { counters } = backend
  return {
    errors: counters.total(BackendCell.errors),
    answers: counters.total(BackendCell.total) - backend.active
  }
}
