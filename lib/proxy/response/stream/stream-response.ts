import { fieldLines } from '../../../base/http/field-lines.js'
import type { StreamRequest } from '../../../base/http/stream-request.js'
import { ErrorCode } from '../../../base/http2/frames/frames.js'
import type { ServerStream } from '../../../listener/http2/stream/server-stream.js'
import { stopSending } from '../../../listener/http2/stream/stop-sending.js'
import { BrokenResponse } from '../../../transport/http1/broken-response.js'
import type { ResponseHead } from '../../../transport/http1/response-head.js'
import type { ClientStream, ClientTunnel } from '../client-stream.js'
import { inTurn } from '../in-turn.js'
import { httpDate } from '../response-start.js'
import { hasLargeField, hasLargeText } from './field-size.js'
import { StreamTunnel } from './stream-tunnel.js'

const SWITCHING_PROTOCOLS = 101
const RESET_CONTENT = 205
/** What a tunnel of HTTP/2 does without: the answer to the key of HTTP/1.1, and a length (RFC 9110 section 9.3.6). */
const NOT_OF_TUNNEL = /^(?:sec-websocket-accept|content-length):[^\r]*\r\n/gim
const LENGTH = /^content-length:[^\r]*\r\n/gim

/** The response to a request that came by HTTP/2, on its stream. */
export class StreamResponse implements ClientStream {
  statusCode = 0
  readonly writableHighWaterMark: number
  readonly takesBulk = false
  readonly #req: StreamRequest
  readonly #stream: ServerStream
  /** Fields of the head, which is held back, as it may be the whole response. */
  #lines = ''
  /** Names of those that must not be indexed. */
  #neverIndexed: ReadonlySet<string> | undefined
  #isHeadHeld = false
  #hasBody = true
  #isEnded = false
  #onTaken: (() => void) | undefined

  /** @param bufferSizeBytes of the body are buffered before the backend has to wait */
  constructor(req: StreamRequest, stream: ServerStream, bufferSizeBytes: number) {
    this.#req = req
    this.#stream = stream
    this.writableHighWaterMark = bufferSizeBytes
  }

  get writableLength(): number {
    return this.#stream.unsentBytes
  }

  /** A client that has all of the answer may abort its upload. */
  get writableFinished(): boolean {
    return this.#isEnded && this.#stream.isSent
  }

  whenOver(callback: () => void): void {
    this.#stream.whenClosed(callback)
  }

  whenTaken(callback: () => void): void {
    if (this.#stream.unsentBytes === 0) {
      callback()
      return
    }
    if (!this.#onTaken) this.#stream.whenSent(() => this.#tellTaken())
    this.#onTaken = inTurn(this.#onTaken, callback)
  }

  sendInterim({ statusCode, text, neverIndexed }: ResponseHead): void {
    this.interim(statusCode, linesOf(text), neverIndexed)
  }

  /** @param lines fields, each a line with its CRLF */
  interim(statusCode: number, lines: string, neverIndexed?: ReadonlySet<string>): void {
    // The final response is the one that matters.
    if (this.statusCode === 0 && !hasLargeField(lines))
      this.#stream.sendInterim(statusCode, lines, neverIndexed)
  }

  begin(head: ResponseHead, lines: string): void {
    const { statusCode } = head
    this.#neverIndexed = head.neverIndexed
    const all = linesOf(head.text) + lines
    if (hasLargeField(all)) throw new BrokenResponse('field too large for HTTP/2')
    const dated = head.hasDate ? all : `${all}Date: ${httpDate()}\r\n`
    if (statusCode === SWITCHING_PROTOCOLS) {
      this.start(200, dated.replace(NOT_OF_TUNNEL, ''), true)
      // What follows is not part of the response.
      this.flush()
    } else {
      this.start(statusCode, dated, head.contentLength !== 0 || head.mayHaveTrailers)
    }
  }

  /**
   * Begins the response. The head goes with what follows.
   * @param lines fields, each a line with its CRLF
   * @param hasBody false if it has none, whatever its status
   */
  start(statusCode: number, lines: string, hasBody: boolean): void {
    this.statusCode = statusCode
    this.#hasBody = hasBody && this.#req.method !== 'HEAD' && !isBodiless(statusCode)
    // A body, which it must not have (RFC 9110 section 15.3.6), is dropped with its length.
    this.#lines = statusCode === RESET_CONTENT ? lines.replace(LENGTH, '') : lines
    this.#isHeadHeld = true
  }

  sendPart(part: Buffer): void {
    if (!this.#hasBody) return
    this.#sendHead(false)
    this.#stream.send(part)
  }

  flush(): void {
    this.#sendHead(!this.#hasBody)
    this.#stream.flush()
  }

  finish(last: Buffer | undefined, trailers: readonly string[]): void {
    if (this.#isEnded) return
    if (trailers.length > 0 && hasLargeText(trailers)) {
      this.cutOff()
      return
    }
    this.#isEnded = true
    // A response that is all head has a meaning of its own in gRPC (Trailers-Only).
    const isAllHead = !this.#hasBody || (last === undefined && trailers.length === 0)
    const isEndSent = !this.#hasBody || (isAllHead && this.#isHeadHeld)
    this.#sendHead(isAllHead)
    if (!isEndSent) this.#stream.end(last, trailers)
    // The rest of the request is not read, or what was to be a tunnel's.
    const { complete, isWebSocket, method } = this.#req
    if (!complete || isWebSocket || method === 'CONNECT') this.whenTaken(() => stopSending(this.#stream))
  }

  cutOff(): void {
    // Ended in any other way, it would be taken for whole.
    this.#stream.reset(ErrorCode.internalError)
  }

  answer(statusCode: number, _phrase: string, fields: readonly string[], body: string | undefined): void {
    this.start(statusCode, `${fieldLines(fields)}Date: ${httpDate()}\r\n`, true)
    this.finish(body === undefined ? undefined : Buffer.from(body, 'latin1'), [])
  }

  clientTunnel(): ClientTunnel {
    return new StreamTunnel(this.#stream)
  }

  #tellTaken(): void {
    const onTaken = this.#onTaken
    this.#onTaken = undefined
    onTaken?.()
  }

  /** Sends the head, unless it was sent already. */
  #sendHead(isAll: boolean): void {
    if (!this.#isHeadHeld) return
    this.#isHeadHeld = false
    this.#stream.sendHead(this.statusCode, this.#lines, isAll, this.#neverIndexed)
    this.#lines = ''
  }
}

const isBodiless = (statusCode: number) =>
  statusCode === 204 || statusCode === RESET_CONTENT || statusCode === 304

/** The lines of a head without the status line. */
const linesOf = (text: string) => text.slice(text.indexOf('\n') + 1)
