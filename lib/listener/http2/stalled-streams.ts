import { constants, type ServerHttp2Stream } from 'node:http2'
import { isSent } from './reset-after-end.js'

const { NGHTTP2_CANCEL } = constants
/** Less than this is no progress: control frames, or bodies read byte by byte. */
const PROGRESS_BYTES = 1024

interface Waiting {
  bytes: number
  sinceMs: number
}

/**
 * Finds the streams of a session whose client does not read the response. Node reports only when a whole chunk was
 * written: while the session makes progress, a slow stream among many is given time.
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
   * Resets the streams of which nothing was read for the timeout. To be called regularly.
   * @param sessionBytes written on the connection so far
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
    // After the last byte, END_STREAM may still wait.
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
