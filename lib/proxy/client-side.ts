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
