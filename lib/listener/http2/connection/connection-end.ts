import type { Socket } from 'node:net'
import type { FrameWriter } from '../../../base/http2/frame-writer.js'
import { ErrorCode, goAwayFrame } from '../../../base/http2/frames/frames.js'
import type { ServerStreams } from './server-streams.js'

/** In the first GOAWAY, so that streams that are on their way are still accepted (RFC 9113 section 6.8). */
const LARGEST_ID = 2 ** 31 - 1
/** Between the first GOAWAY and the final one. */
const GRACE_MS = 250
/** For a client to close its side, once it has received everything; and for one that does not receive it. */
const LINGERING_MS = 2000
const UNREAD_MS = 10_000

/** The end of a client's connection: graceful, for an error, or lost. */
export class ConnectionEnd {
  /** Whether nothing is read or sent any more. */
  hasEnded = false
  readonly #socket: Socket
  readonly #writer: FrameWriter
  readonly #streams: ServerStreams
  #isDraining = false
  /** Whether the final GOAWAY was sent. */
  #isClosing = false
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, writer: FrameWriter, streams: ServerStreams) {
    this.#socket = socket
    this.#writer = writer
    this.#streams = streams
  }

  /** Ends the connection once its streams have ended, and those that the client has sent already. */
  begin(): void {
    if (this.#isDraining || this.hasEnded) return
    this.#isDraining = true
    this.#writer.write(goAwayFrame(ErrorCode.noError, LARGEST_ID))
    // What has come meanwhile is read first.
    this.#timer = setTimeout(() => setImmediate(() => this.#finish()), GRACE_MS)
  }

  /** Ends the connection for an error of it. */
  fail(errorCode: number): void {
    if (this.hasEnded) return
    this.#close(errorCode)
  }

  /** The connection is lost, or has ended. */
  onLost(): void {
    const socket = this.#socket
    const isFirst = !this.hasEnded
    this.hasEnded = true
    if (isFirst || socket.destroyed) clearTimeout(this.#timer)
    if (!isFirst || socket.destroyed) return
    this.#writer.stop()
    this.#timer = setTimeout(() => socket.destroy(), UNREAD_MS)
  }

  onStreamClosed(): void {
    if (this.#isClosing && !this.hasEnded && this.#streams.size === 0) this.#close(ErrorCode.noError)
  }

  #finish(): void {
    if (this.hasEnded) return
    const { lastId, size } = this.#streams
    this.#isClosing = true
    this.#streams.endId = lastId + 1
    if (size === 0) this.#close(ErrorCode.noError)
    else this.#writer.write(goAwayFrame(ErrorCode.noError, lastId))
  }

  /** Sends the last GOAWAY, and closes once the client has it: closed with bytes unread, it might be lost. */
  #close(errorCode: number): void {
    this.hasEnded = true
    clearTimeout(this.#timer)
    const socket = this.#socket
    this.#writer.write(goAwayFrame(errorCode, this.#streams.lastId))
    this.#writer.flush()
    this.#writer.stop()
    socket.end()
    this.#timer = setTimeout(() => {
      if (socket.writableFinished) socket.destroy()
      else this.#timer = setTimeout(() => socket.destroy(), UNREAD_MS - LINGERING_MS)
    }, LINGERING_MS)
  }
}
