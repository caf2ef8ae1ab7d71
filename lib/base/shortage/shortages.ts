import { OWN_CELLS } from '../cells/shared-cells.js'
import { Totals, totalsCells } from '../cells/totals.js'
import { RESOURCES, type Resource } from './resource.js'

/** What a resource was wanted for. */
export const USES = ['clients', 'backends', 'checks', 'other'] as const
export type Use = (typeof USES)[number]

/** Time between two reports of the same resource. */
const PERIOD_MS = 60_000

/** A shortage that has begun, or its effects since the previous report. */
export interface ShortageReport {
  readonly resource: Resource
  readonly counts: Readonly<Record<Use, number>>
}

interface Window {
  counts: Record<Use, number>
  timer: NodeJS.Timeout
}

/** Counts failures for lack of a resource of this machine, and reports them without flooding the log. */
export class Shortages {
  /** The latest failure. */
  latest: { readonly at: Date; readonly resource: Resource } | undefined
  readonly #write: (report: ShortageReport) => void
  /** Of all threads. */
  readonly #totals: Totals
  readonly #open = new Map<Resource, Window>()

  /** @param write called for the first failure at once, and for those that follow once a minute */
  constructor(write: (report: ShortageReport) => void, cells = OWN_CELLS) {
    this.#write = write
    const count = RESOURCES.length * USES.length
    const { threads } = cells
    this.#totals = new Totals(count, threads, cells.named('shortages', totalsCells(count, threads)))
  }

  record(resource: Resource, use: Use): void {
    this.#totals.add(indexOf(resource, use), 1)
    this.latest = { at: new Date(), resource }
    const window = this.#open.get(resource)
    if (window) {
      window.counts[use]++
    } else {
      this.#write({ resource, counts: { ...none(), [use]: 1 } })
      this.#wait(resource)
    }
  }

  /** Passes on what another thread has counted and reports. */
  relay(report: ShortageReport): void {
    this.latest = { at: new Date(), resource: report.resource }
    this.#write(report)
  }

  /** Failures for lack of a resource since the start; of all uses if none is given. */
  total(resource: Resource, use?: Use): number {
    let total = 0
    for (const each of use ? [use] : USES) total += this.#totals.at(indexOf(resource, each))
    return total
  }

  /** Reports what has not been reported. */
  flush(): void {
    for (const resource of [...this.#open.keys()]) this.#close(resource)
  }

  #wait(resource: Resource): void {
    // Failures in this time are reported together at its end.
    const timer = setTimeout(() => {
      if (this.#close(resource)) this.#wait(resource)
    }, PERIOD_MS).unref()
    this.#open.set(resource, { counts: none(), timer })
  }

  /** Ends a window, and reports its failures. Returns whether there were any. */
  #close(resource: Resource): boolean {
    const { counts, timer } = this.#open.get(resource)!
    clearTimeout(timer)
    this.#open.delete(resource)
    const isAny = sum(counts) > 0
    if (isAny) this.#write({ resource, counts })
    return isAny
  }
}

const indexOf = (resource: Resource, use: Use) =>
  RESOURCES.indexOf(resource) * USES.length + USES.indexOf(use)
const none = (): Record<Use, number> => ({ clients: 0, backends: 0, checks: 0, other: 0 })
const sum = (counts: Readonly<Record<Use, number>>) => USES.reduce((all, use) => all + counts[use], 0)
