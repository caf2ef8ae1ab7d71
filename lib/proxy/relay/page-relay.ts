import type { IncomingMessage } from 'node:http'
import { isGrpcCall } from '../../base/grpc/call.js'
import type { Page } from '../../routing/filters/error-pages.js'
import { ResponseHead } from '../../transport/http1/response-head.js'
import type { ClientStream } from '../response/client-stream.js'
import type { RouteEntry } from '../route/route-entry.js'
import type { Relay } from './relay.js'

/** So much of the body that a page replaces is read, in so much time, for the connection to be used again. */
const MAX_DROPPED_BYTES = 65_536
const MAX_DROPPING_MS = 1000

/** The page that the client gets in place of what a backend has answered; undefined if that is passed on. */
export function pageInPlaceOf(
  req: IncomingMessage,
  route: RouteEntry | undefined,
  statusCode: number
): Page | undefined {
  const page = route?.errorPages?.ofBackend(req, statusCode)
  return page && !isGrpcCall(req) ? page : undefined
}

/** The head of a backend's response with a page in place of its body. */
export function headWithPage(
  { statusCode, hasDate, text }: ResponseHead,
  { bytes, edits }: Page
): ResponseHead {
  const head = new ResponseHead()
  head.statusCode = statusCode
  head.hasDate = hasDate
  head.text = edits.applyTo(text, text.indexOf('\n') + 1)
  head.contentLength = bytes.length
  return head
}

/**
 * A page on its way to the client, whose head was written, while the body that it replaces is read and dropped. The end of
 * the client's response ends the attempt as well.
 */
export class PageRelay implements Relay {
  readonly #client: ClientStream
  readonly #page: Page
  #droppedBytes = 0
  #isSent = false
  #isFinished = false
  #timer: NodeJS.Timeout | undefined

  constructor(client: ClientStream, page: Page) {
    this.#client = client
    this.#page = page
  }

  onData(chunk: Buffer): void {
    this.#droppedBytes += chunk.length
    if (this.#droppedBytes > MAX_DROPPED_BYTES) this.#finish()
  }

  onReadEnd(): void {
    if (this.#isSent || this.#isFinished) return
    this.#isSent = true
    if (this.#page.bytes.length > 0) this.#client.sendPart(this.#page.bytes)
    this.#client.flush()
    this.#timer = setTimeout(() => this.#finish(), MAX_DROPPING_MS).unref()
  }

  onEnd(): void {
    this.#finish()
  }

  /** The page is whole, whatever has become of the backend. */
  breakOff(): void {
    this.#finish()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.stop()
    const { bytes } = this.#page
    this.#client.finish(this.#isSent || bytes.length === 0 ? undefined : bytes, [])
  }
}
