/**
 * Buckets of microseconds: single ones below 128, and above them 64 for each power of two, so that the middle of a bucket
 * is at most 0.8 % away from what is in it. The scheme is that of HdrHistogram (Tene), with fewer figures.
 */
const SUB_BUCKETS = 64
const SINGLE = 2 * SUB_BUCKETS
const SINGLE_BITS = Math.log2(SINGLE)

/** What is longer counts as so long: an hour. */
export const MAX_MICROS = 3_600_000_000

/** The number of buckets. */
export const BUCKETS = bucketOf(MAX_MICROS) + 1

/** The bucket of a whole number from 0 to `MAX_MICROS`. */
export function bucketOf(micros: number): number {
  if (micros < SINGLE) return micros
  const shift = 32 - Math.clz32(micros) - SINGLE_BITS
  return shift * SUB_BUCKETS + (micros >>> shift)
}

/** The middle of a bucket, in microseconds. */
export function microsOf(bucket: number): number {
  if (bucket < SINGLE) return bucket
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1
  const lowest = (bucket - shift * SUB_BUCKETS) * 2 ** shift
  return lowest + (2 ** shift - 1) / 2
}
