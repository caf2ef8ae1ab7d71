import { GatheredBytes } from '../../base/sockets/gathered-bytes.js'
import { agreedProtocols } from './agreed-protocols.js'
import { BrokenResponse, HeadTooLarge } from './broken-response.js'
import { ChunkFraming, Next } from './chunk-framing.js'
import { parseResponseHead, type ResponseHead } from './response-head.js'
import { parseTrailers } from './trailers.js'

/** Receives what follows a head. */
export interface DataSink {
  onData(chunk: Buffer): void
  /** The response is complete. `trailers` alternates names and values. */
  onEnd(trailers: readonly string[]): void
}

/** Receives the parts of a response, in their order. */
export interface ResponseSink extends DataSink {
  /** An interim response (1xx): another one follows. */
  onInterim(head: ResponseHead): void
  /** The final response, or `101`: then the data is of the other protocol, up to the end of the connection. */
  onHead(head: ResponseHead): void
}

/** What the framing of a response depends on (RFC 9112 section 6.3). */
export interface RequestInfo {
  readonly method: string
  /** The protocols that the request offers to switch to. */
  readonly upgrade?: string | undefined
}

const State = {
  /** No response is expected. */
  idle: 0,
  head: 1,
  length: 2,
  untilClose: 3,
  chunkFraming: 4,
  chunkData: 5,
  trailers: 6
} as const

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const START_OF_HEAD = Buffer.from('HTTP/1.')
/** The end of the last chunk's line: with it, trailers end as a head does, even if there are none. */
const BEFORE_TRAILERS = Buffer.from('\r\n')
const NO_TRAILERS: readonly string[] = Object.freeze([])
const CR = 13
const LF = 10

/**
 * Parses the responses of one connection, in whatever parts they arrive (RFC 9112). It is strict: a message whose end two
 * parsers could place differently is invalid. It keeps no reference to the bytes that it was given.
 */
export class ResponseParser {
  /** Whether the connection may be reused, according to its latest response. */
  persistent = true
  /** The timeout in the latest `Keep-Alive` field, or -1. */
  keepAliveSeconds = -1

  readonly #maxHeadBytes: number
  #state: number = State.idle
  #sink!: ResponseSink
  #dataSink!: DataSink
  #request!: RequestInfo
  /** The beginning of an incomplete head, or of incomplete trailers. */
  readonly #partial = new GatheredBytes()
  /** Where the bytes after a head or trailers begin. */
  #next = 0
  /** Bytes of the body or chunk that are still to come. */
  #remaining = 0
  readonly #chunks = new ChunkFraming()

  /** @param maxHeadBytes limit of a head, and of trailers */
  constructor(maxHeadBytes: number) {
    this.#maxHeadBytes = maxHeadBytes
  }

  /** Whether no response is under way. */
  get isIdle(): boolean {
    return this.#state === State.idle
  }

  /** Expects the response to a request. */
  begin(request: RequestInfo, sink: ResponseSink): void {
    this.#request = request
    this.#sink = this.#dataSink = sink
    this.#state = State.head
  }

  /** Passes what follows the head to another sink. */
  setDataSink(sink: DataSink): void {
    this.#dataSink = sink
  }

  /** Calls the sink no more. */
  stop(): void {
    this.#state = State.idle
  }

