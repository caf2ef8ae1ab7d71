import type { RequestHeadReader } from './request/request-head.js'
import type { ServerStream } from './stream/server-stream.js'

/** Limits of the connections of HTTP/2 of clients. */
export interface Http2Options {
  /** Concurrent streams of a connection. */
  readonly maxStreams: number
  readonly maxFields: number
  readonly maxHeadBytes: number
  /** Flow-control window of each stream. */
  readonly windowBytes: number
  /** From the start of a connection to its first request, and for a head that comes in parts. */
  readonly headTimeoutMs: number
  /** For a connection without a stream. */
  readonly keepAliveTimeoutMs: number
  /** Between two parts of a body; 0 for no limit. */
  readonly bodyTimeoutMs: number
  /** For a client that reads nothing of a response; 0 for no limit. */
  readonly sendTimeoutMs: number
  /** 0 for no limit. */
  readonly requestsPerConnection: number
  /** Reads the heads of requests. */
  readonly reader: RequestHeadReader
  /** Called when a connection fails. */
  readonly onError: (error: Error) => void
}

/** The head of a request as it was decoded. */
export interface DecodedRequest {
  /** Names and values in turn; if they exceed the limit, those up to it. */
  readonly fields: readonly string[]
  /** Whether they exceed the limit. */
  readonly isTooLarge: boolean
  /** Whether nothing follows the head. */
  readonly isEnd: boolean
  /** Names of fields that must not be indexed on the way (RFC 7541 section 6.2.3). */
  readonly neverIndexed: ReadonlySet<string> | undefined
}

/**
 * Handles a request.
 * @param head that was read, until the next one is
 */
export type ServeStream = (stream: ServerStream, head: RequestHeadReader, decoded: DecodedRequest) => void
