import { endCurrentResponse, setCurrentResponse, setSocket } from '../../listener/http1/client-connection.js'
import type { LaneAnswer, LaneConnection } from '../../listener/http1/lane/lane-connection.js'
import type { LightRequest } from '../../listener/request/light-request.js'
import { abort } from '../../listener/request/pushed-request.js'
import { Http1Response } from './http1-response.js'
import { inTurn } from './in-turn.js'
import { wholeResponse } from './response-body.js'
import { internals } from './response-internals.js'
import { isLast } from './response-start.js'

/**
 * Node's response to a request that the lane has read, for those who go through the router. What an exchange sends in one
 * piece goes past Node's ways of buffering it and of telling of its end.
 */
export class RoutedResponse extends Http1Response<LightRequest> implements LaneAnswer {
  readonly #connection: LaneConnection
  #onOver: (() => void) | undefined

  /**
   * @param isLastRequest whether the connection is to end with this response
   * @param keepAliveTimeoutMs which the client is told
   */
  constructor(
    req: LightRequest,
    connection: LaneConnection,
    isLastRequest: boolean,
    keepAliveTimeoutMs: number
  ) {
    super(req)
    this.#connection = connection
    if (isLastRequest) this.shouldKeepAlive = false
    internals(this)._keepAliveTimeout = keepAliveTimeoutMs
    // All of `assignSocket` but a listener of the socket's end, of which the connection tells.
    setCurrentResponse(connection.socket, this)
  }

  override get isFollowed(): boolean {
    return this.#connection.hasPipelined
  }

  override whenOver(callback: () => void): void {
    this.#onOver = inTurn(this.#onOver, callback)
  }

  override finish(last: Buffer | undefined, trailers: readonly string[]): void {
    const { socket } = this
    // Others may have wrapped the end of this one, or hold the connection back.
    const isPlain = trailers.length === 0 && this.end === END && socket?.writableCorked === 0
    const text = isPlain && !socket.destroyed ? wholeResponse(this, last) : undefined
    if (text === undefined) {
      super.finish(last, trailers)
      return
    }
    const message = internals(this)
    message._headerSent = true
    socket!.write(text, 'latin1')
    if (socket!.writableLength > 0) {
      this.end()
      return
    }
    // With its socket it would write once more, to hear of what has been flushed already.
    setSocket(this, null)
    this.end()
    setSocket(this, socket)
    message._finish()
  }

  /** The connection takes more. */
  onDrain(): void {
    this.emit('drain')
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    // Before others hear of it, as with Node's server.
    if (event === 'finish') this.#onFinish()
    return super.emit(event as never, ...(args as never[]))
  }

  /** The connection has closed: the request is aborted. */
  onClosed(): void {
    if (!this.writableFinished) abort(this.req)
    if (this.socket) this.#close()
  }

  onFlushed(): void {
    this.#close()
    const { req } = this
    // It ends as a stream if anybody cares.
    if (req.complete && (req.listenerCount('close') > 0 || req.listenerCount('end') > 0)) req.resume()
    this.#connection.onAnswered(isLast(this))
  }

  #onFinish(): void {
    const { socket } = this
    if (!socket) return
    endCurrentResponse(socket, this)
    process.nextTick(flushed, this)
  }

  #close(): void {
    const message = internals(this)
    if (message._closed) return
    message._closed = this.destroyed = true
    const onOver = this.#onOver
    this.#onOver = undefined
    onOver?.()
    super.emit('close')
  }
}

const END = RoutedResponse.prototype.end

const flushed = (response: RoutedResponse): void => response.onFlushed()
