import type { ResponseHead } from '../../transport/http1/response-head.js'

/** The client's side of an exchange, whatever its version of HTTP: the response on its way to the client. */
export interface ClientStream {
  /** Of the final response, once it has begun. */
  readonly statusCode: number
  /** Bytes that are not flushed to the client. */
  readonly writableLength: number
  /** From so many of them on, the backend has to wait. */
  readonly writableHighWaterMark: number
  /** Whether it takes what it is sent so fast that large parts do not have to wait. */
  readonly takesBulk: boolean
  /** Whether all of the response has been flushed. */
  readonly writableFinished: boolean

  /** Calls back, at least once, when the client's side of an exchange is over: answered, or gone. */
  whenOver(callback: () => void): void
  /** Calls back when all that was sent has been flushed, or never will be. */
  whenTaken(callback: () => void): void
  /** Sends an interim response, ahead of the final one. */
  sendInterim(head: ResponseHead): void
  /**
   * Begins a response with the head of a backend's.
   * @param lines more fields, each a line with its CRLF
   * @param closing whether the connection to the client is to end with it, or, if pipelined requests wait behind it, with the last of those
   */
  begin(head: ResponseHead, lines: string, closing: boolean): void
  /** Sends a part of the body, now or with the next `flush`, to which its memory lasts. */
  sendPart(part: Buffer): void
  /** Sends what `sendPart` has buffered. */
  flush(): void
  /**
   * Sends the end.
   * @param last of the body, in memory that lasts for the call
   * @param trailers names and values in turn
   */
  finish(last: Buffer | undefined, trailers: readonly string[]): void
  /** Aborts a response that broke: ended properly, the client would take it for complete. */
  cutOff(): void
  /**
   * Sends a complete response of the balancer's own.
   * @param fields names and values in turn
   * @param body one character a byte
   * @param isLast whether no further request on its connection is answered
   */
  answer(
    statusCode: number,
    phrase: string,
    fields: readonly string[],
    body: string | undefined,
    isLast: boolean
  ): void
  /** The client's end of a tunnel, after a change of protocol. */
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
