import { type Backend, HEALTHY } from './backend.js'
import { BackendCell } from './cells.js'
import type { BackendFailure } from './registry-events.js'

/** What decides what becomes of a backend. */
interface States {
  readonly eligibleCount: number
  emit(event: 'failure', failure: BackendFailure): boolean
  setState(backend: Backend, to: 'unhealthy', reason: string): void
}

/**
 * What follows from a failed attempt that was counted, in this thread or in another. A backend that could not be reached
 * becomes unhealthy at once, unless it is the last eligible one: an attempt at that costs less than refusing every request.
 */
export function applyFailure(
  registry: States,
  backend: Backend,
  code: string,
  detail: string,
  unreachable: boolean
): void {
  registry.emit('failure', { backend, code, detail })
  if (!unreachable || backend.counters.get(BackendCell.state) !== HEALTHY) return
  if (backend.eligible && registry.eligibleCount === 1) return
  backend.counters.set(BackendCell.consecutiveSuccesses, 0)
  registry.setState(backend, 'unhealthy', detail)
}
