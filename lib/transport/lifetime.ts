/** The largest share that is deducted from a limit, so that connections opened together are not retired together. */
const JITTER = 0.1

/** Limits of connections to a backend; 0 for none. */
export interface LifetimeOptions {
  readonly maxAgeMs: number
  /** Requests of a connection. */
  readonly maxRequests: number
}

/** Limits of one connection; infinite without one. */
export interface Lifetime {
  /** When it is retired, on the clock of `performance.now()`. */
  readonly retireMs: number
  readonly maxRequests: number
}

/** The limits of a connection that is opened now. */
export function lifetimeOf({ maxAgeMs, maxRequests }: LifetimeOptions): Lifetime {
  const share = 1 - JITTER * Math.random()
  return {
    retireMs: maxAgeMs > 0 ? performance.now() + maxAgeMs * share : Number.POSITIVE_INFINITY,
    maxRequests: maxRequests > 0 ? Math.ceil(maxRequests * share) : Number.POSITIVE_INFINITY
  }
}

/** A connection that can be retired. */
interface Retirable {
  retireMs: number
  /** Undefined before the connection is established. */
  readonly remoteAddress: string | undefined
}

/** Retires connections to other addresses than these. */
export function retireElsewhere(connections: Iterable<Retirable>, addresses: ReadonlySet<string>): void {
  for (const connection of connections) {
    const { remoteAddress } = connection
    // One that is not established yet may be connecting to an old address.
    if (remoteAddress === undefined || !addresses.has(remoteAddress)) connection.retireMs = 0
  }
}
