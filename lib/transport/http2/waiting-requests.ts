import type { OutgoingRequest, ResponseHandler } from '../backend-stream.js'

interface Waiting {
  readonly request: OutgoingRequest
  readonly handler: ResponseHandler
}

/** Requests for which there is no connection with room yet, in the order in which they came. */
export class WaitingRequests<Connection> {
  readonly #waiting: Waiting[] = []

  get size(): number {
    return this.#waiting.length
  }

  add(request: OutgoingRequest, handler: ResponseHandler): void {
    this.#waiting.push({ request, handler })
  }

  /**
   * Takes out those that can be sent, and those for which nobody waits any more.
   * @param find a connection that one may go on
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
        // Those behind one that needs a new connection may go on others.
        if (!handler.needsNewConnection) return
        i++
        continue
      }
      waiting.splice(i, 1)
      if (connection) send(connection, request, handler)
      // Others may have come and gone from within.
      i = 0
    }
  }

  /** Tells the first so many that there is no connection for them. */
  fail(error: Error, count = this.size): void {
    for (const { handler } of this.#waiting.splice(0, count)) handler.onError(error)
  }
}
