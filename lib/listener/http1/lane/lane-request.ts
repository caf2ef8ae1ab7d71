import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { trimBlanks } from '../../../base/http/characters.js'
import type { LentBody } from '../../../base/http/lent-body.js'
import type { PlainHead } from '../../../base/http/plain-head.js'
import type { HeadReader } from './head-reader.js'

/** Internals of Node's requests, the same in Node 20 to 26. */
interface Internals {
  _addHeaderLine(name: string, value: string, headers: IncomingMessage['headers']): void
  _readableState: unknown
}

const NO_TRAILERS: string[] = []

/**
 * A request without a body that the lane has read: Node's, but with its parts made when they are asked for. Most requests
 * need neither their fields as an object nor a stream.
 */
class Bodiless {
  readonly httpVersion = '1.1'
  readonly httpVersionMajor = 1
  readonly httpVersionMinor = 1
  readonly complete = true
  readonly rawTrailers = NO_TRAILERS
  readonly hasBody = false
  aborted = false
  method: string
  url: string
  readonly plainLines: string | undefined
  readonly plainHost: string
  readonly givenId: string
  readonly #fields: string
  #rawHeaders: string[] | undefined
  #headers: IncomingMessage['headers'] | undefined

  constructor(
    readonly socket: Socket,
    { method, target, plainLines, host, givenId }: HeadReader,
    fields: string
  ) {
    this.method = method
    this.url = target
    this.plainLines = plainLines
    this.plainHost = host
    this.givenId = givenId
    this.#fields = fields
  }

  get rawHeaders(): string[] {
    this.#rawHeaders ??= fieldsOf(this.#fields)
    return this.#rawHeaders
  }

  get headers(): IncomingMessage['headers'] {
    this.#headers ??= headersOf(this as unknown as Internals, this.rawHeaders)
    return this.#headers
  }

  set headers(headers) {
    this.#headers = headers
  }

  /** The state of a stream that has ended, made when somebody treats the request as one. */
  get _readableState(): unknown {
    Readable.call(this as unknown as Readable)
    ;(this as unknown as Readable).push(null)
    return (this as unknown as Internals)._readableState
  }

  set _readableState(value: unknown) {
    Object.defineProperty(this, '_readableState', { value, writable: true, configurable: true })
  }
}
Object.setPrototypeOf(Bodiless.prototype, IncomingMessage.prototype)
defaultTo(Bodiless.prototype, new IncomingMessage(undefined as unknown as Socket))

/** Has objects without a property, such as the internals of later versions of Node, show what another one begins with. */
function defaultTo(prototype: object, model: object): void {
  for (const key of Reflect.ownKeys(model)) {
    if (key in prototype) continue
    const value: unknown = Reflect.get(model, key)
    if (typeof value !== 'object' || value === null)
      Object.defineProperty(prototype, key, { value, writable: true, configurable: true })
  }
}

export type LaneRequest = IncomingMessage & PlainHead

/** Makes a request without a body of the head that was read last. */
export const bodilessRequest = (socket: Socket, head: HeadReader, fields: string): LaneRequest =>
  new Bodiless(socket, head, fields) as unknown as LaneRequest

/** The connection that the body of a request comes over. */
export interface BodySource {
  /** The body is wanted, or wanted again. */
  resumeBody(): void
  /** Limits the pause between two parts of the body from now on; 0 for no limit. */
  limitPause(timeoutMs: number): void
}

/** A request with a body of declared length, which its connection pushes into it. */
export class LaneUpload extends IncomingMessage implements PlainHead, LentBody {
  borrower: ((part: Buffer) => void) | undefined = undefined
  readsBulk = false
  readonly hasBody = true
  readonly plainLines: string
  readonly plainHost: string
  readonly givenId: string
  readonly #source: BodySource

  constructor(
    socket: Socket,
    { method, target, plainLines, host, givenId }: HeadReader,
    fields: string,
    source: BodySource
  ) {
    super(socket)
    this.#source = source
    this.httpVersion = '1.1'
    this.httpVersionMajor = 1
    this.httpVersionMinor = 1
    this.method = method
    this.url = target
    this.plainLines = plainLines as string
    this.plainHost = host
    this.givenId = givenId
    const list = fieldsOf(fields)
    this.rawHeaders = list
    this.headers = headersOf(this as unknown as Internals, list)
  }

  override _read(): void {
    this.#source.resumeBody()
  }

  /** What was taken past the stream is not known to it: it would not ask for more. */
  override resume(): this {
    this.#source.resumeBody()
    return super.resume()
  }

  /** Takes a lent part of the body. Returns whether more is wanted now. */
  receive(part: Buffer): boolean {
    const { borrower } = this
    if (!borrower || this.readableLength > 0 || !this.readableFlowing) return this.push(Buffer.from(part))
    borrower(part)
    return this.readableFlowing
  }

  override setTimeout(timeoutMs: number): this {
    this.#source.limitPause(timeoutMs)
    return this
  }
}

/** Ends a request whose client has left, as Node's server does. */
export function abort(req: IncomingMessage): void {
  if (!req.destroyed) req.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
}

/** Names and values in turn, of lines that were checked. */
function fieldsOf(lines: string): string[] {
  const list: string[] = []
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at)
    const end = lines.indexOf('\r\n', colon)
    list.push(lines.slice(at, colon), trimBlanks(lines.slice(colon + 1, end)))
    at = end + 2
  }
  return list
}

/** Node's object for a list of fields: names in lower case, repeated fields joined by its rules. */
function headersOf(req: Internals, list: readonly string[]): IncomingMessage['headers'] {
  const headers: IncomingMessage['headers'] = {}
  for (let i = 0; i < list.length; i += 2) req._addHeaderLine(list[i]!, list[i + 1]!, headers)
  return headers
}
