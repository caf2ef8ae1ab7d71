const BULK_BYTES = 262_144
const USUAL_BYTES = 65_536

/**
 * What sockets are read into: memory that all of them share, and that the next read of any overwrites. What outlives the
 * read is copied. So an open connection holds none, no read allocates any, and bulk data stays in the processor's cache.
 */
export const bulkReads = Buffer.allocUnsafeSlow(BULK_BYTES)

/** A part of it, for who may be slow to take what was read: no more than this has to wait. */
export const usualReads = bulkReads.subarray(0, USUAL_BYTES)
