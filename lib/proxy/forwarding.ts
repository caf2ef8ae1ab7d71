import type { BlockList } from 'node:net'
import type { Selector } from '../balancing/selector.js'
import type { Sessions } from '../balancing/sticky.js'
import type { LatencyWindow } from '../base/latency.js'
import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { Deadlines } from './deadlines.js'
import type { EndedRequest } from './ended-request.js'
import type { AttemptFault } from './failure.js'
import type { UploadLimits } from './request/upload.js'
import type { ResponseTimeouts } from './response-timeouts.js'
import type { Outage } from './retry/outage.js'
import type { RetryBudget } from './retry/retry-budget.js'
import type { WaitingQueue } from './retry/waiting-queue.js'

/** Counts requests as they end. */
export interface EndCounter {
  /**
   * @param statusCode of the answer, or 0 if the client left before there was one
   * @param backendId the backend that answered, or `NO_BACKEND_ID`
   * @param durationMs from the head of the request to the end of its answer
   */
  count(method: string, statusCode: number, backendId: number, durationMs: number): void
}

/** Hears of requests as they end. */
export interface EndListener {
  record(ended: EndedRequest): void
}

/** Finds backends that accept requests and answer none. */
export interface UnresponsiveDetector {
  /** A request has waited so long for a backend's answer. */
  onLate(backend: Backend, waitedMs: number): void
  isUnresponsive(backend: Backend): boolean
}

/** What all exchanges share. */
export interface Forwarding extends UploadLimits {
  readonly registry: Registry
  readonly latency: LatencyWindow
  readonly metrics: EndCounter
  /** Undefined if there is none. */
  readonly accessLog: EndListener | undefined
  readonly timeouts: ResponseTimeouts
  readonly deadlines: Deadlines
  readonly selector: Selector
  /** Undefined if clients are not kept on backends. */
  readonly sessions: Sessions | undefined
  /** Proxies in front whose word is taken. */
  readonly trusted: BlockList
  readonly unresponsiveDetector: UnresponsiveDetector | undefined
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
