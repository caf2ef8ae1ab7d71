import type { Behaviour } from './behaviour.js'

/** Counts of requests, without health checks and those for `/__be/`. */
export interface Counts {
  requests: number
  inFlight: number
  /** Those whose client left before the answer was complete. */
  aborted: number
  /** Those answered 500 by the fail rate. */
  failed: number
  /** Those whose connection was reset by the reset rate. */
  reset: number
  /** Bytes of request bodies. */
  bytesReceived: number
}

/** The content of `/__be/stats`. */
export interface BackendStats extends Counts {
  /** 0 if it listens on a Unix socket. */
  port: number
  socket: string | undefined
  pid: number
  content: string
  uptimeSeconds: number
  connections: number
  healthChecks: number
  behaviour: Behaviour
}

/** Counts that begin at zero. */
export function createCounts(): Counts {
  return { requests: 0, inFlight: 0, aborted: 0, failed: 0, reset: 0, bytesReceived: 0 }
}
