import { ConnectionError } from '../../../base/http2/frames/connection-error.js'
import type { FieldBlock } from '../../../base/http2/frames/field-blocks.js'
import { ErrorCode } from '../../../base/http2/frames/frames.js'
import type { RequestHeadReader } from '../request/request-head.js'
import { OpenStream, type StreamConnection } from '../stream/open-stream.js'
import { NO_PRIORITY, type Priority, readPriority } from '../stream/priority.js'
import { ClosedStreams } from './closed-streams.js'

/** The connection of streams that are opened. */
export interface StreamsOwner extends StreamConnection {
  /** Initial send window of a stream, by the client's SETTINGS. */
  readonly sendWindowBytes: number
  /** The client has done what it could not do often. */
  onForcedReset(): void
  /** A request has come as a whole head. */
  onRequest(stream: OpenStream, block: FieldBlock): void
  /** Sends RST_STREAM for a stream that has none of ours. */
  refuse(streamId: number, errorCode: number): void
}

/** Limits of the streams of a connection. */
export interface StreamLimits {
  readonly maxStreams: number
  /** Receive window of each. */
  readonly windowBytes: number
  readonly reader: RequestHeadReader
}

/** The streams of a client's connection: which are open, and what may still come for the others (RFC 9113 section 5.1). */
export class ServerStreams {
  /** From which on none is opened any more: those that come are ignored. */
  endId = Number.POSITIVE_INFINITY
  readonly #owner: StreamsOwner
  readonly #limits: StreamLimits
  readonly #open = new Map<number, OpenStream>()
  readonly #closed = new ClosedStreams()
  /** Of streams that are not open yet (RFC 9218 section 7.1). */
  #priorities: Map<number, Priority> | undefined

  constructor(owner: StreamsOwner, limits: StreamLimits) {
    this.#owner = owner
    this.#limits = limits
  }

  get size(): number {
    return this.#open.size
  }

  /** The latest stream that the client has opened; 0 if none. */
  get lastId(): number {
    return this.#closed.lastId
  }

  all(): Iterable<OpenStream> {
    return this.#open.values()
  }

  /**
   * The stream; undefined if it is closed.
   * @throws {ConnectionError} if it was never opened
   */
  of(id: number): OpenStream | undefined {
    if (id % 2 === 0 || id > this.#closed.lastId) throw new ConnectionError('idle stream')
    return this.#open.get(id)
  }

  /** HEADERS begin. */
  checkFields(id: number): void {
    if (id % 2 === 0) throw new ConnectionError("a client's stream is odd")
    if (id > this.#closed.lastId || this.#open.has(id)) return
    const state = this.#closed.stateOf(id)
    if (state === 'skipped') throw new ConnectionError('stream number goes back')
    if (state === 'ended') throw new ConnectionError('stream is closed', ErrorCode.streamClosed)
  }

  /** A field block: a request, or the trailers of one. */
  onFields(block: FieldBlock): void {
    const { streamId: id } = block
    const stream = this.#open.get(id)
    if (stream) this.#onTrailers(stream, block)
    else if (id > this.#closed.lastId) this.#openNew(id, block)
    else this.onFrameOfClosed(id)
  }

  /**
   * A frame has come for a stream that is closed, and that is not allowed any more.
   * @throws {ConnectionError} if it was not reset
   */
  onFrameOfClosed(id: number): void {
    const state = this.#closed.stateOf(id)
    // It was on its way.
    if (state === 'reset by us') return
    if (state !== 'reset by the client') throw new ConnectionError('closed', ErrorCode.streamClosed)
    this.#owner.onForcedReset()
    this.#owner.refuse(id, ErrorCode.streamClosed)
  }

  /** A stream has closed. */
  onClosed({ id, resetCode }: OpenStream, isResetByUs: boolean): void {
    this.#open.delete(id)
    if (resetCode >= 0) this.#closed.onReset(id, isResetByUs)
  }

  /** PRIORITY_UPDATE (RFC 9218 section 7.1). */
  setPriority(id: number, field: string): void {
    if (id % 2 === 0) throw new ConnectionError('priority of no stream')
    const priority = readPriority(field)
    const stream = this.#open.get(id)
    if (stream) stream.setPriority(priority)
    if (stream || id <= this.#closed.lastId) return
    this.#priorities ??= new Map()
    if (this.#priorities.size < this.#limits.maxStreams || this.#priorities.has(id))
      this.#priorities.set(id, priority)
  }

  #openNew(id: number, block: FieldBlock): void {
    this.#closed.onOpened(id)
    const updated = this.#takePriority(id)
    if (id >= this.endId) {
      this.#closed.onReset(id, true)
      return
    }
    const { maxStreams, windowBytes, reader } = this.#limits
    // Heads need no window: without this, answers that are nothing else would pile up.
    if (this.#open.size >= maxStreams || this.#owner.writer.isUnread) {
      this.#refuse(id, ErrorCode.refusedStream)
      return
    }
    const { fields, isEnd, isTooLarge } = block
    if (!reader.read(fields, isEnd) && !isTooLarge) {
      this.#refuse(id, ErrorCode.protocolError)
      return
    }
    const stream = new OpenStream(
      id,
      this.#owner,
      this.#owner.sendWindowBytes,
      windowBytes,
      isEnd,
      reader.isConnect ? -1 : reader.contentLength
    )
    this.#open.set(id, stream)
    const priority = updated ?? (reader.priority === '' ? NO_PRIORITY : readPriority(reader.priority))
    if (priority !== NO_PRIORITY) stream.setPriority(priority)
    this.#owner.onRequest(stream, block)
  }

  #onTrailers(stream: OpenStream, { fields, isEnd, isTooLarge }: FieldBlock): void {
    if (stream.body.isEnded) stream.reset(ErrorCode.streamClosed)
    else if (!isEnd || isTooLarge) stream.reset(ErrorCode.protocolError)
    else stream.body.onEnd(fields)
  }

  /** Resets a stream that is not opened. */
  #refuse(id: number, errorCode: number): void {
    this.#closed.onReset(id, true)
    this.#owner.onForcedReset()
    this.#owner.refuse(id, errorCode)
  }

  #takePriority(id: number): Priority | undefined {
    const priority = this.#priorities?.get(id)
    if (priority) this.#priorities!.delete(id)
    return priority
  }
}
