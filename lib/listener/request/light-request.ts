import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { PlainHead } from '../../base/http/plain-head.js'

/** What a reader has found in the head of a request. */
export interface ReadHead {
  readonly method: string
  readonly target: string
  readonly host: string
  /** The fields to pass on, if that is all there is to do with them. */
  readonly plainLines: string | undefined
  readonly givenId: string
}

/** Internals of Node's requests, the same in Node 20 to 26. */
interface Internals {
  _addHeaderLine(name: string, value: string, headers: IncomingMessage['headers']): void
  _readableState: unknown
}

const NO_TRAILERS: string[] = []

/** A request that was read past Node's HTTP server. */
export type LightRequest = IncomingMessage & PlainHead

/**
 * A request without a body: Node's, but with its parts made when they are asked for. Most requests need neither their
 * fields as an object nor a stream.
 */
export abstract class Bodiless {
  abstract readonly httpVersion: string
  abstract readonly httpVersionMajor: number
  abstract readonly httpVersionMinor: number
  readonly complete = true
  readonly rawTrailers = NO_TRAILERS
  readonly hasBody = false
  aborted = false
  method: string
  url: string
  readonly plainLines: string | undefined
  readonly plainHost: string
  readonly givenId: string
  #rawHeaders: string[] | undefined
  #headers: IncomingMessage['headers'] | undefined

  constructor(
    readonly socket: Socket,
    { method, target, plainLines, host, givenId }: ReadHead
  ) {
    this.method = method
    this.url = target
    this.plainLines = plainLines
    this.plainHost = host
    this.givenId = givenId
  }

  /** Makes the list of its fields: names and values in turn. */
  protected abstract listFields(): string[]

  get rawHeaders(): string[] {
    this.#rawHeaders ??= this.listFields()
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

/** Node's object for a list of fields: names in lower case, repeated fields joined by its rules. */
function headersOf(req: Internals, list: readonly string[]): IncomingMessage['headers'] {
  const headers: IncomingMessage['headers'] = {}
  for (let i = 0; i < list.length; i += 2) req._addHeaderLine(list[i]!, list[i + 1]!, headers)
  return headers
}
