import type { IncomingMessage } from 'node:http'
import type { Backend } from '../backend.js'

/** How a backend is chosen for a request. */
export interface Policy {
  /**
   * The backend for a request, or undefined if no candidate is among them. Called for every request: one pass, no
   * allocation.
   * @param tried backends to pass over
   */
  choose(backends: readonly Backend[], req: IncomingMessage, tried?: readonly Backend[]): Backend | undefined
}

/** Whether a backend may be chosen: it is eligible, has room, and is not among the `tried` ones. */
export function isCandidate(backend: Backend, tried: readonly Backend[] | undefined): boolean {
  return backend.eligible && backend.hasRoom && !tried?.includes(backend)
}
