import type { FrameWriter } from '../../../base/http2/frame-writer.js'
import { ErrorCode } from '../../../base/http2/frames/frames.js'
import type { OpenStream } from '../stream/open-stream.js'

/** Less than this is no progress: windows that are opened by a few bytes. */
const PROGRESS_BYTES = 1024

/**
 * Finds the streams of a connection whose client does not read the response. While the connection makes progress, a slow
 * stream among many is given time, unless the client has closed its window.
 */
export class StalledStreams {
  readonly #timeoutMs: number
  #connectionBytes = 0
  #movedMs: number

  /** @param timeoutMs 0 for no limit */
  constructor(timeoutMs: number, nowMs: number) {
    this.#timeoutMs = timeoutMs
    this.#movedMs = nowMs
  }

  /** Resets the streams of which nothing was read for the timeout. To be called regularly. */
  sweep(streams: Iterable<OpenStream>, { writtenDataBytes }: FrameWriter, nowMs: number): void {
    if (this.#timeoutMs === 0) return
    if (writtenDataBytes - this.#connectionBytes >= PROGRESS_BYTES) {
      this.#connectionBytes = writtenDataBytes
      this.#movedMs = nowMs
    }
    for (const stream of streams) if (this.#isStalled(stream, nowMs)) stream.reset(ErrorCode.cancel)
  }

  #isStalled(stream: OpenStream, nowMs: number): boolean {
    if (stream.unsentBytes === 0) {
      stream.stalledSinceMs = -1
      return false
    }
    if (stream.stalledSinceMs < 0 || stream.sentBytes - stream.stalledAtBytes >= PROGRESS_BYTES) {
      stream.stalledSinceMs = nowMs
      stream.stalledAtBytes = stream.sentBytes
    }
    if (!stream.isWindowClosed) stream.stalledSinceMs = Math.max(stream.stalledSinceMs, this.#movedMs)
    return nowMs - stream.stalledSinceMs >= this.#timeoutMs
  }
}
