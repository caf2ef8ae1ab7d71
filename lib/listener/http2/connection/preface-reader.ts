import { ConnectionError } from '../../../base/http2/frames/connection-error.js'
import { PREFACE } from '../../../base/http2/frames/frames.js'

/** Reads what a client's connection has to begin with (RFC 9113 section 3.4), in whatever parts it comes. */
export class PrefaceReader {
  #read = 0

  get isComplete(): boolean {
    return this.#read === PREFACE.length
  }

  /**
   * Takes the first bytes. Returns what follows the preface.
   * @throws {ConnectionError} if they are something else
   */
  read(bytes: Buffer): Buffer {
    const length = Math.min(PREFACE.length - this.#read, bytes.length)
    if (PREFACE.compare(bytes, 0, length, this.#read, this.#read + length) !== 0)
      throw new ConnectionError('no preface')
    this.#read += length
    return bytes.subarray(length)
  }
}
