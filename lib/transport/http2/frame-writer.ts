import type { Socket } from 'node:net'
import { BrokenFrame } from './frames/broken-frame.js'
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  FRAME_HEAD_BYTES,
  FrameType,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  writeFrameHead
} from './frames/frames.js'

/** Frames of a turn up to this size in total are joined to one write. */
const MAX_JOINED_BYTES = 16_384
/** Limit of unsent bytes for replies to a backend that does not read. */
const MAX_UNREAD_BYTES = 1_048_576

/** A sender of DATA that waits until it can send. */
export interface DataWaiter {
  /** There may be room. */
  onRoom(): void
}

/**
 * Writes the frames of a connection. They are collected and written at the end of the turn of the event loop, so that
 * requests that were read in one turn are sent in one write. Senders of DATA wait for the flow-control window of the
 * connection and for the socket, and take turns.
 */
export class FrameWriter {
  /** The backend's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameBytes = MAX_FRAME_BYTES
  /** How often it has written to the socket. */
  flushes = 0
  readonly #socket: Socket
  #window = DEFAULT_WINDOW_BYTES
  #frames: Buffer[] = []
  #bytes = 0
  #waiting = new Set<DataWaiter>()
  #isStopped = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('drain', () => this.#serve())
  }

  /** Bytes of DATA that can be sent now. */
  get writableBytes(): number {
    const { writableLength, writableHighWaterMark } = this.#socket
    return writableLength + this.#bytes < writableHighWaterMark ? this.#window : 0
  }

  /** Queues a frame, or several in one buffer. */
  write(frames: Buffer): void {
    if (this.#frames.length === 0) setImmediate(() => this.flush())
    this.#frames.push(frames)
    this.#bytes += frames.length
  }

  /**
   * Queues a reply to a frame of the backend: an acknowledgement of PING or SETTINGS.
   * @throws {BrokenFrame} if the backend provokes ever more of them, and does not read
   */
  reply(frame: Buffer): void {
    if (this.#socket.writableLength + this.#bytes > MAX_UNREAD_BYTES)
      throw new BrokenFrame('flood', ErrorCode.enhanceYourCalm)
    this.write(frame)
  }

  /** Queues a frame of DATA, no longer than `writableBytes` and `maxFrameBytes`. */
  writeData(streamId: number, data: Buffer, flags: number): void {
    const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES)
    writeFrameHead(head, data.length, FrameType.data, flags, streamId)
    this.write(head)
    if (data.length === 0) return
    this.write(data)
    this.#window -= data.length
  }

  /** Writes the queued frames. */
  flush(): void {
    const socket = this.#socket
    const frames = this.#frames
    if (frames.length === 0) return
    const bytes = this.#bytes
    this.#frames = []
    this.#bytes = 0
    if (socket.destroyed || this.#isStopped) return
    this.flushes++
    if (frames.length === 1 || bytes <= MAX_JOINED_BYTES) {
      socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames, bytes))
    } else {
      socket.cork()
      for (const frame of frames) socket.write(frame)
      socket.uncork()
    }
    // Without backpressure there is no 'drain' to wait for.
    if (!socket.writableNeedDrain) this.#serve()
  }

  /** Drops everything from now on: the socket cannot be written to. */
  stop(): void {
    this.#isStopped = true
  }

  /** Writes a last frame, and closes the connection after it. */
  end(last: Buffer): void {
    this.write(last)
    this.flush()
    if (this.#isStopped) this.#socket.destroy()
    else this.#socket.destroySoon()
  }

  /** Calls `waiter.onRoom()` once when DATA can be sent. */
  waitForRoom(waiter: DataWaiter): void {
    this.#waiting.add(waiter)
  }

  /** Ends a wait. */
  cancelWait(waiter: DataWaiter): void {
    this.#waiting.delete(waiter)
  }

  /**
   * Adds to the window of the connection (WINDOW_UPDATE).
   * @throws {BrokenFrame} if it exceeds 2^31-1
   */
  addWindow(bytes: number): void {
    this.#window += bytes
    if (this.#window > MAX_WINDOW_BYTES) throw new BrokenFrame('window', ErrorCode.flowControlError)
    this.#serve()
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      if (this.writableBytes <= 0) return
      // If it has to wait again, it is queued behind the others.
      this.#waiting.delete(waiter)
      waiter.onRoom()
    }
  }
}
