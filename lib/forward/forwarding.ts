import type { Backend } from '../backend.js'
import type { LatencyWindow } from '../latency.js'
import type { Registry } from '../registry.js'
import type { ResponseTimeouts } from './response-timeouts.js'
import type { UploadLimits } from './upload.js'

/** What all exchanges share. */
export interface Forwarding extends UploadLimits {
  readonly registry: Registry
  readonly latency: LatencyWindow
  readonly timeouts: ResponseTimeouts
  /** The next backend for a request that the `tried` ones could not take. */
  readonly select: (tried: readonly Backend[]) => Backend | undefined
}
