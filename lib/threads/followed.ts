import type { Threads } from '../base/cells/rows.js'
import type { TotalsPlace } from '../base/cells/totals.js'
import type { FollowedPool, FollowedState } from './messages.js'
import type { OwnerLink, PoolLink } from './owner-link.js'

/** What a follower is to serve by, and its way to report. */
export class Followed {
  readonly link: OwnerLink
  readonly #threads: Threads
  #state: FollowedState

  constructor(link: OwnerLink, threads: Threads, state: FollowedState) {
    this.link = link
    this.#threads = threads
    this.#state = state
  }

  /** What the owner has changed. */
  replace(state: FollowedState): void {
    this.#state = state
  }

  /** @throws {Error} if the owner has no such pool */
  poolNamed(name: string): FollowedPool & { readonly link: PoolLink } {
    const pool = this.#state.pools.find((known) => known.name === name)
    if (!pool) throw new Error(`The owner has no pool ${name}`)
    return { ...pool, link: this.link.poolLink(pool) }
  }

  /** Where the requests of a route are counted. */
  placeOf(route: string): TotalsPlace | undefined {
    const place = this.#state.routes.get(route)
    return place && { ...place, threads: this.#threads }
  }
}
