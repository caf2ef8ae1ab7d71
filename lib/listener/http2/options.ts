import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

/** Limits of HTTP/2 sessions of clients. */
export interface Http2Options {
  /** Concurrent streams of a session. */
  readonly maxStreams: number
  readonly maxFields: number
  readonly maxHeadBytes: number
  readonly maxResponseHeadBytes: number
  /** Flow-control window of each stream. */
  readonly windowBytes: number
  /** From the start of a session to its first request. */
  readonly headTimeoutMs: number
  /** For a session without a stream. */
  readonly keepAliveTimeoutMs: number
  /** For a client that reads nothing of a response; 0 for no limit. */
  readonly sendTimeoutMs: number
  /** 0 for no limit. */
  readonly requestsPerSession: number
  /** Called when a session fails. */
  readonly onError: (error: Error) => void
}

/**
 * Handles a request.
 * @param list its fields, alternating names and values
 * @param isWhole whether it has neither body nor trailers
 */
export type ServeStream = (
  stream: ServerHttp2Stream,
  socket: Socket,
  list: readonly string[],
  isWhole: boolean
) => void
