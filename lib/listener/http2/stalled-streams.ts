import { constants, type ServerHttp2Stream } from 'node:http2'
import { isSent } from './reset-after-end.js'

const { NGHTTP2_CANCEL } = constants
/** What is sent beside bodies, and of bodies by a byte at a time, is no progress. */
const PROGRESS_BYTES = 1024

interface Waiting {
  bytes: number
  sinceMs: number
}

/**
 * Finds the streams of a session whose client takes nothing of what waits for it. Node only says when a whole part of a
 * body was taken: while the session as a whole moves, a slow one of many is given time.
 */
export class StalledStreams {
  readonly #timeoutMs: number
  readonly #waiting = new WeakMap<ServerHttp2Stream, Waiting>()
  #sessionBytes = 0
  #movedMs: number

  constructor(timeoutMs: number, nowMs: number) {
    this.#timeoutMs = timeoutMs
    this.#movedMs = nowMs
  }

  /**
   * Resets the streams of which nothing was taken for the time of the limit.
   * @param sessionBytes written so far on the connection
   */
  sweep(streams: Iterable<ServerHttp2Stream>, sessionBytes: number, nowMs: number): void {
    if (sessionBytes - this.#sessionBytes >= PROGRESS_BYTES) {
      this.#sessionBytes = sessionBytes
      this.#movedMs = nowMs
    }
    for (const stream of streams) if (this.#isStalled(stream, nowMs)) stream.close(NGHTTP2_CANCEL)
  }

  #isStalled(stream: ServerHttp2Stream, nowMs: number): boolean {
    const bytes = stream.writableLength
    const waiting = this.#waiting.get(stream)
    // Behind the last byte the end may still wait.
    const isWaiting = bytes > 0 || (stream.writableFinished && !isSent(stream))
    if (!isWaiting || !waiting) {
      if (isWaiting) this.#waiting.set(stream, { bytes, sinceMs: nowMs })
      else this.#waiting.delete(stream)
      return false
    }
    if (waiting.bytes !== bytes) {
      waiting.bytes = bytes
      waiting.sinceMs = nowMs
    }
    return nowMs - Math.max(waiting.sinceMs, this.#movedMs) >= this.#timeoutMs
  }
}
