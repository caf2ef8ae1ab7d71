import type { IncomingMessage } from 'node:http'
import { DataQueue, type DataQueueOwner } from '../../../base/http2/data-queue.js'
import type { FrameWriter } from '../../../base/http2/frame-writer.js'
import type { BodyProgress } from '../../http1/body-sender.js'
import { passableTrailers } from '../../http1/trailers.js'
import type { RetryBuffer } from '../../retry-buffer.js'

/** The stream of a body. */
export interface DataStream {
  readonly id: number
  /** Sends trailers, which end the stream. */
  sendTrailers(trailers: readonly string[]): void
}

/** Sends the body of a client's request on a stream, with backpressure. Nothing is read from the client before `start()`. */
export class DataSender implements DataQueueOwner {
  readonly #stream: DataStream
  readonly #body: IncomingMessage
  readonly #retryBuffer: RetryBuffer | undefined
  readonly #progress: BodyProgress
  readonly #done: () => void
  readonly #queue: DataQueue
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
    this.#progress = progress
    this.#done = done
    this.#queue = new DataQueue(stream.id, writer, window, this)
  }

  /** Starts reading from the client. */
  start(): void {
    for (const chunk of this.#retryBuffer?.chunks ?? []) this.#queue.push(chunk, false)
    if (this.#isStopped) return
    // It may have ended between two attempts.
    if (this.#retryBuffer?.isEnded || this.#body.readableEnded) {
      this.#end()
      return
    }
    this.#body.on('data', this.#onData).on('end', this.#onEnd)
    // An attempt before this one may have paused it.
    if (this.#queue.bytes === 0) this.#body.resume()
    else this.#body.pause()
  }

  /** Stops sending: the rest of the body is not read from the client. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#body.off('data', this.#onData).off('end', this.#onEnd)
    this.#body.pause()
    this.#queue.stop()
  }

  /** Whether the send window can grow by so many bytes. */
  hasRoomFor(windowBytes: number): boolean {
    return this.#queue.hasRoomFor(windowBytes)
  }

  /** Adds to the send window of the stream; negative after SETTINGS that shrink it. */
  addWindow(bytes: number): void {
    this.#queue.addWindow(bytes)
  }

  onDataSent(bytes: number): void {
    this.#progress.onBodySent(bytes)
  }

  onEmpty(): void {
    this.#body.resume()
  }

  onEnded(): void {
    this.stop()
    this.#done()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#retryBuffer?.add(chunk)
    this.#queue.push(chunk, false)
    if (this.#queue.bytes > 0) this.#body.pause()
  }

  readonly #onEnd = (): void => {
    if (this.#retryBuffer) this.#retryBuffer.isEnded = true
    this.#end()
  }

  #end(): void {
    const trailers = passableTrailers(this.#body.rawTrailers)
    const write = trailers.length > 0 ? () => this.#stream.sendTrailers(trailers) : undefined
    this.#queue.end(undefined, false, write)
  }
}
