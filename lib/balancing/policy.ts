import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'

/** A load-balancing algorithm: chooses a backend for a request. */
export interface Policy {
  /**
   * The backend for a request, or undefined if there is no candidate. Called for every request: no allocation.
   * @param tried backends to skip
   */
  choose(backends: readonly Backend[], req: IncomingMessage, tried?: readonly Backend[]): Backend | undefined
  /** A backend has sent the head of a response, `latencyMs` after the request was sent. */
  onLatency?(backend: Backend, latencyMs: number, nowMs: number): void
  /** A backend was removed. */
  forget?(backend: Backend): void
  /** Called every few dozen milliseconds. */
  tick?(nowMs: number): void
}

/** Uniform in [0, 1). */
export type Random = () => number

/** Whether a backend may be chosen: it is eligible, below its limit of requests, and not among the `tried` ones. */
export function isCandidate(backend: Backend, tried: readonly Backend[] | undefined): boolean {
  return backend.eligible && backend.hasRoom && !tried?.includes(backend)
}
