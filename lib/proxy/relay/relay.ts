import type { IncomingMessage } from 'node:http'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import type { Failure } from '../failure.js'

/** What becomes of the body of a backend's response, once the head was written to the client. */
export interface Relay {
  onData(chunk: Buffer): void
  /** All that came in one read has been told. */
  onReadEnd(): void
  /** @param trailers names and values in turn */
  onEnd(trailers: readonly string[]): void
  /**
   * The backend is gone, or the client breaks its limits.
   * @param inTrailers whether they are all that the response lacks
   */
  breakOff(req: IncomingMessage, head: ResponseHead, failure: Failure, inTrailers: boolean): void
  /** Nobody takes the rest. */
  stop(): void
}
