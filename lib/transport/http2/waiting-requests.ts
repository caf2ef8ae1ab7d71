import type { OutgoingRequest, ResponseHandler } from '../backend-stream.js'

interface Waiting {
  readonly request: OutgoingRequest
  readonly handler: ResponseHandler
}

/** A queue of requests that wait for a connection with room. */
export class WaitingRequests<Connection> {
  readonly #waiting: Waiting[] = []

  get size(): number {
    return this.#waiting.length
  }

  add(request: OutgoingRequest, handler: ResponseHandler): void {
    this.#waiting.push({ request, handler })
  }

  /**
   * Sends the requests for which there is room, and drops the aborted ones.
   * @param find finds a connection for a request
   */
  serve(
    find: (handler: ResponseHandler) => Connection | undefined,
    send: (connection: Connection, request: OutgoingRequest, handler: ResponseHandler) => void
  ): void {
    const waiting = this.#waiting
    for (let i = 0; i < waiting.length; ) {
      const { request, handler } = waiting[i]!
      const connection = handler.aborted ? undefined : find(handler)
      if (!connection && !handler.aborted) {
        // Requests behind one that needs a new connection may use the others.
        if (!handler.needsNewConnection) return
        i++
        continue
      }
      waiting.splice(i, 1)
      if (connection) send(connection, request, handler)
      // The callbacks may have changed the queue.
      i = 0
    }
  }

  /** Fails the first `count` requests. */
  fail(error: Error, count = this.size): void {
    for (const { handler } of this.#waiting.splice(0, count)) handler.onError(error)
  }
}
