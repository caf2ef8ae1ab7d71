import type { LaneAnswer, LaneConnection } from '../../listener/http1/lane/lane-connection.js'
import type { LaneRequest } from '../../listener/http1/lane/lane-request.js'
import { Http1Response } from './http1-response.js'
import { internals } from './response-internals.js'
import { isLast } from './response-start.js'

/** Node's response to a request that the lane has read, for those who go through the router. */
export class RoutedResponse extends Http1Response<LaneRequest> implements LaneAnswer {
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
    const { socket } = connection
    if (isLastRequest) this.shouldKeepAlive = false
    internals(this)._keepAliveTimeout = keepAliveTimeoutMs
    this.assignSocket(socket)
    this.once('finish', () => {
      this.detachSocket(socket)
      this.emit('close')
      connection.onAnswered(isLast(this))
    })
  }

  /** Node's own listener tells the response, which has its socket from the start. */
  onClosed(): void {}
}
