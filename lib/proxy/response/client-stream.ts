import type { ResponseHead } from '../../transport/http1/response-head.js'

/** A response on its way to a client, in whatever version of HTTP that speaks. */
export interface ClientStream {
  /** Of the final response, once it has begun. */
  readonly statusCode: number
  /** Bytes that the client has not taken. */
  readonly writableLength: number
  /** So many of them are enough. */
  readonly writableHighWaterMark: number
  /** Whether it has been sent to its end. */
  readonly writableFinished: boolean

  /** Calls back once when the client's side of an exchange is over: answered, or gone. */
  whenOver(callback: () => void): void
  /** Calls back when all that was sent has been taken, or never will be. */
  whenTaken(callback: () => void): void
  /** Sends an interim response, ahead of the final one. */
  sendInterim(head: ResponseHead): void
  /**
   * Begins a response with the head of a backend's.
   * @param lines more fields, each a line with its CRLF
   * @param closing the connection to the client is to end with it, or with the last that was asked before
   */
  begin(head: ResponseHead, lines: string, closing: boolean): void
  /** Sends a part of the body, now or with the next `flush`. */
  sendPart(part: Buffer): void
  /** Sends what was held back. */
  flush(): void
  /**
   * Sends the end.
   * @param last of the body
   * @param isBorrowed whether that lies in memory that changes soon
   * @param trailers names and values in turn
   */
  finish(last: Buffer | undefined, isBorrowed: boolean, trailers: readonly string[]): void
  /** Ends a response that broke: in good order, the client would take what it has for the whole. */
  cutOff(): void
  /**
   * Sends a response of the balancer's own, whole.
   * @param fields names and values in turn
   * @param isLast whether no other request of its connection is to be answered
   */
  answer(
    statusCode: number,
    phrase: string,
    fields: readonly string[],
    body: string | undefined,
    isLast: boolean
  ): void
  /** The client's side of a connection that has changed to another protocol. */
  clientTunnel(): ClientTunnel
}

/** What a tunnel needs of the client's side. */
export interface ClientTunnel {
  readonly writableLength: number
  readonly writableNeedDrain: boolean
  setTimeout(timeoutMs: number, callback: () => void): unknown
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'end', listener: () => void): unknown
  once(event: 'drain', listener: () => void): unknown
  pause(): unknown
  resume(): unknown
  write(chunk: Buffer): boolean
  end(callback?: () => void): unknown
  destroy(): unknown
}
