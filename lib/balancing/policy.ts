import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'

/** How a backend is chosen for a request. */
export interface Policy {
  /**
   * The backend for a request, or undefined if no candidate is among them. Called for every request: no allocation.
   * @param tried backends to pass over
   */
  choose(backends: readonly Backend[], req: IncomingMessage, tried?: readonly Backend[]): Backend | undefined
  /** A backend has sent the head of a response so long after it was given the request. */
  onLatency?(backend: Backend, latencyMs: number, nowMs: number): void
  /** A backend is there no more. */
  forget?(backend: Backend): void
  /** Time has moved on. */
  tick?(nowMs: number): void
}

/** Uniform in [0, 1). */
export type Random = () => number

/** Whether a backend may be chosen: it is eligible, has room, and is not among the `tried` ones. */
export function isCandidate(backend: Backend, tried: readonly Backend[] | undefined): boolean {
  return backend.eligible && backend.hasRoom && !tried?.includes(backend)
}
