import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { AttemptFault } from './failure.js'
import type { TrafficListeners } from './forwarder-options.js'

/**
 * Reports a failed attempt to whom it concerns: the registry, and outlier detection unless the backend is innocent.
 * @param isReused whether the connection had carried requests before
 */
export function reportFault(
  backend: Backend,
  { failure, detail, missing, unreachable, connectionLost, unprocessed, refusesAll }: AttemptFault,
  isReused: boolean,
  registry: Registry,
  { outlierDetector, onShortage }: Pick<TrafficListeners, 'outlierDetector' | 'onShortage'>
): void {
  if (missing) {
    onShortage(missing)
    return
  }
  registry.reportFailure(backend, failure.code, detail, unreachable)
  // That takes it out by itself.
  if (unreachable) return
  if (connectionLost || refusesAll) outlierDetector.onLoss(backend, isReused || refusesAll)
  // A connection at its end is nobody's fault.
  else if (!unprocessed) outlierDetector.onError(backend)
}
