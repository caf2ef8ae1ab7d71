import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'

import type { BackendStream, OutgoingRequest, ResponseHandler } from '../../lib/transport/backend-stream'
import { agreedProtocols } from '../../lib/transport/http1/agreed-protocols'
import { parseResponseHead, type ResponseHead } from '../../lib/transport/http1/response-head'
import { parseTrailers } from '../../lib/transport/http1/trailers'
import { translated } from './errors'
import { UndiciTunnel } from './tunnel'
import type { UploadBody } from './upload-body'

const NO_TRAILERS: readonly string[] = Object.freeze([])

/** What a request needs to know of the client, of undici's, that it goes by. */
export interface ClientUse {
  /** Requests on the connection that it has, this one included. */
  readonly requests: number
}

/** What keeps tunnels, which undici releases. */
export interface TunnelOwner {
  onTunnel(tunnel: UndiciTunnel, socket: Duplex): void
}

/**
 * One request at undici: told by it what comes, in the terms that it has for handlers, and telling that on in those of
 * the balancer. Reading stops by the `false` that undici takes from `onData`, so a chunk later than asked.
 */
export class UndiciStream implements BackendStream, Dispatcher.DispatchHandler {
  /** undici reads as it likes. */
  readsBulk = false
  tunnel: UndiciTunnel | undefined
  /** Set by the client that takes the request. */
  client!: ClientUse
  isReused = false

  readonly #request: OutgoingRequest
  readonly #handler: ResponseHandler
  readonly #body: UploadBody | undefined
  readonly #owner: TunnelOwner
  #abort: ((error?: Error) => void) | undefined
  #resume: (() => void) | undefined
  /** As the balancer has asked, and as undici was told. */
  #isPaused = false
  #hasPaused = false
  #isOver = false
  #isReadEndDue = false

  constructor(
    request: OutgoingRequest,
    handler: ResponseHandler,
    body: UploadBody | undefined,
    owner: TunnelOwner
  ) {
    this.#request = request
    this.#handler = handler
    this.#body = body
    this.#owner = owner
  }

  // --- what the balancer asks

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    if (!this.#hasPaused) return
    this.#hasPaused = false
    this.#resume?.()
  }

  destroy(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.tunnel) this.tunnel.destroy()
    else this.#abort?.()
    this.#body?.destroy()
  }

  fail(error: Error): void {
    if (this.#isOver) return
    this.destroy()
    this.#handler.onError(error)
  }

  // --- what undici tells

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort
    this.isReused = this.client.requests > 1
    this.#handler.onSending(this)
  }

  onBodySent(chunk: unknown): void {
    if (!this.#isOver) this.#handler.onBodySent((chunk as Buffer).length)
  }

  onRequestSent(): void {
    if (!this.#isOver) this.#handler.onSent()
  }

  onHeaders(statusCode: number, fields: Buffer[], resume: () => void, statusText: string): boolean {
    if (this.#isOver) return true
    this.#resume = resume
    const head = this.#headOf(statusCode, statusText, fields)
    if (!head) return true
    if (statusCode < 200) this.#handler.onInterim(head)
    else this.#handler.onHead(head)
    this.#expectReadEnd()
    return this.#goesOn()
  }

  onData(chunk: Buffer): boolean {
    if (this.#isOver) return true
    this.#handler.onData(chunk)
    this.#expectReadEnd()
    return this.#goesOn()
  }

  onComplete(fields: readonly (Buffer | string)[] | null): void {
    if (this.#isOver) return
    let trailers = NO_TRAILERS
    try {
      if (fields && fields.length > 0) trailers = parseTrailers(linesOf(fields))
    } catch (error) {
      this.fail(error as Error)
      return
    }
    this.#isOver = true
    this.#handler.onEnd(trailers)
  }

  onUpgrade(statusCode: number, fields: Buffer[] | string[] | null, socket: Duplex): void {
    const head = this.#isOver ? undefined : this.#headOf(statusCode, 'Switching Protocols', fields ?? [])
    if (!head) {
      socket.destroy()
      return
    }
    this.tunnel = new UndiciTunnel(socket)
    this.#owner.onTunnel(this.tunnel, socket)
    this.#handler.onHead(head)
  }

  onError(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#body?.destroy()
    this.#handler.onError(translated(error))
  }

  /** undici does not tell the end of a read: all that came in it is told before the next tick. */
  #expectReadEnd(): void {
    if (this.#isReadEndDue) return
    this.#isReadEndDue = true
    process.nextTick(endRead, this)
  }

  onReadEnd(): void {
    this.#isReadEndDue = false
    if (!this.#isOver) this.#handler.onReadEnd()
  }

  #goesOn(): boolean {
    this.#hasPaused = this.#isPaused && !this.#isOver
    return !this.#hasPaused
  }

  /** The head as a text, and read as the balancer does; undefined where that fails, and the request with it. */
  #headOf(
    statusCode: number,
    reason: string,
    fields: readonly (Buffer | string)[]
  ): ResponseHead | undefined {
    try {
      const head = parseResponseHead(`HTTP/1.1 ${statusCode} ${reason}\r\n${linesOf(fields)}`)
      if (statusCode === 101) head.upgrade = agreedProtocols(this.#request.upgrade, head.upgrade)
      return head
    } catch (error) {
      this.fail(error as Error)
      return undefined
    }
  }
}

const endRead = (stream: UndiciStream): void => stream.onReadEnd()

/** Names and values in turn as lines, each with its CRLF, a character a byte. */
function linesOf(fields: readonly (Buffer | string)[]): string {
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) lines += `${text(fields[i]!)}: ${text(fields[i + 1]!)}\r\n`
  return lines
}

const text = (part: Buffer | string): string => (typeof part === 'string' ? part : part.toString('latin1'))
