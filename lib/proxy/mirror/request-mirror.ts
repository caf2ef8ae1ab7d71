import type { OutgoingRequest } from '../../transport/backend-stream.js'

/** Sends requests of a route to another pool as well. */
export interface RequestMirror {
  /** Whether the next request is one of its share. */
  isDue(): boolean
  /**
   * Sends a request that a backend has been sent whole; or, if its body was larger than the buffer or too much is under
   * way, does not.
   */
  send(request: OutgoingRequest): void
}

/** The largest body that is mirrored. */
export const MIRRORED_BODY_BYTES = 65_536
