/** What is left out of either bound at the most, so that connections that were made together do not end together. */
const JITTER = 0.1

/** How long connections to a backend are used; 0 sets no bound. */
export interface LifetimeOptions {
  readonly maxAgeMs: number
  /** Requests that a connection carries. */
  readonly maxRequests: number
}

/** How long one connection is used. */
export interface Lifetime {
  /** When it ends, on the clock of `performance.now()`. */
  readonly retireMs: number
  readonly maxRequests: number
}

/** Of a connection that is made now. */
export function lifetimeOf({ maxAgeMs, maxRequests }: LifetimeOptions): Lifetime {
  const share = 1 - JITTER * Math.random()
  return {
    retireMs: maxAgeMs > 0 ? performance.now() + maxAgeMs * share : Number.POSITIVE_INFINITY,
    maxRequests: maxRequests > 0 ? Math.ceil(maxRequests * share) : Number.POSITIVE_INFINITY
  }
}

/** A connection that can be told to end. */
interface Retirable {
  retireMs: number
  /** Undefined before it stands. */
  readonly remoteAddress: string | undefined
}

/** Has those of the connections end that go to other addresses than these. */
export function retireElsewhere(connections: Iterable<Retirable>, addresses: ReadonlySet<string>): void {
  for (const connection of connections) {
    const { remoteAddress } = connection
    // One that does not stand yet may have begun with an address of before.
    if (remoteAddress === undefined || !addresses.has(remoteAddress)) connection.retireMs = 0
  }
}
