import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { chunkOf } from '../../base/http/chunk.js'
import { fieldLines } from '../../base/http/field-lines.js'
import { type LentBody, lentBodyOf } from '../../base/http/lent-body.js'
import { LentWriter } from '../../base/sockets/lent-writer.js'
import type { RetryBuffer } from '../retry-buffer.js'
import { passableTrailers } from './trailers.js'

/** Progress of a request's body. */
export interface BodyProgress {
  /** More bytes were written to the connection. */
  onBodySent(bytes: number): void
}

/**
 * Sends the body of a client's request to a backend, in the client's framing, with backpressure. Nothing is read from
 * the client before `start()`, so that the body is still complete if the connection cannot be established.
 */
export class BodySender {
  readonly #body: IncomingMessage
  readonly #retryBuffer: RetryBuffer | undefined
  /** The body, if it is lent. */
  readonly #lent: LentBody | undefined
  readonly #socket: Socket
  readonly #writer: LentWriter
  readonly #progress: BodyProgress
  readonly #done: () => void
  readonly #chunked: boolean
  /** Until it is sent. */
  #head = ''
  #headWritten: ((error?: Error | null) => void) | undefined
  #isStopped = false
  #isHolding = false

  /**
   * @param retryBuffer what earlier attempts have sent of the body; what this one sends is added
   * @param done called once, when the last byte was written to the connection
   */
  constructor(
    body: IncomingMessage,
    retryBuffer: RetryBuffer | undefined,
    socket: Socket,
    progress: BodyProgress,
    done: () => void
  ) {
    this.#body = body
    this.#lent = lentBodyOf(body)
    this.#writer = LentWriter.of(socket)
    this.#retryBuffer = retryBuffer
    this.#socket = socket
    this.#progress = progress
    this.#done = done
    this.#chunked = body.headers['transfer-encoding'] !== undefined
  }

  /**
   * Sends the head, then the body.
   * @param headWritten called when the head was written, or with the error
   */
  start(head: string, headWritten?: (error?: Error | null) => void): void {
    // What has arrived of the body is sent with the head, in one write.
    this.#head = head
    this.#headWritten = headWritten
    const chunks = this.#retryBuffer?.chunks ?? []
    if (chunks.length > 0) this.#send(chunks)
    if (this.#isStopped) return
    // It may have ended between two attempts.
    if (this.#retryBuffer?.isEnded || this.#body.readableEnded) {
      process.nextTick(this.#onEnd)
      return
    }
    if (this.#lent) this.#lent.borrower = this.#onData
    this.#body.on('data', this.#onData)
    this.#body.on('end', this.#onEnd)
    // An attempt before this one may have paused it.
    this.#body.resume()
    // Behind what the stream has buffered, which comes in the next tick.
    process.nextTick(sendHead, this)
  }

  /** Sends the head by itself, unless it was sent with a part of the body. */
  sendHead(): void {
    if (this.#head === '' || this.#isStopped) return
    const head = this.#head
    this.#head = ''
    this.#socket.write(head, 'latin1', this.#headWritten)
  }

  /** Stops sending: the rest of the body is not read from the client. */
  stop(): void {
    this.#isStopped = true
    if (this.#lent) this.#lent.borrower = undefined
    this.#body.off('data', this.#onData)
    this.#body.off('end', this.#onEnd)
    this.#body.pause()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#retryBuffer?.add(chunk)
    this.#send([chunk])
    if (this.#isStopped) return
    if (this.#lent) this.#lent.readsBulk = this.#writer.isFast
    this.#hold()
  }

  #send(chunks: readonly Buffer[]): void {
    const parts = this.#chunked ? chunks.flatMap(chunkOf) : chunks
    if (this.#head === '') {
      this.#writer.write(parts)
    } else {
      const head = Buffer.from(this.#head, 'latin1')
      this.#head = ''
      this.#writer.write([head, ...parts], this.#headWritten)
    }
    for (const { length } of chunks) this.#progress.onBodySent(length)
  }

  /** Reads no more of the client until the backend has taken what there is. */
  #hold(): void {
    const socket = this.#socket
    const limit = this.#writer.isDirect ? 1 : socket.writableHighWaterMark
    if (socket.writableLength < limit || this.#isHolding) return
    this.#isHolding = true
    this.#body.pause()
    socket.write('', 'latin1', this.#onTaken)
  }

  readonly #onTaken = (): void => {
    this.#isHolding = false
    if (!this.#isStopped) this.#body.resume()
  }

  readonly #onEnd = (): void => {
    if (this.#isStopped) return
    if (this.#retryBuffer) this.#retryBuffer.isEnded = true
    this.sendHead()
    if (this.#chunked)
      this.#socket.write(`0\r\n${fieldLines(passableTrailers(this.#body.rawTrailers))}\r\n`, 'latin1')
    this.stop()
    this.#done()
  }
}

const sendHead = (sender: BodySender): void => sender.sendHead()
