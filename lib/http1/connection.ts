import type { IncomingMessage } from 'node:http'
import type { OnReadOpts, Socket } from 'node:net'
import { type BodyProgress, BodySender } from './body-sender.js'
import type { KeptBody } from './kept-body.js'
import { ReadMemory } from './read-memory.js'
import { type Asked, type DataSink, ResponseParser, type ResponseSink } from './response-parser.js'

/** A request as it goes over the wire. */
export interface OutgoingRequest extends Asked {
  /** Request line and fields up to and with the blank line, a character a byte. */
  readonly head: string
  /** The client's request, if it has a body. */
  readonly body: IncomingMessage | undefined
  /** Whether it does no harm to send it a second time, and that is prepared for. */
  readonly repeatable: boolean
  /** What was sent of the body, if it is to be sent again. */
  readonly kept?: KeptBody | undefined
}

/** What is told of what comes, up to its end or an error, and nothing after that. */
interface ConnectionSink extends DataSink {
  /** All that came in one read has been told, and more is to come. */
  onReadEnd(): void
  /** The connection failed. */
  onError(error: Error): void
}

/** Who has sent a request. A connection that cannot be opened is an error without `onSending` before it. */
export interface ResponseHandler extends ConnectionSink, ResponseSink, BodyProgress {
  /** Nobody waits for the response any more. */
  readonly abandoned: boolean
  /** The request is about to be written to this connection. */
  onSending(connection: Connection): void
  /** The request has been written whole. */
  onSent(): void
}

/** Who uses a connection that has changed to another protocol. */
export interface ConnectionUser extends ConnectionSink {
  /** What was written has been taken. */
  onDrain(): void
}

/** What a connection tells those who keep it. */
export interface ConnectionOwner {
  /** It has read something. */
  onActivity(): void
  /** It is free for the next request. */
  onFree(connection: Connection): void
  /** It has left HTTP, and will not come free. */
  onTunnel(connection: Connection): void
  /** It cannot be used any more. */
  onGone(connection: Connection): void
}

/** The backend ended the connection. */
export class ConnectionClosed extends Error {
  readonly code = 'LB_CONNECTION_CLOSED'
}

/**
 * One connection to a backend, with one request at a time. What comes when no response is due, or behind the end of
 * one, would be taken for the response to another client's request: such a connection is never used again.
 */
export class Connection {
  /** Since when, and until when, it may wait for its next request, on the clock of `performance.now()`; set by its owner. */
  freeSinceMs = 0
  expiresMs = 0
  /** How long it had waited for its latest request; set by its owner. */
  idledMs = 0
  /** The turn of the event loop in which it came free; set by its owner. */
  freeSinceTurn = 0

  readonly #owner: ConnectionOwner
  readonly #parser: ResponseParser
  readonly #memory = new ReadMemory()
  readonly #socket: Socket
  #handler: ConnectionSink | undefined
  #waiting: { request: OutgoingRequest; handler: ResponseHandler } | undefined
  #sender: BodySender | undefined
  #requests = 0
  #isConnected = false
  #isGone = false
  #isHeld = false
  #isStopped = false

  /**
   * Connects, and sends a first request as soon as the connection stands.
   * @param open makes the socket
   */
  constructor(
    open: (onread: OnReadOpts, connected: () => void) => Socket,
    owner: ConnectionOwner,
    maxHeadBytes: number
  ) {
    this.#owner = owner
    this.#parser = new ResponseParser(maxHeadBytes)
    const onread = {
      buffer: () => this.#memory.buffer,
      callback: (length: number) => this.#onRead(length)
    }
    this.#socket = open(onread, () => this.#onConnected())
    this.#socket.on('end', () => this.#onEnd())
    this.#socket.on('error', (error) => this.fail(error))
    this.#socket.on('close', () => this.fail(new ConnectionClosed()))
  }

  /** Whether there was a request on it before the latest. */
  get isReused(): boolean {
    return this.#requests > 1
  }

  /** How long the backend said that it keeps an idle connection, or -1. */
  get keepAliveSeconds(): number {
    return this.#parser.keepAliveSeconds
  }

  /** Whether what is being told lies in memory that the next read of any connection overwrites. */
  get borrowed(): boolean {
    return this.#memory.borrowed
  }

  /** Has the memory of what is being told left alone, as something holds on to it. */
  keep(): void {
    this.#memory.kept = true
  }

  /** Reads nothing more, once what has been read is told. */
  hold(): void {
    this.#isHeld = true
  }

  /** Reads on. */
  readonly release = (): void => {
    this.#isHeld = false
    if (!this.#isStopped) return
    this.#isStopped = false
    if (!this.#isGone) this.#socket.resume()
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
    if (request.body) {
      this.#sender = new BodySender(request.body, request.kept, this.#socket, handler, () => {
        this.#sender = undefined
        handler.onSent()
      })
      this.#sender.start(request.head)
    } else {
      this.#socket.write(request.head, 'latin1')
      handler.onSent()
    }
  }

  /** Gives the connection to another one, when the response to its request was that it changes its protocol. */
  use(user: ConnectionUser): void {
    this.#handler = user
    this.#parser.redirect(user)
    this.#socket.on('drain', () => user.onDrain())
    this.#owner.onTunnel(this)
  }

  /** Writes bytes of the other protocol. Returns whether there is room for more before `onDrain`. */
  write(chunk: Buffer): boolean {
    return this.#socket.write(chunk)
  }

  /** Nothing more will be written. */
  endSending(): void {
    this.#socket.end()
  }

  /** Closes the connection, whatever is under way. Its handler is told nothing more. */
  destroy(): void {
    this.#handler = this.#waiting = undefined
    this.#leave()
  }

  /** Closes the connection, and tells its handler why. */
  fail(error: Error): void {
    if (this.#isGone) return
    const handler = this.#handler ?? this.#waiting?.handler
    this.destroy()
    handler?.onError(error)
  }

  #onConnected(): void {
    this.#isConnected = true
    const waiting = this.#waiting
    this.#waiting = undefined
    if (!waiting || waiting.handler.abandoned) this.#owner.onFree(this)
    else this.send(waiting.request, waiting.handler)
  }

  #onRead(length: number): boolean {
    const bytes = this.#memory.filled(length)
    this.#owner.onActivity()
    this.#take(bytes)
    this.#memory.recycle(length)
    this.#isStopped = this.#isHeld
    return !this.#isStopped
  }

  #take(bytes: Buffer): void {
    let taken: number
    try {
      taken = this.#handler ? this.#parser.take(bytes) : 0
    } catch (error) {
      this.fail(error as Error)
      return
    }
    if (this.#isGone) return
    if (!this.#parser.idle) this.#handler!.onReadEnd()
    else this.#onResponseEnd(taken === bytes.length)
  }

  #onResponseEnd(isAll: boolean): void {
    this.#handler = undefined
    if (isAll && this.#parser.persistent && !this.#sender) this.#owner.onFree(this)
    else this.#leave()
  }

  #onEnd(): void {
    if (this.#parser.takeEnd()) this.destroy()
    else this.fail(new ConnectionClosed())
  }

  #leave(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#parser.stop()
    this.#sender?.stop()
    this.#sender = undefined
    this.#socket.destroy()
    this.#owner.onGone(this)
  }
}
