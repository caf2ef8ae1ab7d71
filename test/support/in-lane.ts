import type { LaneMode } from '../../lib/listener/http1/lane/options.js'
import { everywhere } from './secure-ports.js'

/** Runs the tests of other files over again, with plain requests read in another way. */
export function inLane(mode: LaneMode, ...files: readonly string[]): void {
  everywhere.env = { LB_LANE: mode }
  for (const file of files) require(`../${file}.test.js`)
}
