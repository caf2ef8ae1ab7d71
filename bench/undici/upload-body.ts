import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

import type { RetryBuffer } from '../../lib/transport/retry-buffer'

/**
 * The body of a client's request as a stream of its own. undici destroys the body of a request that fails: the client's
 * request would lose its connection by that, and with it the answer.
 */
export class UploadBody extends Readable {
  readonly #body: IncomingMessage
  readonly #retryBuffer: RetryBuffer | undefined
  #isBegun = false

  /** @param retryBuffer what attempts before this one have sent of the body; what this one reads is added */
  constructor(body: IncomingMessage, retryBuffer: RetryBuffer | undefined) {
    super()
    this.#body = body
    this.#retryBuffer = retryBuffer
  }

  /** Nothing is read from the client before undici wants it, which is when a connection stands. */
  override _read(): void {
    if (this.#isBegun) {
      this.#body.resume()
      return
    }
    this.#isBegun = true
    for (const chunk of this.#retryBuffer?.chunks ?? []) this.push(chunk)
    if (this.#retryBuffer?.isEnded || this.#body.readableEnded) {
      this.#onEnd()
      return
    }
    this.#body.on('data', this.#onData)
    this.#body.on('end', this.#onEnd)
    this.#body.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#isBegun) this.#leave()
    done(error)
  }

  /** Leaves the rest of the body with the client. */
  #leave(): void {
    this.#body.off('data', this.#onData)
    this.#body.off('end', this.#onEnd)
    this.#body.pause()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#retryBuffer?.add(chunk)
    if (!this.push(chunk)) this.#body.pause()
  }

  readonly #onEnd = (): void => {
    if (this.#retryBuffer) this.#retryBuffer.isEnded = true
    this.push(null)
  }
}
