import type { Socket } from 'node:net'
import { ConnectionError } from './frames/connection-error.js'
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  Flag,
  FRAME_HEAD_BYTES,
  FrameType,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  writeFrameHead,
  writeUInt32
} from './frames/frames.js'
import { Outbox } from './outbox.js'
import { MAX_COPIED_BYTES, PAGE_BYTES } from './outbox-pages.js'
import { type DataSource, SendOrder } from './send-order.js'

/** From so many unsent bytes on no more DATA is sent. */
const MAX_UNSENT_BYTES = 131_072
/** Above so many unsent bytes the peer counts as one that does not read. */
const MAX_UNREAD_BYTES = 1_048_576
const NUMBER_BYTES = 4
/** So that a frame of a field block fits in a page. */
const MAX_BLOCK_PART_BYTES = PAGE_BYTES - FRAME_HEAD_BYTES

/**
 * Writes the frames of a connection. They are collected and written at the end of the turn of the event loop, so that
 * messages of one turn are sent in one write. DATA waits for the flow-control window of the connection and for the socket,
 * and is sent in the order of its urgency.
 */
export class FrameWriter {
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameBytes = MAX_FRAME_BYTES
  readonly #socket: Socket
  readonly #outbox: Outbox
  readonly #order = new SendOrder()
  #window = DEFAULT_WINDOW_BYTES
  #dataBytes = 0
  #holdsLent = false
  #isServing = false

  constructor(socket: Socket) {
    this.#socket = socket
    this.#outbox = new Outbox(socket, () => this.serve())
  }

  /** Bytes that wait here or in the socket. */
  get unsentBytes(): number {
    return this.#outbox.unsentBytes
  }

  /** Whether the peer does not read what it is sent, so that nothing that it can provoke at will is to be added. */
  get isUnread(): boolean {
    return this.unsentBytes > MAX_UNREAD_BYTES
  }

  /** How often it has written to the socket. */
  get flushes(): number {
    return this.#outbox.flushes
  }

  /** Bytes of DATA that the system has taken, at least. What else it was sent, such as answers to PING, does not count. */
  get writtenDataBytes(): number {
    return this.#dataBytes - this.#outbox.unsentBytes
  }

  /** Bytes of DATA that can be sent now. */
  get writableBytes(): number {
    return this.#outbox.unsentBytes < MAX_UNSENT_BYTES ? this.#window : 0
  }

  /** Whether no DATA waits for its turn. */
  get isFree(): boolean {
    return this.#order.size === 0
  }

  /** Queues a frame, or several in one buffer. */
  write(frames: Buffer): void {
    this.#outbox.add(frames)
  }

  /**
   * Queues a reply to a frame of the peer: an acknowledgement of PING or SETTINGS.
   * @throws {ConnectionError} if the peer provokes ever more of them, and does not read
   */
  reply(frame: Buffer): void {
    if (this.isUnread) throw new ConnectionError('flood', ErrorCode.enhanceYourCalm)
    this.write(frame)
  }

  /** Queues a frame with one 32-bit number: RST_STREAM or WINDOW_UPDATE. */
  writeNumber(type: number, streamId: number, number: number): void {
    const { memory, at } = this.#outbox.reserve(FRAME_HEAD_BYTES + NUMBER_BYTES)
    writeFrameHead(memory, NUMBER_BYTES, type, 0, streamId, at)
    writeUInt32(memory, number, at + FRAME_HEAD_BYTES)
  }

  /**
   * Queues a field block: HEADERS, and CONTINUATION for what exceeds the frame size.
   * @param block in memory that lasts for the call
   */
  writeBlock(streamId: number, block: Buffer, isEnd: boolean): void {
    const maxBytes = Math.min(this.maxFrameBytes, MAX_BLOCK_PART_BYTES)
    let type: number = FrameType.headers
    let from = 0
    do {
      const to = Math.min(from + maxBytes, block.length)
      const flags = (isEnd && from === 0 ? Flag.endStream : 0) | (to === block.length ? Flag.endHeaders : 0)
      const { memory, at } = this.#outbox.reserve(FRAME_HEAD_BYTES + to - from)
      writeFrameHead(memory, to - from, type, flags, streamId, at)
      block.copy(memory, at + FRAME_HEAD_BYTES, from, to)
      type = FrameType.continuation
      from = to
    } while (from < block.length)
  }

  /**
   * Queues a frame of DATA, no longer than `writableBytes` and `maxFrameBytes`.
   * @param isLent whether the memory lasts only until `flushLent`
   */
  writeData(streamId: number, data: Buffer, flags: number, isLent: boolean): void {
    const { length } = data
    const isCopied = length <= MAX_COPIED_BYTES
    const { memory, at } = this.#outbox.reserve(FRAME_HEAD_BYTES + (isCopied ? length : 0))
    writeFrameHead(memory, length, FrameType.data, flags, streamId, at)
    this.#window -= length
    this.#dataBytes += length
    if (isCopied) {
      data.copy(memory, at + FRAME_HEAD_BYTES)
      return
    }
    this.#outbox.add(data)
    if (isLent) this.#holdsLent = true
  }

  /** Gives back a page once what was queued has been written. */
  readonly release = (page: Buffer): void => this.#outbox.release(page)

  /** Writes the queued frames. */
  flush(): void {
    this.#outbox.flush()
  }

  /** Writes the queued frames if there is lent memory among them. */
  flushLent(): void {
    if (!this.#holdsLent) return
    this.#holdsLent = false
    this.flush()
  }

  /** Drops everything from now on: the socket cannot be written to. */
  stop(): void {
    this.#outbox.stop()
  }

  /** Writes a last frame, and closes the connection after it. */
  end(last: Buffer): void {
    this.write(last)
    this.flush()
    if (this.#outbox.isStopped) this.#socket.destroy()
    else this.#socket.destroySoon()
  }

  /** Has a source send a frame when there is room and its turn has come. */
  waitForRoom(source: DataSource): void {
    this.#order.add(source)
  }

  /** Ends a wait. */
  cancelWait(source: DataSource): void {
    this.#order.remove(source)
  }

  /**
   * Adds to the window of the connection (WINDOW_UPDATE).
   * @throws {ConnectionError} if it exceeds 2^31-1
   */
  addWindow(bytes: number): void {
    this.#window += bytes
    if (this.#window > MAX_WINDOW_BYTES) throw new ConnectionError('window', ErrorCode.flowControlError)
    this.serve()
  }

  /** Has those send that wait, while there is room. */
  serve(): void {
    if (this.#isServing) return
    this.#isServing = true
    while (this.writableBytes > 0 && this.#order.serveNext());
    this.#isServing = false
  }
}
