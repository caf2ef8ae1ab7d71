import type { IncomingMessage } from 'node:http'

/** A request that came as a stream of HTTP/2, in the form of HTTP/1.1. */
export interface StreamRequest extends IncomingMessage {
  /** The scheme of its target, as it came; empty without one. */
  readonly scheme: string
  /** Whether it opens a WebSocket (RFC 8441): then it is the GET of RFC 6455. */
  readonly isWebSocket: boolean
  /** Names of fields, in lower case, that no HTTP/2 encoder may index (RFC 7541 section 6.2.3). */
  readonly neverIndexed?: ReadonlySet<string> | undefined
}

/** The request as one that came by HTTP/2, from whichever server; undefined if it did not. */
export const streamRequestOf = (req: IncomingMessage): StreamRequest | undefined =>
  'isWebSocket' in req ? (req as StreamRequest) : undefined
