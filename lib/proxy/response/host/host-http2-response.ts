import type { Http2ServerResponse, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { ResponseHead } from '../../../transport/http1/response-head.js'
import type { Http2Request } from '../../request/http2-request.js'
import { type HostFields, linesBeside } from './host-fields.js'
import { Http2Response } from './http2-response.js'
import { resetAfterEnd } from './reset-after-end.js'

/** The response to a request that came by HTTP/2 to the server of an application. */
export class HostHttp2Response extends Http2Response {
  readonly #req: Http2Request
  readonly #stream: ServerHttp2Stream
  readonly #res: Http2ServerResponse
  readonly #fields: HostFields

  /**
   * @param res Node's own, from which the application reads the status
   * @param bufferSizeBytes so much is held of its body before the backend is to wait
   * @param fields what the application has set for it
   */
  constructor(req: Http2Request, res: Http2ServerResponse, bufferSizeBytes: number, fields: HostFields) {
    super(req, res.stream, bufferSizeBytes)
    this.#req = req
    this.#stream = res.stream
    this.#res = res
    this.#fields = fields
  }

  override sendInterim(head: ResponseHead): void {
    // By itself a server says so before the application sees the request.
    if (head.statusCode === 100 && this.#stream.sentInfoHeaders?.some(isContinue)) return
    super.sendInterim(head)
  }

  override begin(head: ResponseHead, lines: string): void {
    // The response that Node has made of the stream, which nobody uses from here on, would send its own.
    this.#stream.removeAllListeners('wantTrailers')
    super.begin(head, lines + linesBeside(head, this.#fields))
    this.#res.statusCode = head.statusCode
  }

  /** Has the client stop sending, once the application has answered in place of a backend. */
  resetAfterEnd(): void {
    resetAfterEnd(this.#stream, () => this.#req.resume())
  }
}

const isContinue = (fields: OutgoingHttpHeaders) => Number(fields[':status']) === 100
