import { Duplex } from 'node:stream'
import { ErrorCode } from '../../../base/http2/frames/frames.js'
import type { BodyReader } from '../../../listener/http2/stream/body-reader.js'
import { IdleTimer } from '../../../listener/http2/stream/idle-timer.js'
import type { ServerStream } from '../../../listener/http2/stream/server-stream.js'
import { stopSending } from '../../../listener/http2/stream/stop-sending.js'
import type { ClientTunnel } from '../client-stream.js'

/** The client's end of a tunnel through a stream of HTTP/2 (RFC 8441 section 5): what DATA carries, in both directions. */
export class StreamTunnel extends Duplex implements ClientTunnel, BodyReader {
  readonly #stream: ServerStream
  readonly #idle = new IdleTimer()

  constructor(stream: ServerStream) {
    super()
    this.#stream = stream
    // Those who use it hear of its end by the stream.
    this.on('error', () => {})
    stream.whenClosed(() => this.destroy())
    stream.bodyReader = this
  }

  /** @param onIdle called if nothing has moved in either direction for the time; 0 for no limit */
  setTimeout(timeoutMs: number, onIdle: () => void): this {
    this.#idle.set(timeoutMs, onIdle)
    return this
  }

  onBody(part: Buffer): boolean {
    this.#idle.touch()
    // What comes while nobody reads is gathered by the stream.
    return this.push(Buffer.from(part)) && this.readableFlowing === true
  }

  onBodyEnd(): void {
    this.push(null)
  }

  onAborted(): void {
    this.destroy()
  }

  /** Its own time counts both directions. */
  onPause(): void {}

  override _read(): void {
    this.#stream.resumeBody()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#send(chunk, done)
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: () => void): void {
    const stream = this.#stream
    stream.end(undefined, [])
    stream.whenSent(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#idle.stop()
    // RFC 8441 section 5: CANCEL is what RST is to TCP.
    if (this.writableFinished) stopSending(this.#stream)
    else this.#stream.reset(ErrorCode.cancel)
    done(error)
  }

  #send(data: Buffer, done: () => void): void {
    const stream = this.#stream
    this.#idle.touch()
    stream.send(data)
    stream.whenSent(() => {
      this.#idle.touch()
      done()
    })
  }
}
