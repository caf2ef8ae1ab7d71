import type { ServerResponse } from 'node:http'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import type { ClientStream, ClientTunnel } from './client-stream.js'
import { type HostFields, linesBeside } from './host/host-fields.js'

/** The response to a request that no client sent, but a test of an application, and that no connection carries. */
export class InjectedResponse implements ClientStream {
  readonly #res: ServerResponse
  readonly #fields: HostFields

  /** @param fields what the application has set for it */
  constructor(res: ServerResponse, fields: HostFields) {
    this.#res = res
    this.#fields = fields
  }

  get statusCode(): number {
    return this.#res.statusCode
  }

  /** Whatever it is sent is taken at once. */
  readonly writableLength = 0
  readonly takesBulk = false

  get writableHighWaterMark(): number {
    return this.#res.writableHighWaterMark
  }

  get writableFinished(): boolean {
    return this.#res.writableFinished
  }

  whenOver(callback: () => void): void {
    this.#res.once('close', callback)
  }

  whenTaken(callback: () => void): void {
    callback()
  }

  /** The test is told of the final one alone. */
  sendInterim(): void {}

  begin(head: ResponseHead, lines: string): void {
    const [statusLine = '', ...fieldLines] = (head.text + lines + linesBeside(head, this.#fields)).split(
      '\r\n'
    )
    const phrase = statusLine.split(' ').slice(2).join(' ')
    const fields = fieldLines.slice(0, -1).map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
    })
    for (const [name] of fields) this.#res.removeHeader(name)
    for (const [name, value] of fields) this.#res.appendHeader(name, value)
    this.#res.writeHead(head.statusCode, phrase)
  }

  sendPart(part: Buffer): void {
    this.#res.write(Buffer.from(part))
  }

  flush(): void {}

  finish(last: Buffer | undefined, trailers: readonly string[]): void {
    for (let i = 0; i < trailers.length; i += 2) this.#res.addTrailers([[trailers[i]!, trailers[i + 1]!]])
    this.#res.end(last && Buffer.from(last))
  }

  cutOff(): void {
    this.#res.destroy()
  }

  answer(statusCode: number, phrase: string, fields: readonly string[], body: string | undefined): void {
    this.#res.writeHead(statusCode, phrase, fields as string[])
    this.#res.end(body, 'latin1')
  }

  clientTunnel(): ClientTunnel {
    throw new Error('There is no connection that could change its protocol')
  }
}
