import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ResponseHead } from '../../../transport/http1/response-head.js'
import type { ClientStream, ClientTunnel } from '../client-stream.js'
import { Http1Response } from '../http1-response.js'
import { takesBulk } from '../response-body.js'
import { internals } from '../response-internals.js'
import { type HostFields, linesBeside } from './host-fields.js'

const http1 = Http1Response.prototype

/**
 * The response to a request that came by HTTP/1.1 to the server of an application, which makes its own responses. What
 * `Http1Response` does with itself is done with one of those.
 */
export class HostResponse implements ClientStream {
  readonly #res: Http1Response
  readonly #fields: HostFields

  /** @param fields what the application has set for it */
  constructor(res: ServerResponse, fields: HostFields) {
    this.#res = res as Http1Response
    this.#fields = fields
  }

  get statusCode(): number {
    return this.#res.statusCode
  }

  get writableLength(): number {
    return this.#res.writableLength
  }

  get writableHighWaterMark(): number {
    return this.#res.writableHighWaterMark
  }

  get takesBulk(): boolean {
    return takesBulk(this.#res)
  }

  get writableFinished(): boolean {
    return this.#res.writableFinished
  }

  whenOver(callback: () => void): void {
    http1.whenOver.call(this.#res, callback)
  }

  whenTaken(callback: () => void): void {
    http1.whenTaken.call(this.#res, callback)
  }

  sendInterim(head: ResponseHead): void {
    // By itself a server says so before the application sees the request.
    if (head.statusCode === 100 && internals(this.#res)._sent100) return
    http1.sendInterim.call(this.#res, head)
  }

  begin(head: ResponseHead, lines: string, closing: boolean): void {
    http1.begin.call(this.#res, head, lines + linesBeside(head, this.#fields), closing)
  }

  sendPart(part: Buffer): void {
    http1.sendPart.call(this.#res, part)
  }

  flush(): void {
    http1.flush.call(this.#res)
  }

  finish(last: Buffer | undefined, trailers: readonly string[]): void {
    http1.finish.call(this.#res, last, trailers)
  }

  cutOff(): void {
    this.flush()
    if (this.#res.socket) this.#res.destroy()
    else this.#res.once('socket', (socket: Socket) => socket.destroy())
  }

  answer(
    statusCode: number,
    phrase: string,
    fields: readonly string[],
    body: string | undefined,
    isLast: boolean
  ): void {
    http1.answer.call(this.#res, statusCode, phrase, fields, body, isLast)
  }

  clientTunnel(): ClientTunnel {
    return http1.clientTunnel.call(this.#res)
  }
}
