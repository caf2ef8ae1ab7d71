import type { OnReadOpts, Socket } from 'node:net'
import type { OutgoingRequest, ResponseHandler, TunnelEnd, TunnelHandler } from '../backend-stream.js'
import { ReadBuffer } from '../read-buffer.js'
import { closeGracefully, type SocketOwner, surviveWriteErrors, wasReset } from '../sockets/socket-end.js'
import { BodySender } from './body-sender.js'
import { ResponseParser } from './response-parser.js'

/** What a connection tells those who keep it. */
export interface Http1ConnectionCallbacks {
  /** It has read something. */
  onActivity(): void
  /** It is free for the next request. */
  onIdle(connection: Http1Connection): void
  /** It has left HTTP, and will not come free. */
  onTunnel(connection: Http1Connection): void
  /** It cannot be used any more. */
  onClosed(connection: Http1Connection): void
}

/** The backend ended the connection. */
export class ConnectionClosed extends Error {
  readonly code = 'LB_CONNECTION_CLOSED'
}

/**
 * One connection to a backend, with one request at a time. What comes when no response is due, or behind the end of
 * one, would be taken for the response to another client's request: such a connection is never used again.
 */
export class Http1Connection implements TunnelEnd, SocketOwner {
  /** Since when, and until when, it may wait for its next request, on the clock of `performance.now()`; set by its owner. */
  idleSinceMs = 0
  expiresMs = 0
  /** How long it had waited for its latest request; set by its owner. */
  idledMs = 0
  readonly tunnel = this
  /** Reading waits for who takes what was read. */
  isPaused = false
  /** The turn of the event loop in which it came free; set by its owner. */
  idleSinceTurn = 0
  /** It had carried requests before, and ended under another one: those that lie idle may be at their end, too. */
  wasStale = false
  /** When it is to be retired, on the same clock, and after how many requests; set by its owner. */
  retireMs = Number.POSITIVE_INFINITY
  maxRequests = Number.POSITIVE_INFINITY

  readonly #callbacks: Http1ConnectionCallbacks
  readonly #parser: ResponseParser
  readonly #memory = new ReadBuffer()
  readonly #socket: Socket
  #handler: ResponseHandler | TunnelHandler | undefined
  #waiting: { request: OutgoingRequest; handler: ResponseHandler } | undefined
  #sender: BodySender | undefined
  #requests = 0
  #isConnected = false
  #isClosed = false
  #isPauseRequested = false
  /** The head of the request has left this process, where it has a body; a head alone either does or fails. */
  #isHeadWritten = false
  #isWriteFailed = false
  #isTunnel = false

  /**
   * Connects, and sends a first request as soon as the connection stands.
   * @param open makes the socket
   */
  constructor(
    open: (onread: OnReadOpts, connected: () => void) => Socket,
    callbacks: Http1ConnectionCallbacks,
    maxHeadBytes: number
  ) {
    this.#callbacks = callbacks
    this.#parser = new ResponseParser(maxHeadBytes)
    const onread = {
      buffer: () => this.#memory.buffer,
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

  /** Whether it has come to the end of its time, and is not to be used again. */
  isExpired(nowMs: number): boolean {
    return this.#requests >= this.maxRequests || nowMs >= this.retireMs
  }

  /** The address that it goes to, undefined before it stands. */
  get remoteAddress(): string | undefined {
    return this.#isConnected ? this.#socket.remoteAddress : undefined
  }

  /** How long the backend said that it keeps an idle connection, or -1. */
  get keepAliveSeconds(): number {
    return this.#parser.keepAliveSeconds
  }

  get reusesBuffer(): boolean {
    return this.#memory.isShared
  }

  retainBuffer(): void {
    this.#memory.isRetained = true
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

  /** Sends a request, which must not be done before the one before it has ended; waits until the connection stands. */
  send(request: OutgoingRequest, handler: ResponseHandler): void {
    if (!this.#isConnected) {
      this.#waiting = { request, handler }
      return
    }
    this.#requests++
    this.#handler = handler
    this.#parser.begin(request, handler)
    handler.onSending(this)
    // Its handler may have given it up.
    if (this.#handler !== handler) return
    const { body, retryBuffer, replayable } = request
    this.#isHeadWritten = false
    if (body) {
      // A body that is not sent twice over HTTP/1.1 is not kept, unless another attempt has left some of it here to send.
      if (!replayable && retryBuffer && !retryBuffer.hasStarted) retryBuffer.discard()
      this.#sender = new BodySender(
        body,
        retryBuffer?.isComplete ? retryBuffer : undefined,
        this.#socket,
        handler,
        () => {
          this.#sender = undefined
          handler.onSent()
        }
      )
      this.#sender.start(request.head, this.#onHeadWritten)
    } else {
      this.#socket.write(request.head, 'latin1')
      handler.onSent()
    }
  }

  attach(user: TunnelHandler): void {
    this.#handler = user
    this.#isTunnel = true
    this.#parser.setDataSink(user)
    this.#socket.on('drain', () => user.onDrain())
    this.#callbacks.onTunnel(this)
  }

  write(chunk: Buffer): boolean {
    return this.#socket.write(chunk)
  }

  endSending(): void {
    this.#socket.end()
  }

  /** Closes the connection, whatever is under way. */
  destroy(): void {
    this.#handler = this.#waiting = undefined
    this.#close()
  }

  /** Closes the connection, and tells its handler why. */
  fail(error: Error): void {
    if (this.#isClosed) return
    const handler = this.#handler ?? this.#waiting?.handler
    this.destroy()
    handler?.onError(error)
  }

  /** On a connection that was used before, what has come would not be the answer to a request that never went out. */
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
    const bytes = this.#memory.filled(length)
    this.#callbacks.onActivity()
    this.#onBytes(bytes)
    this.#memory.recycle(length)
    this.isPaused = this.#isPauseRequested
    return !this.isPaused
  }

  #onBytes(bytes: Buffer): void {
    let taken: number
    try {
      taken = this.#handler ? this.#parser.parse(bytes) : 0
    } catch (error) {
      this.fail(error as Error)
      return
    }
    if (this.#isClosed) return
    if (!this.#parser.isIdle) this.#handler!.onReadEnd()
    else this.#onResponseEnd(taken === bytes.length)
  }

  #onResponseEnd(isAll: boolean): void {
    this.#handler = undefined
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
