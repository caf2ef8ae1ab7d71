/** So much of small frames, or of data that waits, goes into one piece of memory: as much as a usual frame. */
export const PAGE_BYTES = 16_384
/** What is longer is written from where it lies. */
export const MAX_COPIED_BYTES = 4096
/** Pages that are kept: 4 MiB. */
const MAX_KEPT = 256

const free: Buffer[] = []

/** Memory for what a connection has to send. */
export const borrowPage = (): Buffer => free.pop() ?? Buffer.allocUnsafeSlow(PAGE_BYTES)

/** Gives a page back, of which nothing is used any more. */
export function returnPage(page: Buffer): void {
  if (free.length < MAX_KEPT) free.push(page)
}
