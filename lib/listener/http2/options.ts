import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

export interface Http2Options {
  /** Open at once in a session. */
  readonly maxStreams: number
  readonly maxFields: number
  readonly maxHeadBytes: number
  readonly maxResponseHeadBytes: number
  /** Of a body that nobody reads yet, for each stream. */
  readonly windowBytes: number
  /** From the beginning of a session to its first request. */
  readonly headTimeoutMs: number
  /** Without a stream. */
  readonly keepAliveTimeoutMs: number
  /** In which something is taken of what waits for a client; 0 for no limit. */
  readonly sendTimeoutMs: number
  /** 0 for no limit. */
  readonly requestsPerSession: number
  /** Why a session failed. */
  readonly onError: (error: Error) => void
}

/**
 * Serves a request.
 * @param list its fields, names and values in turn
 * @param isWhole whether there is nothing behind them
 */
export type ServeStream = (
  stream: ServerHttp2Stream,
  socket: Socket,
  list: readonly string[],
  isWhole: boolean
) => void
