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

/** Above this, what waits for the end of the turn is written as it lies, instead of being joined. */
const MAX_JOINED_BYTES = 16_384
/** Of what a backend makes us answer, without reading it. */
const MAX_UNREAD_BYTES = 1_048_576

/** Who has data to send, and waits for room. */
export interface DataWaiter {
  /** There may be room. */
  onRoom(): void
}

/**
 * What goes to a backend over one connection. Frames are written together at the end of the turn of the event loop: then
 * the requests that were read in one turn are sent in one. Data waits for room, in the window of the connection and in the
 * socket; those that wait take turns.
 */
export class FrameWriter {
  /** Of a frame, as the backend wants it. */
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

  /** Bytes of data that may be sent now. */
  get writableBytes(): number {
    const { writableLength, writableHighWaterMark } = this.#socket
    return writableLength + this.#bytes < writableHighWaterMark ? this.#window : 0
  }

  /** Sends a frame, or several that lie one behind another. */
  write(frames: Buffer): void {
    if (this.#frames.length === 0) setImmediate(() => this.flush())
    this.#frames.push(frames)
    this.#bytes += frames.length
  }

  /**
   * Sends a frame that the backend wants in return for one of its own.
   * @throws {BrokenFrame} if it wants more and more, and reads nothing
   */
  reply(frame: Buffer): void {
    if (this.#socket.writableLength + this.#bytes > MAX_UNREAD_BYTES)
      throw new BrokenFrame('flood', ErrorCode.enhanceYourCalm)
    this.write(frame)
  }

  /** Sends data, for which there is room. */
  writeData(streamId: number, data: Buffer, flags: number): void {
    const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES)
    writeFrameHead(head, data.length, FrameType.data, flags, streamId)
    this.write(head)
    if (data.length === 0) return
    this.write(data)
    this.#window -= data.length
  }

  /** Writes what is there at once. */
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
    // Where all was taken at once there is no 'drain' to come.
    if (!socket.writableNeedDrain) this.#serve()
  }

  /** Nothing can be written any more. */
  stop(): void {
    this.#isStopped = true
  }

  /** Closes the connection once all is written, with a last frame. */
  end(last: Buffer): void {
    this.write(last)
    this.flush()
    if (this.#isStopped) this.#socket.destroy()
    else this.#socket.destroySoon()
  }

  /** Has `waiter` told once when there is room. */
  waitForRoom(waiter: DataWaiter): void {
    this.#waiting.add(waiter)
  }

  cancelWait(waiter: DataWaiter): void {
    this.#waiting.delete(waiter)
  }

  /**
   * The backend takes so many bytes of data more.
   * @throws {BrokenFrame}
   */
  addWindow(bytes: number): void {
    this.#window += bytes
    if (this.#window > MAX_WINDOW_BYTES) throw new BrokenFrame('window', ErrorCode.flowControlError)
    this.#serve()
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      if (this.writableBytes <= 0) return
      // Behind the others, if it has to wait again.
      this.#waiting.delete(waiter)
      waiter.onRoom()
    }
  }
}
