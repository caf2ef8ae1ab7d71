import type { IncomingMessage } from 'node:http'
import type { BodyProgress } from './http1/body-sender.js'
import type { DataSink, RequestInfo, ResponseSink } from './http1/response-parser.js'
import type { RetryBuffer } from './retry-buffer.js'

/** A request as it goes to a backend. */
export interface OutgoingRequest extends RequestInfo {
  /** Request line and fields up to and with the blank line, a character a byte. */
  readonly head: string
  /** Whether that has no `Host`: each backend is named by its own authority when it is asked. */
  readonly lacksHost?: boolean
  /** The client's request; undefined of one that is the balancer's own. */
  readonly client?: IncomingMessage
  /** The same, if it has a body. */
  readonly body: IncomingMessage | undefined
  /** Whether it does no harm to send it a second time, and that is prepared for. */
  readonly replayable: boolean
  /** What was sent of the body, for when it is to be sent again. */
  readonly retryBuffer?: RetryBuffer | undefined
}

/** What is told of what comes, up to its end or an error, and nothing after that. */
interface StreamSink extends DataSink {
  /** All that came in one read has been told, and more is to come. */
  onReadEnd(): void
  /** Nothing more can be sent; what the backend has sent before is still told. */
  onSendingFailed?(): void
  /** The stream failed. */
  onError(error: Error): void
}

/** Who has sent a request. A connection that cannot be opened is an error without `onSending` before it. */
export interface ResponseHandler extends StreamSink, ResponseSink, BodyProgress {
  /** Nobody waits for the response any more. */
  readonly aborted: boolean
  /** The request is not to go on a connection that has carried others, which the backend may be closing. */
  readonly needsNewConnection?: boolean
  /** The request is about to be written. */
  onSending(stream: BackendStream): void
  /** The request has been written whole. */
  onSent(): void
}

/** One request on its way to a backend, and its response on its way back: a stream of HTTP/2, or a connection of HTTP/1.1 for that time. */
export interface BackendStream {
  /** Whether its connection had carried a request before. */
  readonly isReused: boolean
  /** Whether what is being told lies in memory that the next read of any connection overwrites. */
  readonly reusesBuffer: boolean
  /** What it becomes when the response is that it changes its protocol, if it can. */
  readonly tunnel: TunnelEnd | undefined
  /** Has the memory of what is being told left alone, as something holds on to it. */
  retainBuffer(): void
  /** Reads nothing more, once what has been read is told. */
  pause(): void
  /** Reads on. */
  resume(): void
  /** Gives the request up, whatever is under way. Its handler is told nothing more. */
  destroy(): void
  /** Gives the request up, and tells its handler why. */
  fail(error: Error): void
}

/** The backend's end of a tunnel: a connection that has changed to another protocol. */
export interface TunnelEnd extends BackendStream {
  /** Gives it to another one. */
  attach(user: TunnelHandler): void
  /** Writes bytes of the other protocol. Returns whether there is room for more before `onDrain`. */
  write(chunk: Buffer): boolean
  /** Nothing more will be written. */
  endSending(): void
}

/** Who uses a connection that has changed to another protocol. */
export interface TunnelHandler extends StreamSink {
  /** What was written has been taken. */
  onDrain(): void
}
