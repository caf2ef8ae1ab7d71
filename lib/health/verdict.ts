import type { Backend, CheckResult } from '../backend.js'
import { BackendCell } from '../counters.js'
import type { Registry } from '../registry.js'

export interface Thresholds {
  /** Passes in a row that bring an unhealthy backend back. */
  readonly rise: number
  /** Failures in a row that take a healthy backend out. */
  readonly fall: number
}

/** Notes the result of a check and moves the backend's state when it crosses a threshold. No timers, no I/O. */
export function applyCheck(
  registry: Registry,
  backend: Backend,
  check: CheckResult,
  { rise, fall }: Thresholds
): void {
  const { counters } = backend
  const first = backend.state === 'checking'
  backend.lastCheck = check
  if (check.ok) {
    counters.set(BackendCell.consecutiveFailures, 0)
    const passes = counters.add(BackendCell.consecutiveSuccesses, 1)
    if (first || passes >= rise) registry.setState(backend, 'healthy', `${passed(passes)}: ${check.result}`)
  } else {
    counters.set(BackendCell.consecutiveSuccesses, 0)
    const failures = counters.add(BackendCell.consecutiveFailures, 1)
    if (first || failures >= fall)
      registry.setState(backend, 'unhealthy', `${failed(failures)}: ${check.result}`)
  }
}

/** Whether the next result may change the state: then it is asked for sooner. */
export function isInDoubt(backend: Backend): boolean {
  const cell = backend.eligible ? BackendCell.consecutiveFailures : BackendCell.consecutiveSuccesses
  return backend.counters.get(cell) > 0
}

const passed = (count: number) => (count === 1 ? 'check passed' : `${count} checks passed`)
const failed = (count: number) => (count === 1 ? 'check failed' : `${count} checks failed`)
