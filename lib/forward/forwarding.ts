import type { BlockList } from 'node:net'
import type { AccessLog } from '../access-log/access-log.js'
import type { Backend } from '../backend.js'
import type { Stalls } from '../ejection/stalls.js'
import type { LatencyWindow } from '../latency.js'
import type { RequestMetrics } from '../metrics/request-metrics.js'
import type { Registry } from '../registry.js'
import type { Selector } from '../selection/selector.js'
import type { Sessions } from '../selection/sticky.js'
import type { Deadlines } from './deadlines.js'
import type { AttemptFault } from './failure.js'
import type { Outage } from './outage.js'
import type { ResponseTimeouts } from './response-timeouts.js'
import type { RetryBudget } from './retry-budget.js'
import type { UploadLimits } from './upload.js'
import type { WaitingQueue } from './waiting-queue.js'

/** What all exchanges share. */
export interface Forwarding extends UploadLimits {
  readonly registry: Registry
  readonly latency: LatencyWindow
  readonly metrics: RequestMetrics
  /** Undefined if there is none. */
  readonly accessLog: AccessLog | undefined
  readonly timeouts: ResponseTimeouts
  readonly deadlines: Deadlines
  readonly selector: Selector
  /** Undefined if clients are not kept on backends. */
  readonly sessions: Sessions | undefined
  /** Proxies in front whose word is taken. */
  readonly trusted: BlockList
  readonly stalls: Stalls | undefined
  readonly budget: RetryBudget
  readonly queue: WaitingQueue
  readonly outage: Outage
  /** Tries of a request after the first. */
  readonly retries: number
  /** How long a request waits before another backend is asked as well; 0 for ever. */
  readonly hedgeAfterMs: number
  /** Whether a request that may be sent twice is tried again instead of being answered so. */
  isRetriedStatus(statusCode: number): boolean
  /** A backend has answered an attempt at `nowMs`, so long after the request was sent. */
  onAnswer(backend: Backend, statusCode: number, latencyMs: number, nowMs: number): void
  /** A response has come to its end. */
  onComplete(backend: Backend, statusCode: number): void
  /**
   * An attempt at a backend failed, by its fault or as this machine lacks something.
   * @param isReused whether the connection had carried requests before
   */
  onFault(backend: Backend, fault: AttemptFault, isReused: boolean): void
}
