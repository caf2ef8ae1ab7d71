import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { LentBody } from '../../base/http/lent-body.js'
import type { PlainHead } from '../../base/http/plain-head.js'
import type { ReadHead } from './light-request.js'

/** Internals of Node's requests, the same in Node 20 to 26. */
interface Internals {
  _addHeaderLines(list: readonly string[], length: number): void
}

/** What the body of a request comes over. */
export interface BodySource {
  /** The body is wanted, or wanted again. */
  resumeBody(): void
  /** Limits the pause between two parts of the body from now on; 0 for no limit. */
  limitPause(timeoutMs: number): void
}

/** A request with a body, which its source pushes into it. */
export class PushedRequest extends IncomingMessage implements PlainHead, LentBody {
  borrower: ((part: Buffer) => void) | undefined = undefined
  readsBulk = false
  readonly hasBody: boolean = true
  readonly plainLines: string
  readonly plainHost: string
  readonly givenId: string
  readonly #source: BodySource

  /** @param fields names and values in turn */
  constructor(
    socket: Socket,
    { method, target, plainLines, host, givenId }: ReadHead,
    fields: string[],
    source: BodySource
  ) {
    super(socket)
    this.#source = source
    this.method = method
    this.url = target
    this.plainLines = plainLines as string
    this.plainHost = host
    this.givenId = givenId
    ;(this as unknown as Internals)._addHeaderLines(fields, fields.length)
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
