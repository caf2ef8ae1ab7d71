import type { Backend, CheckResult } from '../pool/backend.js'
import { BackendCell } from '../pool/counters.js'
import type { Registry } from '../pool/registry.js'

export interface Thresholds {
  /** Passes in a row that bring an unhealthy backend back. */
  readonly rise: number
  /** Failures in a row that take a healthy backend out. */
  readonly fall: number
}

/** What holds a backend back that goes out again and again. */
export interface Damping {
  /** Passes in a row that bring it back, where `rise` do for others. */
  passesNeeded(rise: number): number
}

/** Notes the result of a check and moves the backend's state when it crosses a threshold. No timers, no I/O. */
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
    // One that was held back is so no more: what it fails by is what keeps it out.
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
  // One that comes and goes is better than none.
  const isLast = registry.eligibleCount === 0 && passes >= rise
  if (passes >= needed || isLast) {
    const why = passes < needed ? ', flapping but no other is left' : needed > rise ? ' after flapping' : ''
    registry.setState(backend, 'healthy', `${passed(passes)}${why}: ${backend.lastCheck!.result}`)
  } else if (passes >= rise) {
    backend.reason = `flapping, held back until ${needed} checks in a row pass`
  }
}

/** Whether the next result may change the state: then it is asked for sooner. */
export function isTransitional(backend: Backend): boolean {
  const cell = backend.eligible ? BackendCell.consecutiveFailures : BackendCell.consecutiveSuccesses
  return backend.counters.get(cell) > 0
}

const passed = (count: number) => (count === 1 ? 'check passed' : `${count} checks passed`)
const failed = (count: number) => (count === 1 ? 'check failed' : `${count} checks failed`)
