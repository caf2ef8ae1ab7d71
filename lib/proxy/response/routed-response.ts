import type { LaneAnswer, LaneConnection } from '../../listener/http1/lane/lane-connection.js'
import { abort, type LaneRequest } from '../../listener/http1/lane/lane-request.js'
import { Http1Response } from './http1-response.js'
import { internals } from './response-internals.js'
import { isLast } from './response-start.js'

/** Node's response to a request that the lane has read, for those who go through the router. */
export class RoutedResponse extends Http1Response<LaneRequest> implements LaneAnswer {
  readonly #connection: LaneConnection

  /**
   * @param isLastRequest whether the connection is to end with this response
   * @param keepAliveTimeoutMs which the client is told
   */
  constructor(
    req: LaneRequest,
    connection: LaneConnection,
    isLastRequest: boolean,
    keepAliveTimeoutMs: number
  ) {
    super(req)
    this.#connection = connection
    const { socket } = connection
    if (isLastRequest) this.shouldKeepAlive = false
    internals(this)._keepAliveTimeout = keepAliveTimeoutMs
    this.assignSocket(socket)
    this.once('finish', () => {
      this.detachSocket(socket)
      // Others hear of the end first, and only then of the close, as with Node's server.
      process.nextTick(() => {
        this.#close()
        connection.onAnswered(isLast(this))
      })
    })
  }

  override get isFollowed(): boolean {
    return this.#connection.hasPipelined
  }

  /** The request is aborted; the response, which has its socket from the start, is told by a listener of Node. */
  onClosed(): void {
    if (!this.writableFinished) abort(this.req)
  }

  #close(): void {
    const { req } = this
    this.destroyed = true
    internals(this)._closed = true
    this.emit('close')
    // It ends as a stream if anybody cares.
    if (req.complete && (req.listenerCount('close') > 0 || req.listenerCount('end') > 0)) req.resume()
  }
}
