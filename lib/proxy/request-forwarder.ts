import type { IncomingMessage } from 'node:http'
import type { Exchange } from './exchange.js'
import type { ClientStream } from './response/client-stream.js'

/** What takes the requests of a server for backends: a pool's forwarder, or the router in front of several. */
export interface RequestForwarder {
  /**
   * Chooses a backend for a request and acquires a slot on it, which passes to the exchange. Answers the request itself,
   * and returns nothing, if it goes to no backend.
   * @param target as the client sent it
   * @param upgrade the protocols that it offers to change to
   */
  open(
    req: IncomingMessage,
    res: ClientStream,
    target: string,
    requestId: string,
    upgrade?: string
  ): Exchange | undefined
}
