import type { FrameWriter } from './frame-writer.js'
import { Flag, MAX_WINDOW_BYTES } from './frames/frames.js'
import { HeldData } from './held-data.js'
import { type DataSource, DEFAULT_URGENCY } from './send-order.js'

const NOTHING: Buffer = Buffer.alloc(0)

/** What a queue tells of. */
export interface DataQueueOwner {
  /** So many bytes of DATA were sent. It may stop the queue. */
  onDataSent(bytes: number): void
  /** Nothing waits any more. */
  onEmpty(): void
  /** END_STREAM was sent. */
  onEnded(): void
}

/** The data that a stream has to send, as its window, that of the connection and the socket allow (RFC 9113 section 5.2). */
export class DataQueue implements DataSource {
  readonly id: number
  readonly #writer: FrameWriter
  readonly #owner: DataQueueOwner
  #window: number
  /** What waits, once something has. */
  #held: HeldData | undefined
  #isEnding = false
  #writeTrailers: (() => void) | undefined
  #isStopped = false
  #urgency = DEFAULT_URGENCY
  #isIncremental = true

  /** @param window initial send window of the stream */
  constructor(id: number, writer: FrameWriter, window: number, owner: DataQueueOwner) {
    this.id = id
    this.#writer = writer
    this.#window = window
    this.#owner = owner
  }

  get urgency(): number {
    return this.#urgency
  }

  get isIncremental(): boolean {
    return this.#isIncremental
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#held?.bytes ?? 0
  }

  /** Whether the peer has closed the window of the stream. */
  get isWindowClosed(): boolean {
    return this.#window <= 0
  }

  /** Whether it takes no more. */
  get isEnding(): boolean {
    return this.#isEnding || this.#isStopped
  }

  setPriority(urgency: number, isIncremental: boolean): void {
    this.#writer.cancelWait(this)
    this.#urgency = urgency
    this.#isIncremental = isIncremental
    this.#wait()
  }

  /**
   * Sends a part, or has it wait.
   * @param isLent whether its memory lasts only until the writer's `flushLent`
   */
  push(part: Buffer, isLent: boolean): void {
    if (this.#isStopped) return
    const sent = this.bytes === 0 && this.#writer.isFree ? this.#sendNow(part, isLent) : 0
    if (sent === part.length || this.#isStopped) return
    this.#held ??= new HeldData(this.#writer.release)
    this.#held.add(sent === 0 ? part : part.subarray(sent), isLent)
    this.#wait()
  }

  /**
   * Ends the stream behind what waits. An end without data needs no window.
   * @param last of the data; lent like that of `push`
   * @param writeTrailers writes the trailers, which end the stream
   */
  end(last: Buffer | undefined, isLent: boolean, writeTrailers?: () => void): void {
    if (this.isEnding) return
    this.#isEnding = true
    this.#writeTrailers = writeTrailers
    if (last !== undefined && last.length > 0) this.push(last, isLent)
    else if (this.bytes === 0) this.#sendEnd()
  }

  /** Drops what waits: the stream is closed. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#held?.clear()
    this.#writer.cancelWait(this)
  }

  /** Whether the window can grow by so many bytes (RFC 9113 section 6.9.1). */
  hasRoomFor(windowBytes: number): boolean {
    return this.#window + windowBytes <= MAX_WINDOW_BYTES
  }

  /** Adds to the send window; it may be negative after SETTINGS that shrink it. */
  addWindow(bytes: number): void {
    this.#window += bytes
    if (this.bytes === 0) return
    if (this.#window <= 0) this.#writer.cancelWait(this)
    this.#wait()
    this.#writer.serve()
  }

  sendFrame(): boolean {
    const held = this.#held!
    const data = held.take(this.#room)
    this.#send(data, held.bytes === 0, false)
    if (held.bytes === 0 && !this.#isStopped && !this.#isEnding) this.#owner.onEmpty()
    return held.bytes > 0 && this.#window > 0
  }

  get #room(): number {
    return Math.min(this.#window, this.#writer.writableBytes, this.#writer.maxFrameBytes)
  }

  #wait(): void {
    if (this.bytes > 0 && this.#window > 0) this.#writer.waitForRoom(this)
  }

  /** Returns how many bytes were sent. */
  #sendNow(part: Buffer, isLent: boolean): number {
    const { length } = part
    let at = 0
    while (at < length && !this.#isStopped) {
      const bytes = Math.min(length - at, this.#room)
      if (bytes <= 0) break
      const isAll = bytes === length
      const end = at + bytes
      this.#send(isAll ? part : part.subarray(at, end), end === length, isLent)
      at = end
    }
    return at
  }

  #send(data: Buffer, isLast: boolean, isLent: boolean): void {
    const endsStream = isLast && this.#isEnding && !this.#writeTrailers
    this.#window -= data.length
    this.#writer.writeData(this.id, data, endsStream ? Flag.endStream : 0, isLent)
    this.#owner.onDataSent(data.length)
    if (!isLast || !this.#isEnding || this.#isStopped) return
    if (endsStream) this.#onEnded()
    else this.#sendEnd()
  }

  #sendEnd(): void {
    if (this.#writeTrailers) this.#writeTrailers()
    else this.#writer.writeData(this.id, NOTHING, Flag.endStream, false)
    this.#onEnded()
  }

  #onEnded(): void {
    this.#isStopped = true
    this.#owner.onEnded()
  }
}
