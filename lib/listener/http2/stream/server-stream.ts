import type { Socket } from 'node:net'
import type { BodyReader } from './body-reader.js'

/** A stream of HTTP/2 of a client: a request and its response (RFC 9113 section 5.1). */
export interface ServerStream {
  readonly id: number
  /** The connection of the stream. */
  readonly socket: Socket
  /** Whether nothing more can be sent or received. */
  readonly isClosed: boolean
  /** Whether the end of the response was sent, END_STREAM included. */
  readonly isSent: boolean
  /** The error code with which either side has reset the stream; -1 if none has. */
  readonly resetCode: number
  /** Bytes of the response's body that wait to be sent. */
  readonly unsentBytes: number
  /** Takes the body of the request; parts that come before it is set are not acknowledged, and wait. */
  bodyReader: BodyReader | undefined

  /**
   * Sends an interim response.
   * @param lines fields of HTTP/1.1, each a line with its CRLF
   * @param neverIndexed names of fields, in lower case, that must not be indexed (RFC 7541 section 6.2.3)
   */
  sendInterim(statusCode: number, lines: string, neverIndexed: ReadonlySet<string> | undefined): void
  /**
   * Sends the head of the response, in the same write as what is sent in the same turn.
   * @param lines fields of HTTP/1.1, each a line with its CRLF; those of a connection are left out
   * @param isEnd whether that is all of the response
   * @param neverIndexed as of `sendInterim`
   */
  sendHead(
    statusCode: number,
    lines: string,
    isEnd: boolean,
    neverIndexed: ReadonlySet<string> | undefined
  ): void
  /** Sends a part of the body, in memory that lasts until `flush`, or is not changed any more. */
  send(part: Buffer): void
  /** Gives back the memory of what was sent. */
  flush(): void
  /**
   * Ends the response.
   * @param last of the body, in memory that lasts for the call
   * @param trailers names and values in turn
   */
  end(last: Buffer | undefined, trailers: readonly string[]): void
  /** Closes the stream at once (RST_STREAM). */
  reset(errorCode: number): void
  /** Calls back once when nothing waits to be sent any more, or never will be: at once if nothing does. */
  whenSent(callback: () => void): void
  /** Calls back when the stream is closed, in a later turn if it is closed already. */
  whenClosed(callback: () => void): void
  /** The body of the request is wanted, or wanted again. */
  resumeBody(): void
  /** Limits the pause between two parts of the body from now on; 0 for no limit. */
  limitPause(timeoutMs: number): void
}
