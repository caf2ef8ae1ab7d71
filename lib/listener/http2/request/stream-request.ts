import type { Socket } from 'node:net'
import type { StreamRequest } from '../../../base/http/stream-request.js'
import { Bodiless, type LightRequest, type ReadHead } from '../../request/light-request.js'
import { abort, PushedRequest } from '../../request/pushed-request.js'
import type { BodyReader } from '../stream/body-reader.js'
import type { ServerStream } from '../stream/server-stream.js'
import { type DecodedHead, fieldsOfHttp1 } from './request-fields.js'

/** What is known of the request of a stream. */
export interface StreamHead extends ReadHead, DecodedHead {
  readonly scheme: string
  readonly isConnect: boolean
}

/** A request of HTTP/2 in the form of HTTP/1.1, whose body comes with its stream. */
export type ServerStreamRequest = LightRequest & StreamRequest

/** A request without a body. What follows the head of one that opens a WebSocket is the tunnel's. */
class StreamBodiless extends Bodiless implements DecodedHead {
  readonly httpVersion = '2.0'
  readonly httpVersionMajor = 2
  readonly httpVersionMinor = 0
  readonly scheme: string
  readonly isWebSocket: boolean
  readonly contentLength = 0
  readonly neverIndexed: ReadonlySet<string> | undefined
  readonly #decoded: readonly string[]

  constructor(
    socket: Socket,
    head: StreamHead,
    decoded: readonly string[],
    neverIndexed: ReadonlySet<string> | undefined
  ) {
    super(socket, head)
    this.neverIndexed = neverIndexed
    this.scheme = head.scheme
    this.isWebSocket = head.isWebSocket
    this.#decoded = decoded
  }

  get host(): string {
    return this.plainHost
  }

  protected listFields(): string[] {
    return fieldsOfHttp1(this.#decoded, this)
  }

  /** The connection belongs to other streams as well. */
  _destroy(_error: Error | null, done: () => void): void {
    done()
  }
}

/** A request whose stream goes on behind its head: with a body, or with its end only. */
class StreamUpload extends PushedRequest implements StreamRequest, BodyReader {
  override readonly hasBody: boolean
  readonly scheme: string
  readonly isWebSocket = false
  readonly neverIndexed: ReadonlySet<string> | undefined

  constructor(
    stream: ServerStream,
    head: StreamHead,
    decoded: readonly string[],
    neverIndexed: ReadonlySet<string> | undefined
  ) {
    super(stream.socket, head, fieldsOfHttp1(decoded, head), stream)
    this.neverIndexed = neverIndexed
    this.httpVersion = '2.0'
    this.httpVersionMajor = 2
    this.httpVersionMinor = 0
    this.hasBody = head.hasBody
    this.scheme = head.scheme
  }

  /** What comes while nobody reads is gathered by the stream. */
  onBody(part: Buffer): boolean {
    return this.receive(part) && this.readableFlowing === true
  }

  onBodyEnd(trailers: readonly string[]): void {
    this.rawTrailers = trailers as string[]
    this.complete = true
    this.push(null)
  }

  onAborted(): void {
    abort(this)
  }

  onPause(): void {
    this.emit('timeout')
  }

  /** As Node's, which would close the connection, with its other streams. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.readableEnded || !this.complete) {
      this.aborted = true
      this.emit('aborted')
    }
    // Nobody has to listen.
    done(this.listenerCount('error') > 0 ? error : null)
  }
}

/**
 * Makes the request of a stream, and has its body read.
 * @param head what was read last
 * @param decoded the fields that it was read from: names and values in turn
 * @param isEnd whether the stream ends with the head
 * @param neverIndexed names of those fields that must not be indexed on the way
 */
export function streamRequest(
  stream: ServerStream,
  head: StreamHead,
  decoded: readonly string[],
  isEnd: boolean,
  neverIndexed?: ReadonlySet<string>
): ServerStreamRequest {
  if (isEnd || head.isConnect)
    return new StreamBodiless(stream.socket, head, decoded, neverIndexed) as unknown as ServerStreamRequest
  const upload = new StreamUpload(stream, head, decoded, neverIndexed)
  stream.bodyReader = upload
  return upload
}
