import { Duplex } from 'node:stream'
import type { MessagePort } from 'node:worker_threads'

/** The largest part that is sent in one message. */
const PART_BYTES = 64 * 1024

/** What is said over a port: bytes, that the latest of them were taken, or that no more will come. */
type Message = Uint8Array | typeof TAKEN | typeof END

const TAKEN = true
const END = null

/**
 * A connection between two threads, or a thread and itself. One part is under way at a time, and the next is sent when
 * the reader wants more. It ends on both sides when one is destroyed, or its thread is no more.
 */
export class PortStream extends Duplex {
  readonly #port: MessagePort
  #rest: Buffer = Buffer.alloc(0)
  #onSent: (() => void) | undefined
  /** The reader has had enough: the other side is told once it wants more. */
  #isFull = false
  #hasAll = false

  constructor(port: MessagePort) {
    super()
    this.#port = port
    port.on('message', (message: Message) => this.#receive(message))
    port.on('close', () => {
      // What has come whole may still have to be read.
      if (!this.#hasAll) this.destroy()
    })
  }

  /** As a socket has it: destroyed when all is sent. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy()
    else this.end(() => this.destroy())
  }

  override _write(part: Buffer, _encoding: BufferEncoding, onSent: () => void): void {
    this.#rest = part
    this.#onSent = onSent
    this.#sendPart()
  }

  override _writev(parts: readonly { readonly chunk: Buffer }[], onSent: () => void): void {
    this._write(Buffer.concat(parts.map(({ chunk }) => chunk)), 'buffer' as BufferEncoding, onSent)
  }

  override _final(done: () => void): void {
    this.#say(END)
    done()
  }

  override _read(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.#say(TAKEN)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#port.close()
    done(error)
  }

  #receive(message: Message): void {
    if (message === TAKEN) {
      this.#sendPart()
    } else if (message === END) {
      this.#hasAll = true
      this.push(null)
    } else if (this.push(Buffer.from(message.buffer, message.byteOffset, message.byteLength))) {
      this.#say(TAKEN)
    } else {
      this.#isFull = true
    }
  }

  #sendPart(): void {
    if (this.#rest.length === 0) {
      const onSent = this.#onSent
      this.#onSent = undefined
      onSent?.()
      return
    }
    // A copy, as all of the memory under it is sent along.
    const part = Uint8Array.prototype.slice.call(this.#rest, 0, PART_BYTES)
    this.#rest = this.#rest.subarray(part.length)
    this.#say(part, part.buffer as ArrayBuffer)
  }

  #say(message: Message, ...moved: ArrayBuffer[]): void {
    this.#port.postMessage(message, moved)
  }
}
