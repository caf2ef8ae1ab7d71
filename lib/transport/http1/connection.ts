import type { OnReadOpts, Socket } from 'node:net'
import { bulkReads, usualReads } from '../../base/sockets/read-buffer.js'
import type { OutgoingRequest, ResponseHandler, TunnelEnd, TunnelHandler } from '../backend-stream.js'
import { ConnectionClosed } from '../connection-closed.js'
import { closeGracefully, type SocketOwner, surviveWriteErrors, wasReset } from '../sockets/socket-end.js'
import { BodySender } from './body-sender.js'
import { BrokenResponse } from './broken-response.js'
import { ResponseParser } from './response-parser.js'

/** The events of a connection, for the pool that holds it. */
export interface Http1ConnectionCallbacks {
  /** It has read something. */
  onActivity(): void
  /** It can carry the next request. */
  onIdle(connection: Http1Connection): void
  /** It has become a tunnel: no request follows. */
  onTunnel(connection: Http1Connection): void
  /** It has closed. */
  onClosed(connection: Http1Connection): void
  /** A response handler threw: a bug of ours, not a fault of the backend. Its request fails with that error. */
  onInternalError?(error: unknown): void
}

/**
 * A connection to a backend over HTTP/1.1, with one request at a time. Bytes that arrive while no response is due, or
 * after the end of one, would be taken for the response to the next request: such a connection is closed.
 */
export class Http1Connection implements TunnelEnd, SocketOwner {
  // The pool sets these. Times are on the clock of performance.now().
  /** Since when it has been idle, and until when it may be. */
  idleSinceMs = 0
  expiresMs = 0
  /** How long it was idle before its latest request. */
  idledMs = 0
  /** The turn of the event loop in which it became idle. */
  idleSinceTurn = 0
  /** When, and after how many requests, it is retired. */
  retireMs = Number.POSITIVE_INFINITY
  maxRequests = Number.POSITIVE_INFINITY
  readonly tunnel = this
  isPaused = false
  readsBulk = false
  /** It was reused, and was lost during a request: the backend may have closed other idle ones as well. */
  wasStale = false

  readonly #callbacks: Http1ConnectionCallbacks
  readonly #parser: ResponseParser
  readonly #socket: Socket
  #handler: ResponseHandler | TunnelHandler | undefined
  #waiting: { request: OutgoingRequest; handler: ResponseHandler } | undefined
  #sender: BodySender | undefined
  #requests = 0
  #isConnected = false
  #isClosed = false
  #isPauseRequested = false
  /** The head of a request with a body was written. A head alone is either written or an error. */
  #isHeadWritten = false
  #isWriteFailed = false
  #isTunnel = false

