import type { StoreStatus } from '../fleet/store.js'

/** The balancers that share a store, as far as they are shown. */
export interface ShownFleet {
  /** Of the store. */
  readonly url: string
  readonly status: StoreStatus
  readonly members: number
}

/** What a balancer shares with others, and whether it can. */
export function fleetStatistics({ url, status, members }: ShownFleet) {
  const { isConnected, since, fault } = status
  return { store: url, connected: isConnected, since: since.toISOString(), fault: fault ?? null, members }
}
