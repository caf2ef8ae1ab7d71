import type { BlockList } from 'node:net'
import type { Selector } from '../balancing/selector.js'
import type { Sessions } from '../balancing/sticky.js'
import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { Deadlines } from './deadlines.js'
import type { EndedRequest } from './ended-request.js'
import type { AttemptFault, Failure } from './failure.js'
import type { UploadLimits } from './request/upload.js'
import type { ResponseTimeouts } from './response-timeouts.js'
import type { RecoveryQueue } from './retry/recovery-queue.js'
import type { RetryBudget } from './retry/retry-budget.js'
import type { WaitingQueue } from './retry/waiting-queue.js'

/** Finds backends that accept requests and answer none. */
export interface UnresponsiveDetector {
  /** The silence that it looks for. */
  readonly afterMs: number
  /** A request has waited so long for a backend's answer. */
  onLate(backend: Backend, waitedMs: number): void
  isUnresponsive(backend: Backend): boolean
}

/** What the exchanges of a pool share, and whom they tell of their course. */
export interface Forwarding extends UploadLimits {
  readonly registry: Registry
  readonly selector: Selector
  /** Undefined if clients are not kept on backends. */
  readonly sessions: Sessions | undefined
  /** Proxies whose word on the client is believed. */
  readonly trusted: BlockList
  readonly timeouts: ResponseTimeouts
  readonly deadlines: Deadlines
  readonly budget: RetryBudget
  readonly queue: WaitingQueue
  readonly recovery: RecoveryQueue
  readonly unresponsiveDetector: UnresponsiveDetector | undefined
  /** Attempts of a request after the first. */
  readonly retries: number
  /** Longest silence of a connection that has changed to another protocol. */
  readonly tunnelTimeoutMs: number
  /** How long a request waits before it is sent to another backend as well; 0 for ever. */
  readonly hedgeAfterMs: number
  /** Whether a request that may be sent twice is retried instead of being answered so. */
  isRetriedStatus(statusCode: number): boolean

  /** Whether its connections are closed, as those of a pool that was removed. */
  readonly isStopped: boolean

  onBegin(): void
  /** A mirror sends a request to a backend of the pool; or has come to the end of that. */
  onShadowBegin(): void
  onShadowEnd(): void
  /** A backend has answered an attempt at `nowMs`, so long after the request was sent. */
  onAnswer(backend: Backend, statusCode: number, latencyMs: number, nowMs: number): void
  /** A response has come to its end. */
  onComplete(backend: Backend, statusCode: number): void
  /**
   * An attempt at a backend failed, by its fault or as this machine lacks something.
   * @param isReused whether the connection had carried requests before
   */
  onFault(backend: Backend, fault: AttemptFault, isReused: boolean): void
  /** No backend has answered a request, which is answered with a failure. */
  onFailure(failure: Failure): void
  /** Counts a request by its answer, so long after it came. */
  count(request: EndedRequest, durationMs: number): void
  /** The client's side of a request is over. */
  onEnd(request: EndedRequest): void
}
