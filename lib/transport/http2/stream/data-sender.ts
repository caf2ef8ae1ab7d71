import type { IncomingMessage } from 'node:http'
import type { BodyProgress } from '../../http1/body-sender.js'
import { passableTrailers } from '../../http1/trailers.js'
import type { RetryBuffer } from '../../retry-buffer.js'
import type { DataWaiter, FrameWriter } from '../frame-writer.js'
import { Flag } from '../frames/frames.js'

const NOTHING: Buffer = Buffer.alloc(0)

/** The stream of a body. */
export interface DataStream {
  readonly id: number
  /** Sends trailers, which end the stream. */
  sendTrailers(trailers: readonly string[]): void
}

/** Sends the body of a client's request on a stream, with backpressure. Nothing is read from the client before `start()`. */
export class DataSender implements DataWaiter {
  readonly #stream: DataStream
  readonly #body: IncomingMessage
  readonly #retryBuffer: RetryBuffer | undefined
  readonly #writer: FrameWriter
  readonly #progress: BodyProgress
  readonly #done: () => void
  /** Send window of the stream. */
  #window: number
  readonly #pending: Buffer[] = []
  /** Whether the body has ended. */
  #isEnded = false
  #isStopped = false

  /**
   * @param retryBuffer what earlier attempts have sent of the body; what this one sends is added
   * @param window initial send window of the stream
   * @param done called once, when the last byte was sent
   */
  constructor(
    stream: DataStream,
    body: IncomingMessage,
    retryBuffer: RetryBuffer | undefined,
    writer: FrameWriter,
    window: number,
    progress: BodyProgress,
    done: () => void
  ) {
    this.#stream = stream
    this.#body = body
    this.#retryBuffer = retryBuffer
    this.#writer = writer
    this.#window = window
    this.#progress = progress
    this.#done = done
  }

  get window(): number {
    return this.#window
  }

  /** Starts reading from the client. */
  start(): void {
    if (this.#retryBuffer) this.#pending.push(...this.#retryBuffer.chunks)
    // It may have ended between two attempts.
    this.#isEnded = this.#retryBuffer?.isEnded || this.#body.readableEnded
    if (!this.#isEnded) this.#body.on('data', this.#onData).on('end', this.#onEnd)
    this.onRoom()
  }

  /** Stops sending: the rest of the body is not read from the client. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#body.off('data', this.#onData).off('end', this.#onEnd)
    this.#body.pause()
    this.#writer.cancelWait(this)
  }

  /** Adds to the send window of the stream; negative after SETTINGS that shrink it. */
  addWindow(bytes: number): void {
    this.#window += bytes
    if (this.#pending.length > 0) this.onRoom()
  }

  /** Sends what is pending, as far as the windows and the socket allow. */
  onRoom(): void {
    const pending = this.#pending
    while (pending.length > 0) {
      const room = Math.min(this.#window, this.#writer.writableBytes)
      if (room <= 0) {
        this.#body.pause()
        if (this.#window > 0) this.#writer.waitForRoom(this)
        return
      }
      this.#sendSome(room)
      // The callback may have stopped it.
      if (this.#isStopped) return
    }
    if (this.#isEnded) this.#end()
    // An attempt before this one may have paused it, too.
    else this.#body.resume()
  }

  #sendSome(room: number): void {
    const pending = this.#pending
    const chunk = pending[0]!
    const bytes = Math.min(chunk.length, room, this.#writer.maxFrameBytes)
    if (bytes === chunk.length) pending.shift()
    else pending[0] = chunk.subarray(bytes)
    this.#window -= bytes
    this.#writer.writeData(this.#stream.id, bytes === chunk.length ? chunk : chunk.subarray(0, bytes), 0)
    this.#progress.onBodySent(bytes)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#retryBuffer?.add(chunk)
    this.#pending.push(chunk)
    // Otherwise it waits behind the others.
    if (this.#pending.length === 1) this.onRoom()
  }

  readonly #onEnd = (): void => {
    if (this.#retryBuffer) this.#retryBuffer.isEnded = true
    this.#isEnded = true
    if (this.#pending.length === 0) this.#end()
  }

  #end(): void {
    if (this.#isStopped) return
    const trailers = passableTrailers(this.#body.rawTrailers)
    if (trailers.length > 0) this.#stream.sendTrailers(trailers)
    else this.#writer.writeData(this.#stream.id, NOTHING, Flag.endStream)
    this.stop()
    this.#done()
  }
}