  /**
   * Parses bytes up to the end of the response. Returns how many those were.
   * @throws {BrokenResponse} if the response is invalid; what the sink throws passes through
   */
  parse(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && this.#state !== State.idle) {
      if (this.#state === State.head) at = this.#parseHead(bytes, at)
      else if (this.#state === State.length || this.#state === State.chunkData)
        at = this.#parseData(bytes, at)
      else if (this.#state === State.trailers) at = this.#parseTrailers(bytes, at)
      else if (this.#state === State.untilClose) {
        this.#dataSink.onData(at === 0 ? bytes : bytes.subarray(at))
        at = bytes.length
      } else this.#parseFraming(bytes[at++]!)
    }
    return at
  }

  /**
   * The connection has ended. Returns whether that completes a response.
   * @param isOrderly whether it ended without a reset; called only if that matters
   */
  finish(isOrderly = () => true): boolean {
    if (this.#state !== State.untilClose || !isOrderly()) return false
    this.#end(NO_TRAILERS)
    return true
  }

  #parseHead(bytes: Buffer, at: number): number {
    const text = this.#readBlock(bytes, at)
    if (text === undefined) {
      const { bytes: partial } = this.#partial
      const length = Math.min(partial.length, START_OF_HEAD.length)
      if (partial.compare(START_OF_HEAD, 0, length, 0, length) !== 0) throw new BrokenResponse('no HTTP')
      return bytes.length
    }
    const head = parseResponseHead(text)
    if (head.statusCode < 200 && head.statusCode !== 101) this.#sink.onInterim(head)
    else this.#beginBody(head)
    return this.#next
  }

  /** RFC 9112 section 6.3. */
  #beginBody(head: ResponseHead): void {
    const { statusCode, contentLength, chunked } = head
    const { method, upgrade } = this.#request
    if (statusCode === 101) head.upgrade = agreedProtocols(upgrade, head.upgrade)
    this.keepAliveSeconds = head.keepAliveSeconds
    this.persistent = head.persistent
    if (statusCode === 101 || (contentLength < 0 && !chunked)) {
      this.#state = State.untilClose
    } else if (chunked) {
      this.#state = State.chunkFraming
      this.#chunks.begin()
    } else {
      this.#state = State.length
      this.#remaining = contentLength
    }
    if (statusCode !== 101 && (method === 'HEAD' || statusCode === 204 || statusCode === 304)) {
      this.#state = State.length
      this.#remaining = 0
    }
    if (this.#state === State.untilClose) this.persistent = false
    this.#sink.onHead(head)
    if (this.#state === State.length && this.#remaining === 0) this.#end(NO_TRAILERS)
  }

  #parseData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#remaining)
    this.#remaining -= end - at
    this.#dataSink.onData(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end))
    if (this.#remaining === 0) {
      if (this.#state === State.length) this.#end(NO_TRAILERS)
      else if (this.#state === State.chunkData) this.#endChunk()
    }
    return end
  }

  #endChunk(): void {
    this.#state = State.chunkFraming
    this.#chunks.endData()
  }

  #parseFraming(byte: number): void {
    const next = this.#chunks.parse(byte)
    if (next === Next.data) {
      this.#state = State.chunkData
      this.#remaining = this.#chunks.size
    } else if (next === Next.trailers) {
      this.#state = State.trailers
      this.#partial.restart(BEFORE_TRAILERS)
    }
  }

  #parseTrailers(bytes: Buffer, at: number): number {
    const partial = this.#partial
    if (partial.length === BEFORE_TRAILERS.length && bytes[at] === CR && bytes[at + 1] === LF) {
      // Mostly there are none.
      partial.clear()
      this.#end(NO_TRAILERS)
      return at + 2
    }
    const text = this.#readBlock(bytes, at)
    if (text === undefined) return bytes.length
    this.#end(
      text.length > BEFORE_TRAILERS.length ? parseTrailers(text.slice(BEFORE_TRAILERS.length)) : NO_TRAILERS
    )
    return this.#next
  }

  /** The lines up to an empty one, each with its CRLF; undefined while they are incomplete. */
  #readBlock(bytes: Buffer, at: number): string | undefined {
    const partial = this.#partial
    const before = partial.length
    if (before === 0) {
      const end = bytes.indexOf(END_OF_HEAD, at)
      if (end !== -1) {
        if (end - at > this.#maxHeadBytes) throw new HeadTooLarge(false)
        this.#next = end + END_OF_HEAD.length
        return bytes.toString('latin1', at, end + 2)
      }
    }
    // No more than the limit: the rest belongs to what follows.
    partial.add(bytes.subarray(at, at + this.#maxHeadBytes + END_OF_HEAD.length - before))
    const block = partial.bytes
    const end = block.indexOf(END_OF_HEAD, Math.max(0, before - END_OF_HEAD.length + 1))
    if ((end === -1 ? block.length - END_OF_HEAD.length + 1 : end) > this.#maxHeadBytes)
      throw new HeadTooLarge(this.#state === State.trailers)
    if (end === -1) {
      // A bare LF: the empty line would never come.
      if (hasBareLF(block, before)) throw new BrokenResponse('line end', this.#state === State.trailers)
      return undefined
    }
    this.#next = at + end + END_OF_HEAD.length - before
    partial.clear()
    return block.toString('latin1', 0, end + 2)
  }

  #end(trailers: readonly string[]): void {
    this.#state = State.idle
    this.#dataSink.onEnd(trailers)
  }
}

function hasBareLF(bytes: Buffer, from: number): boolean {
  for (let at = bytes.indexOf(LF, from); at !== -1; at = bytes.indexOf(LF, at + 1))
    if (bytes[at - 1] !== CR) return true
  return false
}
