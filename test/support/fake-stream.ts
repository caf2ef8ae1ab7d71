import { EventEmitter } from 'node:events'
import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { StreamRequest } from '../../lib/base/http/stream-request.js'
import type { BodyReader } from '../../lib/listener/http2/stream/body-reader.js'
import type { ServerStream } from '../../lib/listener/http2/stream/server-stream.js'
import { ResponseHead } from '../../lib/transport/http1/response-head.js'

const OF_CONNECTION = /^(?:connection|keep-alive|transfer-encoding|upgrade|proxy-connection|te):/

/** A stream of HTTP/2 without a connection: it records what it sends, and what nobody may ask of it fails. */
export class FakeStream implements ServerStream {
  readonly id = 1
  readonly socket = new EventEmitter() as unknown as Socket
  isClosed = false
  isSent = false
  resetCode = -1
  bodyReader: BodyReader | undefined
  /** What was sent, in order. */
  readonly sent: string[] = []
  /** The fields of the head, as HTTP/2 has them. */
  fields: string[] = []
  /** How often the body of the request was asked for. */
  resumes = 0
  /** Whether the client takes nothing for the time being. */
  isBlocked = false
  #hasHead = false
  #isEnded = false
  #clientHasEnded: boolean
  #waiting: Buffer[] = []
  #isLent = false
  #trailers: readonly string[] = []
  #onSent: (() => void) | undefined
  #onClosed: (() => void)[] = []

  /** @param clientHasEnded whether the request ended with its head */
  constructor(clientHasEnded = true) {
    this.#clientHasEnded = clientHasEnded
  }

