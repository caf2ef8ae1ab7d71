import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { ErrorCode } from '../../../base/http2/frames/frames.js'
import { BrokenResponse } from '../../../transport/http1/broken-response.js'
import type { ResponseHead } from '../../../transport/http1/response-head.js'
import type { Http2Request } from '../../request/http2-request.js'
import type { ClientStream, ClientTunnel } from '../client-stream.js'
import { areSendable, fieldsFromLines, fieldsFromList, sendFields } from './host-http2-fields.js'
import { resetAfterEnd } from './reset-after-end.js'

const SWITCHING_PROTOCOLS = 101
const RESET_CONTENT = 205
const MAX_STATUS = 599
/** Node ends the stream of these with the head. */
const BODILESS = new Set([204, RESET_CONTENT, 304])
/** The reason for destroying a stream, which nobody sees. */
const CUT_OFF = new Error('the response broke')
/** The field that answers the key of a WebSocket of HTTP/1.1. */
const ACCEPT = 'sec-websocket-accept'

/** The response to a request that came by HTTP/2, on a stream of Node's. */
export class Http2Response implements ClientStream {
  statusCode = 0
  /** Counted here, as Node forgets what it has handed to the session. */
  writableLength = 0
  readonly writableHighWaterMark: number
  readonly takesBulk = false
  readonly #req: Http2Request
  readonly #stream: ServerHttp2Stream
  #hasBody = true
  /** Held back, so that it goes out in one write with what follows, mostly the whole response. */
  #head: OutgoingHttpHeaders | undefined
  #isEnding = false
  /** Whether the response ended before the request did. */
  #isEarly = false
  #mayHaveTrailers = false
  #trailers: readonly string[] = []
  #onTaken: (() => void) | undefined

  /** @param bufferSizeBytes of the body are buffered before the backend has to wait */
  constructor(req: Http2Request, stream: ServerHttp2Stream, bufferSizeBytes: number) {
    this.#req = req
    this.#stream = stream
    this.writableHighWaterMark = bufferSizeBytes
  }

  get writableFinished(): boolean {
    const { rstCode, aborted, writableFinished } = this.#stream
    if (!this.#isEnding || aborted) return false
    // A client that has its answer may abort its upload.
    return rstCode === ErrorCode.noError || (this.#isEarly && writableFinished)
  }

  whenOver(callback: () => void): void {
    if (this.#stream.destroyed) process.nextTick(callback)
    else this.#stream.once('close', callback)
  }

  whenTaken(callback: () => void): void {
    if (this.writableLength === 0) callback()
    else this.#onTaken = callback
  }

  sendInterim({ statusCode, text }: ResponseHead): void {
    if (this.#isOver || this.#stream.headersSent) return
    const fields = { ':status': statusCode, ...fieldsFromList(pairsOf(text)) }
    // The final response is the one that matters.
    if (!areSendable(fields, text.length)) return
    sendFields(fields, (sent) => this.#stream.additionalHeaders(sent))
  }

  begin(head: ResponseHead, lines: string): void {
    const opensTunnel = head.statusCode === SWITCHING_PROTOCOLS
    const fields = fieldsFromLines(linesOf(head.text) + lines)
    if (opensTunnel) delete fields[ACCEPT]
    const { statusCode } = head
    // Node sends no status above it.
    if (statusCode > MAX_STATUS) throw new BrokenResponse('status')
    if (!areSendable(fields, head.text.length + lines.length))
      throw new BrokenResponse('field too large for HTTP/2')
    // It must not have a body (RFC 9110 section 15.3.6), which is dropped with its length.
    if (statusCode === RESET_CONTENT) delete fields['content-length']
    const isEmpty = head.contentLength === 0 && !head.mayHaveTrailers
    const hasBody = opensTunnel || (this.#req.method !== 'HEAD' && !BODILESS.has(statusCode) && !isEmpty)
    this.#hasBody = hasBody
    this.#mayHaveTrailers = hasBody && head.mayHaveTrailers
    this.#setHead(opensTunnel ? 200 : statusCode, fields)
    // What follows is not part of the response.
    if (opensTunnel) this.#sendHead(false)
  }

  sendPart(part: Buffer): void {
    this.#sendHead(!this.#hasBody)
    if (!this.#hasBody || this.#isOver) return
    if (this.#stream.writableCorked === 0) this.#stream.cork()
    this.#write(Buffer.from(part))
  }

  flush(): void {
    this.#sendHead(!this.#hasBody)
    this.#stream.uncork()
  }

  finish(last: Buffer | undefined, trailers: readonly string[]): void {
    this.#trailers = trailers
    // A response that is all head has a meaning of its own in gRPC (Trailers-Only).
    this.#sendHead(!this.#hasBody || (last === undefined && trailers.length === 0))
    if (last !== undefined && this.#hasBody && !this.#isOver) this.#write(Buffer.from(last))
    this.#end()
  }

  cutOff(): void {
    // Closed in any other way, Node would first end it properly.
    this.#stream.destroy(CUT_OFF)
  }

  answer(statusCode: number, _phrase: string, fields: readonly string[], body: string | undefined): void {
    const hasBody = body !== undefined && this.#req.method !== 'HEAD'
    this.#setHead(statusCode, fieldsFromList(fields))
    this.#sendHead(!hasBody)
    if (hasBody && !this.#isOver) this.#write(Buffer.from(body, 'latin1'))
    this.#end()
  }

  clientTunnel(): ClientTunnel {
    return this.#stream as unknown as ClientTunnel
  }

  get #isOver(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  #setHead(statusCode: number, fields: OutgoingHttpHeaders): void {
    this.statusCode = statusCode
    this.#head = { ':status': statusCode, ...fields }
  }

  /** Sends the head, unless it was sent already. */
  #sendHead(isAll: boolean): void {
    const head = this.#head
    this.#head = undefined
    if (!head || this.#isOver) return
    const stream = this.#stream
    const waitForTrailers = this.#mayHaveTrailers && !isAll
    if (waitForTrailers) stream.once('wantTrailers', () => this.#sendTrailers())
    sendFields(head, (sent) => stream.respond(sent, { endStream: isAll, waitForTrailers }))
  }

  #sendTrailers(): void {
    if (this.#isOver) return
    const fields = fieldsFromList(this.#trailers)
    const bytes = this.#trailers.reduce((sum, { length }) => sum + length, 0)
    if (areSendable(fields, bytes)) sendFields(fields, (sent) => this.#stream.sendTrailers(sent))
    else this.cutOff()
  }

  #write(chunk: Buffer): void {
    this.writableLength += chunk.length
    this.#stream.write(chunk, () => {
      this.writableLength -= chunk.length
      if (this.writableLength > 0) return
      this.#onTaken?.()
      this.#onTaken = undefined
    })
  }

  #end(): void {
    this.#isEnding = true
    const stream = this.#stream
    stream.uncork()
    stream.end()
    this.#isEarly = !this.#req.complete
    // The rest of the request is not read.
    if (this.#isEarly) resetAfterEnd(stream, () => this.#req.resume())
  }
}

/** The lines of a head without the status line. */
const linesOf = (text: string) => text.slice(text.indexOf('\n') + 1)

/** The fields of a head as names and values in turn. */
function pairsOf(text: string): string[] {
  return linesOf(text)
    .split('\r\n')
    .slice(0, -1)
    .flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
}
