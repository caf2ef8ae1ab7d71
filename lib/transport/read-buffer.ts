const SHARED_BYTES = 65_536
const LARGE_BYTES = 131_072
const MAX_SPARE = 16

/** Most reads go here: a response that is complete in one read needs no buffer of its own. */
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES)
const spare: Buffer[] = []

/**
 * The buffer that a connection is read into. It is reused read by read, where Node would allocate 64 KiB for each and
 * leave them to the garbage collector: so bulk data stays in the processor's cache, and takes fewer system calls.
 *
 * Reads go into one buffer that all connections share. After a read that filled it, there is more: the next read goes
 * into a large buffer that belongs to the connection until its bytes were passed on.
 */
export class ReadBuffer {
  /** The target of the next read. */
  buffer: Buffer = shared
  /** Something still refers to the bytes of the latest read: their buffer is not reused. */
  isRetained = false

  /** Whether the next read of any connection overwrites the bytes of the latest one: what outlives it must be copied. */
  get isShared(): boolean {
    return this.buffer === shared
  }

  /** The bytes of a read. */
  filled(length: number): Buffer {
    this.isRetained = false
    return this.buffer.subarray(0, length)
  }

  /** The bytes of a read were passed on: chooses the buffer of the next read. */
  recycle(length: number): void {
    const { buffer } = this
    if (buffer !== shared && !this.isRetained && spare.length < MAX_SPARE) spare.push(buffer)
    const hasMore = length === buffer.length
    this.buffer = hasMore ? (spare.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES)) : shared
  }
}
