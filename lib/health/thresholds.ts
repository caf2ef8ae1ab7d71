import type { Backend, CheckResult } from '../pool/backend.js'
import { BackendCell } from '../pool/cells.js'
import type { Registry } from '../pool/registry.js'

export interface Thresholds {
  /** Consecutive passes that make an unhealthy backend healthy. */
  readonly rise: number
  /** Consecutive failures that make a healthy backend unhealthy. */
  readonly fall: number
}

/** Holds back a backend that turns unhealthy again and again. */
export interface Damping {
  /** Consecutive passes that bring it back, where `rise` are enough for others. */
  passesNeeded(rise: number): number
}

/** Records the result of a check, and changes the backend's state when a threshold is reached. No timers, no I/O. */
export function applyCheck(
  registry: Registry,
  backend: Backend,
  check: CheckResult,
  { rise, fall }: Thresholds,
  damping?: Damping
): void {
  const { counters } = backend
  backend.lastCheck = check
  if (check.ok) {
    counters.set(BackendCell.consecutiveFailures, 0)
    const passes = counters.add(BackendCell.consecutiveSuccesses, 1)
    if (!backend.eligible && !backend.forcedHealth) pass(registry, backend, passes, rise, damping)
  } else {
    // It is this failure that keeps it out, instead of the damping.
    const wasHeldBack = !backend.eligible && counters.get(BackendCell.consecutiveSuccesses) >= rise
    counters.set(BackendCell.consecutiveSuccesses, 0)
    const failures = counters.add(BackendCell.consecutiveFailures, 1)
    const reason = `${failed(failures)}: ${check.result}`
    if (wasHeldBack && !backend.forcedHealth) backend.reason = reason
    if (backend.state === 'checking' || failures >= fall) registry.setState(backend, 'unhealthy', reason)
  }
}

function pass(
  registry: Registry,
  backend: Backend,
  passes: number,
  rise: number,
  damping: Damping | undefined
): void {
  const isFirst = backend.state === 'checking'
  const needed = isFirst ? 1 : (damping?.passesNeeded(rise) ?? rise)
  // A flapping backend is better than none.
  const isLast = registry.eligibleCount === 0 && passes >= rise
  if (passes >= needed || isLast) {
    const why = passes < needed ? ', flapping but no other is left' : needed > rise ? ' after flapping' : ''
    registry.setState(backend, 'healthy', `${passed(passes)}${why}: ${backend.lastCheck!.result}`)
  } else if (passes >= rise) {
    backend.reason = `flapping, held back until ${needed} checks in a row pass`
  }
}

/** Whether the state is about to change: the next check then comes sooner (HAProxy's `fastinter`). */
export function isTransitional(backend: Backend): boolean {
  const cell = backend.eligible ? BackendCell.consecutiveFailures : BackendCell.consecutiveSuccesses
  return backend.counters.get(cell) > 0
}

const passed = (count: number) => (count === 1 ? 'check passed' : `${count} checks passed`)
const failed = (count: number) => (count === 1 ? 'check failed' : `${count} checks failed`)
