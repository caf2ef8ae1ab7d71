import { Counters } from '../base/cells/counters.js'
import type { Threads } from '../base/cells/rows.js'
import { Turns } from '../base/cells/turns.js'
import { isBackendBlock, isPoolBlock, isTurns, POOL_BLOCK } from './cell-block.js'
import { BalancerCell } from './cells.js'

/**
 * Takes back what a thread held that has died, of all pools and backends, and counts its requests as failed.
 * @param all cells by their names
 * @returns how many requests it had
 */
export function clearThread(all: ReadonlyMap<string, Int32Array>, threads: Threads, thread: number): number {
  const names = [...all.keys()]
  // Beside several pools that of the whole counts what is in flight in all of them, and no failures.
  const hasSeveral = names.some((name) => isPoolBlock(name) && name !== POOL_BLOCK)
  let lost = 0
  for (const name of names) {
    if (!isPoolBlock(name) && !isBackendBlock(name)) continue
    const counters = new Counters(threads, all.get(name)!)
    if (isPoolBlock(name)) {
      const inFlight = counters.part(BalancerCell.inFlight, thread)
      if (name === POOL_BLOCK) lost = inFlight
      if (name !== POOL_BLOCK || !hasSeveral) counters.addTotal(BalancerCell.failed, inFlight)
    }
    counters.clearThread(thread)
  }
  // Those that wait are woken when what they wait for is there.
  for (const name of names.filter(isTurns)) new Turns(threads, all.get(name)!).clearThread(thread)
  return lost
}
