import type { IncomingMessage } from 'node:http'
import { isGrpcHead } from '../../base/grpc/call.js'
import type { BackendStream } from '../../transport/backend-stream.js'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import type { Failure } from '../failure.js'
import { grpcTrailers } from '../local-reply/grpc-reply.js'
import type { ClientStream } from '../response/client-stream.js'
import type { Relay } from './relay.js'

/**
 * The body of a backend's response on its way to the client, with backpressure.
 */
export class ResponseRelay implements Relay {
  readonly #client: ClientStream
  readonly #stream: BackendStream
  /** Bytes still to come, or less than 0 where their number is not declared. */
  #remaining: number
  /**
   * The request is not complete: the backend may close with the rest of it unread: then what the system has not delivered
   * of the response is lost, so it is read as fast as possible.
   */
  readonly #isEarly: boolean
  #isHolding = false
  #lastChunk: Buffer | undefined

  /** @param isEarly whether the request is not complete */
  constructor(client: ClientStream, stream: BackendStream, contentLength: number, isEarly: boolean) {
    this.#client = client
    this.#stream = stream
    this.#remaining = contentLength
    this.#isEarly = isEarly
  }

  onData(chunk: Buffer): void {
    this.#remaining -= chunk.length
    // The last chunk goes out with the end of the message, in one write.
    if (this.#remaining === 0) this.#lastChunk = chunk
    else this.#client.sendPart(chunk)
  }

  onReadEnd(): void {
    const client = this.#client
    // Over HTTP/2 the end of a message may come later than its last byte.
    if (this.#lastChunk) client.sendPart(this.#lastChunk)
    this.#lastChunk = undefined
    client.flush()
    this.#stream.readsBulk = this.#isEarly || client.takesBulk
    if (client.writableLength >= client.writableHighWaterMark) this.#holdBackend()
  }

  /** @param trailers names and values in turn */
  onEnd(trailers: readonly string[]): void {
    if (this.#isHolding) this.#stream.resume()
    this.#isHolding = false
    this.#client.finish(this.#lastChunk, trailers)
  }

  /**
   * Ends a response whose backend is gone: it is cut off, lest the client take it for whole.
   * @param inTrailers whether they are all that it lacks
   */
  breakOff(req: IncomingMessage, head: ResponseHead, failure: Failure, inTrailers: boolean): void {
    this.stop()
    // A client of gRPC has all messages, and is told why it does not learn what became of the call.
    if (inTrailers && takesTrailers(req, head) && isGrpcHead(head.text))
      this.#client.finish(this.#lastChunk, grpcTrailers(failure))
    else this.#client.cutOff()
  }

  /** Nobody takes the rest. */
  stop(): void {
    this.#isHolding = false
  }

  /** Reads no more of the backend until the client has taken what there is. */
  #holdBackend(): void {
    if (this.#isHolding) return
    this.#isHolding = true
    this.#stream.pause()
    this.#client.whenTaken(() => {
      if (this.#isHolding) this.#stream.resume()
      this.#isHolding = false
    })
  }
}

/** Whether fields can follow the body of a response on the way to the client. */
function takesTrailers(
  { httpVersionMajor, httpVersionMinor }: IncomingMessage,
  { contentLength }: ResponseHead
): boolean {
  return httpVersionMajor > 1 || (httpVersionMinor > 0 && contentLength < 0)
}
