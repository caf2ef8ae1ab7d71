import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { ClientStream } from './response/client-stream.js'

/** The client's side of an exchange. */
export interface ClientSide {
  readonly req: IncomingMessage
  readonly res: ClientStream
}

/** Whether the client has left while hooks of others ran: nobody will tell of that again. */
export function hasLeft(
  req: IncomingMessage | Http2ServerRequest,
  res: { readonly destroyed: boolean }
): boolean {
  if ('stream' in req) return req.stream.destroyed
  // A pipelined response has no socket before its turn; what is injected has none at all.
  return res.destroyed || req.socket?.destroyed === true
}

const CLIENT_SIDE = Symbol('client side')

type Routed = object & { [CLIENT_SIDE]?: ClientSide }

/** Stores the client's side of a request that passes the router as something else. */
export function setClientSide(raw: object, side: ClientSide): void {
  ;(raw as Routed)[CLIENT_SIDE] = side
}

/** The client's side of a request that has passed the router; undefined if that is what has passed it. */
export function clientSideOf(raw: object): ClientSide | undefined {
  return (raw as Routed)[CLIENT_SIDE]
}
