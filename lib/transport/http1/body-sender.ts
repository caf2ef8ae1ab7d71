import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { fieldLines } from '../../base/http/field-lines.js'
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
  readonly #socket: Socket
  readonly #progress: BodyProgress
  readonly #done: () => void
  readonly #chunked: boolean
  #isStopped = false

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
    const socket = this.#socket
    // What has arrived of the body is sent with the head, in one write.
    socket.cork()
    socket.write(head, 'latin1', headWritten)
    for (const chunk of this.#retryBuffer?.chunks ?? []) this.#write(chunk)
    // It may have ended between two attempts.
    if (this.#retryBuffer?.isEnded || this.#body.readableEnded) {
      process.nextTick(this.#onEnd)
      process.nextTick(uncork, socket)
      return
    }
    socket.on('drain', this.#onDrain)
    this.#body.on('data', this.#onData)
    this.#body.on('end', this.#onEnd)
    // An attempt before this one may have paused it.
    this.#body.resume()
    process.nextTick(uncork, socket)
  }

  /** Stops sending: the rest of the body is not read from the client. */
  stop(): void {
    this.#isStopped = true
    this.#body.off('data', this.#onData)
    this.#body.off('end', this.#onEnd)
    this.#body.pause()
    this.#socket.off('drain', this.#onDrain)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#retryBuffer?.add(chunk)
    const hasRoom = this.#write(chunk)
    if (!hasRoom && this.#socket.writableNeedDrain) this.#body.pause()
  }

  #write(chunk: Buffer): boolean {
    const socket = this.#socket
    let hasRoom: boolean
    if (this.#chunked) {
      socket.cork()
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
      socket.write(chunk)
      hasRoom = socket.write('\r\n', 'latin1')
      socket.uncork()
    } else {
      hasRoom = socket.write(chunk)
    }
    this.#progress.onBodySent(chunk.length)
    return hasRoom
  }

  readonly #onDrain = (): void => {
    this.#body.resume()
  }

  readonly #onEnd = (): void => {
    if (this.#isStopped) return
    if (this.#retryBuffer) this.#retryBuffer.isEnded = true
    if (this.#chunked)
      this.#socket.write(`0\r\n${fieldLines(passableTrailers(this.#body.rawTrailers))}\r\n`, 'latin1')
    this.stop()
    this.#done()
  }
}

const uncork = (socket: Socket): void => socket.uncork()
