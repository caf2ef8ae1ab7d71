import type { IncomingMessage } from 'node:http'
import { chunkOf } from '../../base/http/chunk.js'
import { fieldLines } from '../../base/http/field-lines.js'
import { hasBody } from '../../base/http/request-body.js'
import { LentWriter } from '../../base/sockets/lent-writer.js'
import type { LaneAnswer, LaneConnection } from '../../listener/http1/lane/lane-connection.js'
import { lingeringClose } from '../../listener/http1/lingering-close.js'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import type { ClientStream, ClientTunnel } from './client-stream.js'
import { inTurn } from './in-turn.js'
import { MAX_JOINED_BYTES } from './response-body.js'
import { httpDate, keepAliveFields } from './response-start.js'

const NO_PARTS: Buffer[] = []

/** The response to a request that the lane has read: it writes to the socket itself. */
export class LaneResponse implements ClientStream, LaneAnswer {
  statusCode = 0
  writableFinished = false
  readonly #connection: LaneConnection
  readonly #keepAliveTimeoutMs: number
  /** Held back, so that it goes out in one write with what follows, mostly the whole response. */
  #head = ''
  /** Parts of the body that are sent with the next flush. */
  #parts: Buffer[] = NO_PARTS
  #hasBody = true
  #isChunked = false
  #isLast: boolean
  #isEnded = false
  #onOver: (() => void) | undefined

  /**
   * @param isLast whether the connection is to end with this response
   * @param keepAliveTimeoutMs which the client is told
   */
  constructor(
    readonly req: IncomingMessage,
    connection: LaneConnection,
    isLast: boolean,
    keepAliveTimeoutMs: number
  ) {
    this.#connection = connection
    this.#isLast = isLast
    this.#keepAliveTimeoutMs = keepAliveTimeoutMs
  }

  get writableLength(): number {
    return this.#connection.socket.writableLength
  }

  get writableHighWaterMark(): number {
    const { socket } = this.#connection
    // What the system has no room for waits, and no more: it takes the rest when it has some.
    return LentWriter.of(socket).isDirect ? 1 : socket.writableHighWaterMark
  }

  get takesBulk(): boolean {
    return LentWriter.of(this.#connection.socket).isFast
  }

  whenOver(callback: () => void): void {
    this.#onOver = inTurn(this.#onOver, callback)
  }

  whenTaken(callback: () => void): void {
    this.#connection.socket.write('', 'latin1', () => callback())
  }

  sendInterim(head: ResponseHead): void {
    this.#connection.socket.write(`${head.text}\r\n`, 'latin1')
  }

  begin(head: ResponseHead, lines: string, closing: boolean): void {
    const { req } = this
    const { statusCode, contentLength } = head
    this.statusCode = statusCode
    if (closing && !this.#connection.hasPipelined) this.#isLast = true
    if (!req.complete) this.#closeAfterRest()
    this.#hasBody = req.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304
    this.#isChunked = this.#hasBody && contentLength < 0
    let text = lines === '' ? head.text : head.text + lines
    if (!head.hasDate) text += `Date: ${httpDate()}\r\n`
    text += this.#connectionFields()
    this.#head = this.#isChunked ? `${text}Transfer-Encoding: chunked\r\n\r\n` : `${text}\r\n`
  }

  sendPart(part: Buffer): void {
    if (!this.#hasBody) return
    if (this.#isChunked) this.#hold(...chunkOf(part))
    else this.#hold(part)
  }

  flush(): void {
    const parts = this.#parts
    if (parts === NO_PARTS) {
      this.#sendHead()
      return
    }
    if (this.#head !== '') parts.unshift(Buffer.from(this.#head, 'latin1'))
    this.#head = ''
    this.#parts = NO_PARTS
    LentWriter.of(this.#connection.socket).write(parts)
  }

  finish(last: Buffer | undefined, trailers: readonly string[]): void {
    const { socket } = this.#connection
    if (
      this.#head !== '' &&
      this.#parts === NO_PARTS &&
      !this.#isChunked &&
      (last === undefined || last.length <= MAX_JOINED_BYTES)
    ) {
      const body = last !== undefined && this.#hasBody ? last.toString('latin1') : ''
      socket.write(this.#head + body, 'latin1')
      this.#head = ''
    } else {
      if (last !== undefined) this.sendPart(last)
      if (this.#isChunked) this.#hold(Buffer.from(`0\r\n${fieldLines(trailers)}\r\n`, 'latin1'))
      this.flush()
    }
    this.#end()
  }

  cutOff(): void {
    this.flush()
    this.#connection.socket.destroy()
  }

  answer(
    statusCode: number,
    phrase: string,
    fields: readonly string[],
    body: string | undefined,
    isLast: boolean
  ): void {
    const { req } = this
    this.statusCode = statusCode
    // An unread body would be taken for the next request.
    if (isLast || hasBody(req)) {
      this.#isLast = true
      if (!req.complete) this.#closeAfterRest()
    }
    const lines = `${fieldLines(fields)}Date: ${httpDate()}\r\n${this.#connectionFields()}`
    const text = `HTTP/1.1 ${statusCode} ${phrase}\r\n${lines}\r\n`
    this.#connection.socket.write(req.method === 'HEAD' ? text : text + (body ?? ''), 'latin1')
    this.#end()
  }

  clientTunnel(): ClientTunnel {
    throw new Error('A change of protocol does not take the lane')
  }

  onClosed(): void {
    const onOver = this.#onOver
    this.#onOver = undefined
    onOver?.()
  }

  #connectionFields(): string {
    return this.#isLast ? 'Connection: close\r\n' : keepAliveFields(this.#keepAliveTimeoutMs)
  }

  /** The unread rest of a request would be taken for the next one. */
  #closeAfterRest(): void {
    this.#isLast = true
    lingeringClose(this.req)
  }

  #hold(...parts: Buffer[]): void {
    if (this.#parts === NO_PARTS) this.#parts = parts
    else this.#parts.push(...parts)
  }

  #sendHead(): void {
    if (this.#head === '') return
    this.#connection.socket.write(this.#head, 'latin1')
    this.#head = ''
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const { socket } = this.#connection
    // The exchange has still to leave its backend.
    if (socket.writableLength === 0) process.nextTick(finished, this)
    else socket.write('', 'latin1', (error) => !error && this.onFlushed())
  }

  onFlushed(): void {
    if (this.#connection.socket.destroyed) return
    this.writableFinished = true
    this.onClosed()
    this.#connection.onAnswered(this.#isLast)
  }
}

const finished = (response: LaneResponse): void => response.onFlushed()
