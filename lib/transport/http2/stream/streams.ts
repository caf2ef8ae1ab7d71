import { ConnectionClosed } from '../../connection-closed.js'
import { RequestRefused } from '../errors.js'
import type { FrameWriter } from '../frame-writer.js'
import { BrokenFrame } from '../frames/broken-frame.js'
import { FrameType, numberFrame } from '../frames/frames.js'
import type { RequestLimit } from '../request-limit.js'
import { trailersFrames } from './send-request.js'
import type { Stream, StreamConnection } from './stream.js'

const MAX_STREAM_ID = 2 ** 31 - 1
/** Servers take too many requests that are given up for an attack, and may close the connection: it is left before. */
const MAX_RESETS = 250
/** After so long without another refusal a backend is tried with more streams at once again. */
const FORGET_MS = 5000

/** What is told of the streams of a connection. */
export interface StreamsCallbacks {
  /** Something was sent or has come on one. */
  onActivity(): void
  /** One is over. */
  onStreamClosed(): void
  /** It shows that none of them was looked at. */
  onAllRefused(): void
}

/** The streams of one connection, and what the backend has done with them so far. */
export class Streams implements StreamConnection {
  /** Whether there will be none after those under way. */
  isClosing = false
  /** Whether a request was carried to the head of its response. */
  hasAnswered = false
  readonly #callbacks: StreamsCallbacks
  readonly #writer: FrameWriter
  readonly #limit: RequestLimit
  readonly #open = new Map<number, Stream>()
  readonly #touched: Stream[] = []
  #nextId = 1
  #sent = 0
  #refused = 0
  #resets = 0
  #maxConcurrent = Number.POSITIVE_INFINITY
  #refusedMs = 0

  /** @param limit what is known of the connections to the same backend */
  constructor(callbacks: StreamsCallbacks, writer: FrameWriter, limit: RequestLimit) {
    this.#callbacks = callbacks
    this.#writer = writer
    this.#limit = limit
  }

  /** Streams under way. */
  get size(): number {
    return this.#open.size
  }

  /**
   * Whether there can be one more.
   * @param maxLoad so many at once, as the backend says itself
   */
  hasRoom(maxLoad: number): boolean {
    const isFew = this.#open.size < Math.min(maxLoad, this.#maxConcurrent)
    return isFew && !this.isClosing && this.#sent < this.#limit.max
  }

  /**
   * Gives a stream its number.
   * @param maxRequests so many there may be in all
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
   * The stream that a frame is of; undefined if it is over.
   * @throws {BrokenFrame} if there never was one
   */
  of(id: number): Stream | undefined {
    if (id % 2 === 0 || id >= this.#nextId) throw new BrokenFrame('stream')
    return this.#open.get(id)
  }

  /** Those under way, at this moment. */
  all(): Stream[] {
    return [...this.#open.values()]
  }

  sendTrailers({ id }: Stream, trailers: readonly string[]): void {
    this.#writer.write(trailersFrames(id, trailers, this.#writer.maxFrameBytes))
  }

  sendWindowUpdate({ id }: Stream, bytes: number): void {
    this.#writer.write(numberFrame(FrameType.windowUpdate, id, bytes))
  }

  onTouched(stream: Stream): void {
    this.#touched.push(stream)
    this.#callbacks.onActivity()
  }

  /** All of a read has been told. */
  onReadEnd(): void {
    for (const stream of this.#touched) stream.onReadEnd()
    this.#touched.length = 0
  }

  onClosed({ id, hasHead }: Stream, errorCode: number): void {
    this.#open.delete(id)
    this.hasAnswered ||= hasHead
    if (this.#open.size === 0 && !this.isClosing) this.#limit.onAnswered(this.#sent)
    if (errorCode >= 0 && id > 0) {
      this.#writer.write(numberFrame(FrameType.rstStream, id, errorCode))
      if (++this.#resets >= MAX_RESETS) this.isClosing = true
    }
    this.#callbacks.onStreamClosed()
  }

  onRefused(): boolean {
    // Beside others it was one too many; alone it shows that the connection takes no more.
    if (this.#open.size === 1) this.isClosing = true
    return this.#onStreamsRefused(1)
  }

  /** The backend takes no more, and has not looked at those behind this one. */
  onGoAway(lastId: number): void {
    this.isClosing = true
    const refused = this.all().filter(({ id }) => id > lastId)
    const ofAll = this.#onStreamsRefused(refused.length)
    for (const stream of refused) stream.onLost(new RequestRefused(ofAll))
  }

  /**
   * The connection is lost.
   * @param culprit the stream that is to blame, if one is: the others hear of the loss alone
   */
  onLost(culprit: number, error: Error): void {
    this.isClosing = true
    const isOfAll = !this.#open.has(culprit)
    // What was to be written next never was; that says nothing of how many the backend takes.
    const unwritten = this.all().filter(({ flushes }) => flushes === this.#writer.flushes)
    const ofAll = unwritten.length > 0 && unwritten.length === this.#sent - this.#refused
    if (ofAll) this.#callbacks.onAllRefused()
    for (const stream of unwritten) stream.onLost(new RequestRefused(ofAll))
    for (const stream of this.all())
      stream.onLost(isOfAll || stream.id === culprit ? error : new ConnectionClosed())
  }

  /** Forgets how many were too many at once, if that was long ago. */
  recover(nowMs: number): void {
    if (nowMs - this.#refusedMs >= FORGET_MS) this.#maxConcurrent = Number.POSITIVE_INFINITY
  }

  /** So many of those under way were not looked at. Returns whether none ever was. */
  #onStreamsRefused(count: number): boolean {
    this.#refused += count
    const taken = this.#sent - this.#refused
    if (count > 0) {
      this.#maxConcurrent = Math.max(1, this.#open.size - count)
      this.#refusedMs = performance.now()
      if (this.isClosing && taken > 0) this.#limit.onRefused(taken)
    }
    if (taken === 0) this.#callbacks.onAllRefused()
    return taken === 0
  }
}
