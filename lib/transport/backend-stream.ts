import type { IncomingMessage } from 'node:http'
import type { BodyProgress } from './http1/body-sender.js'
import type { DataSink, RequestInfo, ResponseSink } from './http1/response-parser.js'
import type { RetryBuffer } from './retry-buffer.js'

/** A request to a backend. */
export interface OutgoingRequest extends RequestInfo {
  /** Request line, fields and the empty line, in latin1. */
  readonly head: string
  /** Names of fields, in lower case, that no HTTP/2 encoder may index (RFC 7541 section 6.2.3). */
  readonly neverIndexed?: ReadonlySet<string> | undefined
  /** Whether the head has no `Host`: then each attempt adds the authority of its backend. */
  readonly lacksHost?: boolean
  /** The client's request; undefined if it is the balancer's own. */
  readonly client?: IncomingMessage
  /** The client's request, if it has a body. */
  readonly body: IncomingMessage | undefined
  /** Whether it may be sent again: it is idempotent, and its body is buffered. */
  readonly replayable: boolean
  /** What was sent of the body, to be sent again by a retry. */
  readonly retryBuffer?: RetryBuffer | undefined
}

/**
 * Receives the data of a stream, up to its end or an error: after these it is not called again. The data is lent: what
 * outlives the end of the read is copied.
 */
interface StreamSink extends DataSink {
  /** All data of one read was passed on, and the response is not complete. */
  onReadEnd(): void
  /** Nothing more can be sent; what the backend has sent before is still passed on. */
  onSendingFailed?(): void
  /** The stream failed. */
  onError(error: Error): void
}

/**
 * Receives the progress of a request, and its response. If no connection can be established, `onError` is called without
 * `onSending`.
 */
export interface ResponseHandler extends StreamSink, ResponseSink, BodyProgress {
  /** The response is no longer needed. */
  readonly aborted: boolean
  /** The request needs a new connection: the backend may be closing idle ones. */
  readonly needsNewConnection?: boolean
  /** The request is about to be sent on a stream. */
  onSending(stream: BackendStream): void
  /** The request was written completely. */
  onSent(): void
}

/** A request under way at a backend, and its response: a stream of HTTP/2, or a connection of HTTP/1.1 for that time. */
export interface BackendStream {
  /** Whether its connection has carried a request before. */
  readonly isReused: boolean
  /** The tunnel that it becomes after `101`; undefined if it cannot. */
  readonly tunnel: TunnelEnd | undefined
  /** Whether the next reads may be large ones, until the response ends. */
  readsBulk: boolean
  /** Pauses reading. Data that was read already is still passed on. */
  pause(): void
  /** Resumes reading. */
  resume(): void
  /** Cancels the request. The handler is not called again. */
  destroy(): void
  /** Cancels the request, and passes the error to the handler. */
  fail(error: Error): void
}

/** The backend's end of a tunnel: a connection after `101 Switching Protocols`. */
export interface TunnelEnd extends BackendStream {
  /** Passes data and events to this handler from now on. */
  attach(handler: TunnelHandler): void
  /** Writes data. Returns false if the handler should wait for `onDrain`. */
  write(chunk: Buffer): boolean
  /** Ends the sending side. */
  endSending(): void
}

/** Receives the data and events of a tunnel. */
export interface TunnelHandler extends StreamSink {
  /** More can be written. */
  onDrain(): void
}