  get unsentBytes(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, 0)
  }

  /** Whether memory is in use that was lent until the next flush. */
  get isLent(): boolean {
    return this.#isLent
  }

  /** The body that was sent. */
  get body(): string {
    return this.sent.flatMap((what) => (what.startsWith('data ') ? what.slice(5) : [])).join('')
  }

  sendInterim(statusCode: number, lines: string): void {
    if (this.isClosed) return
    if (this.#hasHead) throw new Error('too late for an interim response')
    this.sent.push(`interim ${statusCode} ${fieldsOf(lines)}`.trimEnd())
  }

  sendHead(statusCode: number, lines: string, isEnd: boolean): void {
    if (this.isClosed) return
    if (this.#hasHead) throw new Error('a second head')
    this.#hasHead = true
    this.fields = fieldsOf(lines)
    this.sent.push(`head ${statusCode}`)
    if (isEnd) this.end(undefined, [])
  }

  send(part: Buffer): void {
    if (this.isClosed) return
    if (!this.#hasHead || this.#isEnded) throw new Error('no place for data')
    // What waits is kept as it is now.
    if (this.isBlocked) this.#waiting.push(Buffer.from(part))
    else this.sent.push(`data ${part}`)
    this.#isLent = true
  }

  flush(): void {
    this.#isLent = false
  }

  end(last: Buffer | undefined, trailers: readonly string[]): void {
    if (this.isClosed) return
    if (last) this.send(last)
    if (!this.#hasHead || this.#isEnded) throw new Error('no place for an end')
    this.#isLent = false
    this.#isEnded = true
    this.#trailers = trailers
    if (this.#waiting.length === 0) this.#deliver()
  }

  reset(errorCode: number): void {
    if (this.isClosed) return
    this.sent.push(`reset ${errorCode}`)
    this.#close(errorCode)
  }

  whenSent(callback: () => void): void {
    if (this.#waiting.length === 0) callback()
    else if (this.#onSent) throw new Error('somebody waits already')
    else this.#onSent = callback
  }

  whenClosed(callback: () => void): void {
    if (this.isClosed) setImmediate(callback)
    else this.#onClosed.push(callback)
  }

  resumeBody(): void {
    this.resumes++
  }

  limitPause(): void {}

  /** The client takes all that waits. */
  take(): void {
    this.isBlocked = false
    this.#deliver()
  }

  /** The client sends a part of the body. Returns whether more is wanted. */
  receive(text: string): boolean {
    return this.bodyReader!.onBody(Buffer.from(text))
  }

  /** The client ends its side. */
  receiveEnd(): void {
    this.#clientHasEnded = true
    this.bodyReader?.onBodyEnd([])
    if (this.isSent) this.#close(-1)
  }

  /** The client resets the stream. */
  leave(): void {
    this.#close(8)
  }

  #deliver(): void {
    for (const part of this.#waiting.splice(0)) this.sent.push(`data ${part}`)
    if (this.#isEnded && !this.isSent) {
      const { length } = this.#trailers
      this.sent.push(length > 0 ? `trailers ${this.#trailers.join(' ')}` : 'end')
      this.isSent = true
    }
    this.#tellSent()
    // Of the end of a stream its users hear later.
    if (this.isSent && this.#clientHasEnded) setImmediate(() => this.#close(-1))
  }

  #tellSent(): void {
    const onSent = this.#onSent
    this.#onSent = undefined
    onSent?.()
  }

  #close(resetCode: number): void {
    if (this.isClosed) return
    this.isClosed = true
    this.resetCode = resetCode
    this.#waiting = []
    this.#tellSent()
    if (resetCode >= 0) this.bodyReader?.onAborted()
    for (const callback of this.#onClosed.splice(0)) setImmediate(callback)
  }
}

/** Lines as fields of HTTP/2. */
function fieldsOf(lines: string): string[] {
  return lines
    .split('\r\n')
    .slice(0, -1)
    .map((line) => line.slice(0, line.indexOf(':')).toLowerCase() + line.slice(line.indexOf(':')))
    .filter((line) => !OF_CONNECTION.test(line))
}

interface RequestLike {
  readonly method?: string
  readonly url?: string
  readonly fields?: readonly string[]
  readonly isWebSocket?: boolean
  /** Whether there is a body, or more of it, to come. */
  readonly hasBody?: boolean
}

/** The request of a stream, whose body its stream pushes into it. */
class FakeRequest extends IncomingMessage implements BodyReader, StreamRequest {
  readonly scheme = 'http'
  readonly isWebSocket: boolean
  readonly #stream: FakeStream

  constructor(stream: FakeStream, { method = 'GET', url = '/', fields = [], ...rest }: RequestLike) {
    super(stream.socket)
    const { isWebSocket = false, hasBody = false } = rest
    this.#stream = stream
    this.httpVersion = '2.0'
    this.httpVersionMajor = 2
    this.httpVersionMinor = 0
    this.method = method
    this.url = url
    this.isWebSocket = isWebSocket
    this.rawHeaders = ['host', 'a.test', ...fields]
    for (let i = 0; i < this.rawHeaders.length; i += 2)
      this.headers[this.rawHeaders[i]!.toLowerCase()] = this.rawHeaders[i + 1]!
    this.complete = !hasBody
    if (hasBody) stream.bodyReader = this
    else this.push(null)
  }

  override _read(): void {
    this.#stream.resumeBody()
  }

  override _destroy(_error: Error | null, done: () => void): void {
    this.aborted = true
    done()
  }

  onBody(part: Buffer): boolean {
    return this.push(Buffer.from(part))
  }

  onBodyEnd(): void {
    this.complete = true
    this.push(null)
  }

  onAborted(): void {
    this.destroy()
  }

  onPause(): void {}
}

export const requestOf = (stream: FakeStream, like: RequestLike = {}): StreamRequest =>
  new FakeRequest(stream, like)

/** The head of a backend's response. */
export function backendHead(statusCode: number, lines = '', like: Partial<ResponseHead> = {}): ResponseHead {
  const head = Object.assign(new ResponseHead(), { statusCode, ...like })
  head.text = `HTTP/1.1 ${statusCode} Phrase\r\n${lines}`
  return head
}

/** What is to follow in a later turn of the event loop has followed. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
