import { type Backend, WEIGHT_UNIT } from './backend.js'
import { BackendCell } from './cells.js'

/** The share of its weight that a slow start begins with. */
const MIN_SHARE = 0.1

/** Changes what depends on time. */
export function tickBackend(backend: Backend, nowMs: number, slowStartMs = 0): void {
  const { counters } = backend
  const penalty = counters.get(BackendCell.penalty)
  if (penalty > 0) counters.add(BackendCell.penalty, (penalty >> 1) - penalty)
  if (backend.slowStartSinceMs >= 0) raiseWeight(backend, nowMs, slowStartMs)
}

/**
 * Performs one step of a backend's slow start: its weight rises linearly from a tenth to the configured one.
 * @param slowStartMs duration of the whole; 0 for none
 */
export function raiseWeight(backend: Backend, nowMs: number, slowStartMs = 0): void {
  const share = slowStartMs > 0 ? (nowMs - backend.slowStartSinceMs) / slowStartMs : 1
  if (share >= 1) backend.slowStartSinceMs = -1
  const weight = backend.weight * WEIGHT_UNIT
  const effective = share >= 1 ? weight : Math.max(1, Math.round(weight * Math.max(share, MIN_SHARE)))
  backend.counters.set(BackendCell.effectiveWeight, effective)
}
