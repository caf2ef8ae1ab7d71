import type { SourceStatus } from '../../discovery/source-state.js'
import { type ShownPool, sourcesOf } from '../shown-pool.js'
import type { Sample } from './samples.js'

/**
 * One sample for each source of each pool.
 * @param read its value; undefined for none
 */
export function sourceSamples(
  pools: readonly ShownPool[],
  read: (status: SourceStatus) => number | undefined
): Sample[] {
  return pools.flatMap((pool) =>
    sourcesOf(pool).flatMap((status) => {
      const value = read(status)
      return value === undefined ? [] : [{ labels: { pool: pool.name, source: status.source }, value }]
    })
  )
}

/** A time in seconds since the epoch. */
export const timestamp = (time: Date | undefined) => time && time.getTime() / 1000
