import type { FrameWriter } from '../../../base/http2/frame-writer.js'
import { ConnectionError } from '../../../base/http2/frames/connection-error.js'
import { ErrorCode, FrameType } from '../../../base/http2/frames/frames.js'

/** Receive window of a connection. */
export const WINDOW_BYTES = 1_048_576
/** Bytes that streams may hold back before the connection waits for them. */
const MAX_HELD_BYTES = 3_145_728

/**
 * The receive window of a connection (RFC 9113 section 6.9). It is given back as data comes, so that a stream that nobody
 * reads does not hold up the others, until all of them together hold too much.
 */
export class ReceiveWindow {
  readonly #writer: Pick<FrameWriter, 'writeNumber'>
  #left = WINDOW_BYTES
  #heldBytes = 0

  constructor(writer: Pick<FrameWriter, 'writeNumber'>) {
    this.#writer = writer
  }

  /**
   * A DATA frame has come, of whatever stream.
   * @param bytes its length, padding included
   * @throws {ConnectionError} if it is more than the client may send
   */
  onFrame(bytes: number): void {
    this.#left -= bytes
    if (this.#left < 0) throw new ConnectionError('window', ErrorCode.flowControlError)
    this.#acknowledge()
  }

  /** Streams hold so many bytes more, or less. */
  hold(change: number): void {
    this.#heldBytes += change
    if (change < 0) this.#acknowledge()
  }

  #acknowledge(): void {
    if (this.#left > WINDOW_BYTES / 2 || this.#heldBytes > MAX_HELD_BYTES) return
    this.#writer.writeNumber(FrameType.windowUpdate, 0, WINDOW_BYTES - this.#left)
    this.#left = WINDOW_BYTES
  }
}
