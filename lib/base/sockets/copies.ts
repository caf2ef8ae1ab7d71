/** For the largest writes of usual connections. */
const COPY_BYTES = 163_840
/** Less is not worth a copy of that size. */
const MIN_BYTES = 16_384
const MAX_KEPT = 32

const free: Buffer[] = []

/** Memory for so many bytes that are written to a connection, or more of it: that of writes that are done is used again. */
export function borrowCopy(bytes: number): Buffer {
  if (bytes < MIN_BYTES || bytes > COPY_BYTES) return Buffer.allocUnsafeSlow(bytes)
  return free.pop() ?? Buffer.allocUnsafeSlow(COPY_BYTES)
}

/** Gives memory back whose bytes were written. */
export function returnCopy(copy: Buffer): void {
  if (copy.length === COPY_BYTES && free.length < MAX_KEPT) free.push(copy)
}