  /**
   * Connects.
   * @param open opens the socket
   * @param maxHeadBytes limit of a response's head, and of its trailers
   */
  constructor(
    open: (onread: OnReadOpts, connected: () => void) => Socket,
    callbacks: Http1ConnectionCallbacks,
    maxHeadBytes: number
  ) {
    this.#callbacks = callbacks
    this.#parser = new ResponseParser(maxHeadBytes)
    const onread = {
      buffer: () => (this.readsBulk ? bulkReads : usualReads),
      callback: (length: number) => this.#onRead(length)
    }
    this.#socket = open(onread, () => this.#onConnected())
    surviveWriteErrors(this.#socket, this)
    this.#socket.on('end', () => this.onEnd())
    this.#socket.on('error', (error) => this.#onLost(error))
    this.#socket.on('close', () => this.#onLost(new ConnectionClosed()))
  }

  get isReused(): boolean {
    return this.#requests > 1
  }

  /** Whether it has reached its age or its number of requests. */
  isExpired(nowMs: number): boolean {
    return this.#requests >= this.maxRequests || nowMs >= this.retireMs
  }

  get remoteAddress(): string | undefined {
    return this.#isConnected ? this.#socket.remoteAddress : undefined
  }

  get keepAliveSeconds(): number {
    return this.#parser.keepAliveSeconds
  }

  pause(): void {
    this.#isPauseRequested = true
  }

  readonly resume = (): void => {
    this.#isPauseRequested = false
    if (!this.isPaused) return
    this.isPaused = false
    if (!this.#isClosed) this.#socket.resume()
  }

  /** Sends a request once the connection is established. The response to the one before must have ended. */
  send(request: OutgoingRequest, handler: ResponseHandler): void {
    if (!this.#isConnected) {
      this.#waiting = { request, handler }
      return
    }
    this.#requests++
    this.#handler = handler
    this.#parser.begin(request, handler)
    handler.onSending(this)
    // The handler may have destroyed the connection.
    if (this.#handler !== handler) return
    const { body, retryBuffer, replayable } = request
    this.#isHeadWritten = false
    if (body) {
      // Nothing is buffered of a body that is not retried over HTTP/1.1, unless an attempt over HTTP/2 has begun to.
      if (!replayable && retryBuffer && !retryBuffer.hasStarted) retryBuffer.discard()
      const buffer = retryBuffer?.isComplete ? retryBuffer : undefined
      this.#sender = new BodySender(body, buffer, this.#socket, handler, () => {
        this.#sender = undefined
        handler.onSent()
      })
      this.#sender.start(request.head, this.#onHeadWritten)
    } else {
      this.#socket.write(request.head, 'latin1')
      handler.onSent()
    }
  }

  attach(handler: TunnelHandler): void {
    this.#handler = handler
    this.#isTunnel = true
    this.#parser.setDataSink(handler)
    this.#socket.on('drain', () => handler.onDrain())
    this.#callbacks.onTunnel(this)
  }

  write(chunk: Buffer): boolean {
    return this.#socket.write(chunk)
  }

  endSending(): void {
    this.#socket.end()
  }

  /** Closes the connection at once. The handler is not called. */
  destroy(): void {
    this.#handler = this.#waiting = undefined
    this.#close()
  }

  /** Closes the connection, and passes the error to the handler. */
  fail(error: Error): void {
    if (this.#isClosed) return
    const handler = this.#handler ?? this.#waiting?.handler
    this.destroy()
    handler?.onError(error)
  }

  /** On a reused connection whose write failed at once, what arrived is no response to this request. */
  onWriteFailed(): boolean {
    if (!this.#handler || (this.isReused && !this.#isHeadWritten && !this.#isTunnel)) return false
    this.#isWriteFailed = true
    this.#sender?.stop()
    this.#handler.onSendingFailed?.()
    return !this.#isClosed
  }

  onEnd(): void {
    if (this.#parser.finish(() => !wasReset(this.#socket))) this.destroy()
    else this.#onLost(new ConnectionClosed())
  }

  readonly #onHeadWritten = (error?: Error | null): void => {
    this.#isHeadWritten = !error
  }

  #onConnected(): void {
    this.#isConnected = true
    const waiting = this.#waiting
    this.#waiting = undefined
    if (!waiting || waiting.handler.aborted) this.#callbacks.onIdle(this)
    else this.send(waiting.request, waiting.handler)
  }

  #onRead(length: number): boolean {
    this.#callbacks.onActivity()
    this.#onBytes(bulkReads.subarray(0, length))
    this.isPaused = this.#isPauseRequested
    return !this.isPaused
  }

  #onBytes(bytes: Buffer): void {
    let consumed: number
    try {
      consumed = this.#handler ? this.#parser.parse(bytes) : 0
    } catch (error) {
      if (!(error instanceof BrokenResponse)) this.#callbacks.onInternalError?.(error)
      this.fail(error as Error)
      return
    }
    if (this.#isClosed) return
    if (!this.#parser.isIdle) this.#handler!.onReadEnd()
    else this.#onResponseEnd(consumed === bytes.length)
  }

  #onResponseEnd(isAll: boolean): void {
    this.#handler = undefined
    this.readsBulk = false
    if (isAll && this.#parser.persistent && !this.#sender && !this.#isWriteFailed)
      this.#callbacks.onIdle(this)
    else this.#close()
  }

  #onLost(error: Error): void {
    if (!this.#isClosed) this.wasStale = this.#handler !== undefined && this.isReused
    this.fail(error)
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#parser.stop()
    this.#sender?.stop()
    this.#sender = undefined
    if (this.#isTunnel && !this.#isWriteFailed) closeGracefully(this.#socket)
    else this.#socket.destroy()
    this.#callbacks.onClosed(this)
  }
}
