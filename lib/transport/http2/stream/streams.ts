import type { FrameWriter } from '../../../base/http2/frame-writer.js'
import { ConnectionError } from '../../../base/http2/frames/connection-error.js'
import { ErrorCode, FrameType } from '../../../base/http2/frames/frames.js'
import type { RequestEncoder } from '../../../base/http2/hpack/request-encoder.js'
import { ConnectionClosed } from '../../connection-closed.js'
import { RequestRefused } from '../errors.js'
import type { RequestLimit } from '../request-limit.js'
import { addWindow } from './send-window.js'
import type { Stream, StreamConnection } from './stream.js'

const MAX_STREAM_ID = 2 ** 31 - 1
/** Resets after which a connection takes no more requests: servers may see an attack in more of them (CVE-2023-44487). */
const MAX_RESETS = 250
/** Time without a refusal after which the learned limit of concurrent streams is dropped. */
const FORGET_MS = 5000

/** The events of the streams of a connection. */
export interface StreamsCallbacks {
  /** A request was sent, or a part of a response was received. */
  onActivity(): void
  /** A stream was closed. */
  onStreamClosed(): void
  /** The backend has processed none of them. */
  onAllRefused(): void
}

/** The streams of a connection, and how many of them the backend has refused. */
export class Streams implements StreamConnection {
  /** Whether no more streams are opened. */
  isClosing = false
  /** Whether the head of a response was received. */
  hasAnswered = false
  readonly #callbacks: StreamsCallbacks
  readonly #writer: FrameWriter
  readonly #encoder: RequestEncoder
  readonly #limit: RequestLimit
  readonly #open = new Map<number, Stream>()
  readonly #touched: Stream[] = []
  #nextId = 1
  #sent = 0
  #refused = 0
  #resets = 0
  #maxConcurrent = Number.POSITIVE_INFINITY
  #refusedMs = 0

  /** @param limit requests in total, shared by the connections to the backend */
  constructor(
    callbacks: StreamsCallbacks,
    writer: FrameWriter,
    encoder: RequestEncoder,
    limit: RequestLimit
  ) {
    this.#callbacks = callbacks
    this.#writer = writer
    this.#encoder = encoder
    this.#limit = limit
  }

  /** Streams under way. */
  get size(): number {
    return this.#open.size
  }

  /**
   * Whether another stream can be opened.
   * @param maxLoad limit of concurrent streams that the backend has announced
   */
  hasRoom(maxLoad: number): boolean {
    const isFew = this.#open.size < Math.min(maxLoad, this.#maxConcurrent)
    return isFew && !this.isClosing && this.#sent < this.#limit.max
  }

  /**
   * Opens a stream: assigns its identifier.
   * @param maxRequests limit of streams in total
   */
  add(stream: Stream, maxRequests: number): void {
    stream.flushes = this.#writer.flushes
    stream.id = this.#nextId
    this.#nextId += 2
    this.#sent++
    this.#open.set(stream.id, stream)
    if (this.#sent >= maxRequests || this.#nextId > MAX_STREAM_ID) this.isClosing = true
    this.#callbacks.onActivity()
  }

  /**
   * The stream with this identifier; undefined if it is closed.
   * @throws {ConnectionError} if it was never opened
   */
  of(id: number): Stream | undefined {
    if (id % 2 === 0 || id >= this.#nextId) throw new ConnectionError('stream')
    return this.#open.get(id)
  }

  /** A copy of the list of open streams. */
  all(): Stream[] {
    return [...this.#open.values()]
  }

  /**
   * SETTINGS have changed the send window of all streams.
   * @param initialBytes what it is now for one that nothing was sent on
   * @throws {ConnectionError} if one exceeds 2^31-1 (RFC 9113 section 6.9.2)
   */
  addWindow(bytes: number, initialBytes: number): void {
    for (const stream of this.all()) {
      if (!addWindow(stream, bytes, initialBytes - bytes))
        throw new ConnectionError('window', ErrorCode.flowControlError)
    }
  }

  sendTrailers({ id }: Stream, trailers: readonly string[]): void {
    this.#writer.writeBlock(id, this.#encoder.encodeTrailers(trailers), true)
  }

  sendWindowUpdate({ id }: Stream, bytes: number): void {
    this.#writer.writeNumber(FrameType.windowUpdate, id, bytes)
  }

  onTouched(stream: Stream): void {
    this.#touched.push(stream)
    this.#callbacks.onActivity()
  }

  /** All data of a read was passed on. */
  onReadEnd(): void {
    for (const stream of this.#touched) stream.onReadEnd()
    this.#touched.length = 0
  }

  onClosed({ id, hasHead }: Stream, errorCode: number): void {
    this.#open.delete(id)
    this.hasAnswered ||= hasHead
    if (this.#open.size === 0 && !this.isClosing) this.#limit.onAnswered(this.#sent)
    if (errorCode >= 0 && id > 0) {
      this.#writer.writeNumber(FrameType.rstStream, id, errorCode)
      if (++this.#resets >= MAX_RESETS) this.isClosing = true
    }
    this.#callbacks.onStreamClosed()
  }

  onRefused(): boolean {
    // Among others it was one too many; alone, the connection accepts no more.
    if (this.#open.size === 1) this.isClosing = true
    return this.#onStreamsRefused(1)
  }

  /** GOAWAY: the backend accepts no more streams, and has not processed those after this one. */
  onGoAway(lastId: number): void {
    this.isClosing = true
    const refused = this.all().filter(({ id }) => id > lastId)
    const ofAll = this.#onStreamsRefused(refused.length)
    for (const stream of refused) stream.onLost(new RequestRefused(ofAll))
  }

  /**
   * The connection is lost.
   * @param invalidId stream whose frame was invalid, if any: only that fails with `error`, the others with ConnectionClosed
   */
  onLost(invalidId: number, error: Error): void {
    this.isClosing = true
    const isOfAll = !this.#open.has(invalidId)
    // Requests that were never written; that does not lower the limits.
    const unwritten = this.all().filter(({ flushes }) => flushes === this.#writer.flushes)
    const ofAll = unwritten.length > 0 && unwritten.length === this.#sent - this.#refused
    if (ofAll) this.#callbacks.onAllRefused()
    for (const stream of unwritten) stream.onLost(new RequestRefused(ofAll))
    for (const stream of this.all())
      stream.onLost(isOfAll || stream.id === invalidId ? error : new ConnectionClosed())
  }

  /** Drops the learned limit of concurrent streams, once it is old. */
  recover(nowMs: number): void {
    if (nowMs - this.#refusedMs >= FORGET_MS) this.#maxConcurrent = Number.POSITIVE_INFINITY
  }

  /** Counts streams that the backend has not processed. Returns whether it has processed none so far. */
  #onStreamsRefused(count: number): boolean {
    this.#refused += count
    const processed = this.#sent - this.#refused
    if (count > 0) {
      this.#maxConcurrent = Math.max(1, this.#open.size - count)
      this.#refusedMs = performance.now()
      if (this.isClosing && processed > 0) this.#limit.onRefused(processed)
    }
    if (processed === 0) this.#callbacks.onAllRefused()
    return processed === 0
  }
}
