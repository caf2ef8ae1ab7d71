import type { GaugeCell, TotalCell } from '../base/cells/cell.js'
import type { Counters } from '../base/cells/counters.js'
import type { ShownPool } from './shown-pool.js'

/**
 * The counters of a whole server: its own, and those of its pools, which count what concerns them alone. The only pool of
 * a server counts on the server's own.
 */
export class ServerCounters {
  readonly own: Counters
  readonly #pools: () => readonly ShownPool[]

  constructor(own: Counters, pools: () => readonly ShownPool[]) {
    this.own = own
    this.#pools = pools
  }

  /** The sum of a gauge. */
  sum(cell: GaugeCell): number {
    return this.#sum((counters) => counters.sum(cell))
  }

  /** The sum of a total. */
  total(cell: TotalCell): number {
    return this.#sum((counters) => counters.total(cell))
  }

  #sum(read: (counters: Counters) => number): number {
    let sum = read(this.own)
    for (const { registry } of this.#pools())
      if (registry.counters !== this.own) sum += read(registry.counters)
    return sum
  }
}
