const SHARED_BYTES = 65_536
const LARGE_BYTES = 131_072
const MAX_SPARE = 16

/** What most reads go into: a response that is whole in one read needs no memory of its own. */
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES)
const spare: Buffer[] = []

/**
 * The memory that one connection is read into, used again read by read, where Node would allocate 64 KiB for each, for
 * the garbage collector to free: bulk stays in the cache that way, and takes fewer system calls.
 *
 * A read goes into one buffer shared by all connections. One that filled its buffer has more behind it, so the next
 * goes into a large one that belongs to the connection until its bytes have been passed on.
 */
export class ReadBuffer {
  /** Where the next read goes. */
  buffer: Buffer = shared
  /** Something holds on to the bytes that were read last, so that their memory is not used again. */
  isRetained = false

  /** Whether what was read last is overwritten by the next read of any connection: what is to stay must be copied. */
  get isShared(): boolean {
    return this.buffer === shared
  }

  /** The bytes of a read of this length. */
  filled(length: number): Buffer {
    this.isRetained = false
    return this.buffer.subarray(0, length)
  }

  /** All that wants the bytes of a read of this length has had them. */
  recycle(length: number): void {
    const { buffer } = this
    if (buffer !== shared && !this.isRetained && spare.length < MAX_SPARE) spare.push(buffer)
    const hasMore = length === buffer.length
    this.buffer = hasMore ? (spare.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES)) : shared
  }
}
