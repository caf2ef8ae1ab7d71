import type { Question, Reply } from './message.js'
import type { Server } from './server.js'

/** What a server is sent. */
export interface Query {
  readonly server: Server
  readonly question: Question
  /** With EDNS. */
  readonly isExtended: boolean
}

/** What becomes of a query that was sent to a server. */
export interface ExchangeListener {
  onReply(reply: Reply): void
  /** The reply does not fit into a datagram. */
  onTruncated(): void
  /** Something came that is no reply to it. Somebody else may have sent that: the reply may still come. */
  onOdd(reason: string): void
  /** There will be no reply. */
  onFailure(reason: string): void
}

/** A query on its way. */
export interface Exchange {
  /** Ends it at once; nothing is told any more. */
  close(): void
}
