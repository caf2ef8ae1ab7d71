import type { Backend } from './backend.js'
import { BackendCell } from './cells.js'

/**
 * Recomputes which backends may be given requests.
 * @param mayPanic whether unhealthy ones may when no healthy one is left
 * @returns whether it has come to that
 */
export function updateEligibility(backends: readonly Backend[], mayPanic: boolean): boolean {
  const panic = mayPanic && !backends.some(({ isAvailable }) => isAvailable)
  for (const { counters, draining, isAvailable } of backends)
    counters.set(BackendCell.eligible, Number(panic ? !draining : isAvailable))
  return panic
}
