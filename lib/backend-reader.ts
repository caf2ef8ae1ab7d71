import type { OnReadOpts, Socket } from 'node:net'

const SHARED_BYTES = 65_536
const LARGE_BYTES = 131_072
const MAX_SPARE = 16

/** What most reads go into: a response that is whole in one read needs no memory of its own. */
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES)
const spare: Buffer[] = []

/** How the bytes that are being parsed lie in memory, and who still needs them. */
export interface Reading {
  /** They are overwritten by the next read of any connection: what is to be kept must be copied. */
  readonly borrowed: boolean
  /** Set while the parser holds parts of them: of a head, or of trailers. */
  partial: boolean
  /** Set while a response is past its head. */
  inBody: boolean
  /** Set when something holds on to them, so that their memory is not used again. */
  kept: boolean
  /**
   * Has the connection read no further, once what is being parsed is done with. undici would pause its parser instead,
   * which must not be when the backend ends the connection: it asserts so, and takes the process with it.
   */
  hold(): void
  /** Has it read on. */
  readonly release: () => void
}

/** Bytes in memory that nobody uses again, of a connection that nobody can hold. */
const OWNED: Reading = {
  borrowed: false,
  partial: false,
  inBody: false,
  kept: false,
  hold: () => {},
  release: () => {}
}

/** Whose bytes the parser has: that of the connection that was read last. */
let current: Reading = OWNED

/** The reading that a handler is called from. */
export function currentReading(): Reading {
  return current
}

/**
 * Reads one connection to a backend into memory that is used again, where Node would allocate 64 KiB a read for the
 * garbage collector to free: bulk stays in the cache that way, and takes fewer system calls.
 *
 * A read goes into one buffer shared by all connections. One that filled its buffer has more behind it, so the next
 * goes into a large one that belongs to the connection until it is parsed. undici takes the bytes by `read()` as ever.
 */
export class BackendReader implements Reading {
  borrowed = false
  partial = false
  kept = false
  inBody = false
  #socket: Socket | undefined
  #buffer: Buffer = shared
  #pending: Buffer | null = null
  #stopped = false
  #held = false

  /** For `net.connect`: the buffer to fill next, and what to do when it has been. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#buffer,
    callback: (length) => this.#onRead(length)
  }

  /** Lets undici read the connected socket through this: to be called before undici sees it. */
  attach(socket: Socket): void {
    this.#socket = socket
    const readStream = socket.read
    socket.read = (size?: number) => {
      current = this
      // What undici has put back is in the stream, and comes first.
      if (size === 0 || socket.readableLength > 0) return readStream.call(socket, size)
      const pending = this.#pending
      this.#pending = null
      if (pending === null) this.#readOn()
      return pending
    }
  }

  hold(): void {
    this.#held = true
  }

  readonly release = (): void => {
    this.#held = false
    if (this.#pending === null) this.#readOn()
  }

  #readOn(): void {
    if (!this.#stopped || this.#held) return
    this.#stopped = false
    this.#socket!.resume()
  }

  #onRead(length: number): boolean {
    const buffer = this.#buffer
    const bytes = buffer.subarray(0, length)
    const isShared = buffer === shared
    const copied = isShared && (this.partial || (!this.inBody && !isReadAtOnce(bytes)))
    this.borrowed = isShared && !copied
    this.kept = false
    this.#pending = copied ? Buffer.from(bytes) : bytes
    this.#socket!.emit('readable')
    const taken = this.#pending === null
    if (!taken && this.borrowed) this.#pending = Buffer.from(bytes)
    this.borrowed = false
    if (!isShared && taken && !this.kept && !this.partial && spare.length < MAX_SPARE) spare.push(buffer)
    const hasMore = length === buffer.length
    this.#buffer = hasMore ? (spare.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES)) : shared
    this.#stopped = !taken || this.#held
    return !this.#stopped
  }
}

/** For a connection that is read as Node does, such as one of TLS: its bytes are its own. */
export class PlainReader implements Reading {
  readonly borrowed = false
  partial = false
  kept = false
  inBody = false
  #socket: Socket | undefined
  #held = false

  /** Lets undici read the connected socket through this: to be called before undici sees it. */
  attach(socket: Socket): void {
    this.#socket = socket
    const { read } = socket
    socket.read = (size?: number) => {
      current = this
      return this.#held && size !== 0 ? null : read.call(socket, size)
    }
  }

  hold(): void {
    this.#held = true
  }

  readonly release = (): void => {
    if (!this.#held) return
    this.#held = false
    // Not within the parser, which may be where this is called from.
    process.nextTick(() => this.#socket!.emit('readable'))
  }
}

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const LETTER_H = 0x48
const STATUS_CLASS_AT = 'HTTP/1.1 '.length
const ONE = 0x31

const LENGTH_FIELDS = ['\r\nContent-Length:', '\r\ncontent-length:'].map((text) => Buffer.from(text))

/**
 * Whether undici's parser keeps nothing of bytes that begin a response: they hold its head to the end, and what follows
 * is a body of declared length. Of chunks it puts back those that the client is not ready for, and it holds on to parts
 * of the trailers behind them. An interim response has another head behind it; the parser passes over blank lines before
 * it, which would hide that it is one.
 */
function isReadAtOnce(bytes: Buffer): boolean {
  if (bytes[0] !== LETTER_H || bytes[STATUS_CLASS_AT] === ONE) return false
  const end = bytes.indexOf(END_OF_HEAD)
  if (end === -1) return false
  const head = bytes.subarray(0, end)
  return LENGTH_FIELDS.some((field) => head.includes(field))
}
