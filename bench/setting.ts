/** The workloads that are measured in rounds. */
export type WorkloadName =
  | 'keepalive'
  | 'tls'
  | 'churn'
  | 'post'
  | 'down'
  | 'up'
  | 'storm'
  | 'open'
  | 'routes'
  | 'mirror'
  | 'http2'
  | 'http2-tls'
  | 'http2-fair'

/** One load: what kind, over how many connections, with bodies of how many bytes. */
export interface Setting {
  workload: WorkloadName
  connections: number
  bodyBytes: number
  /** Whether the clients speak TLS to the proxy. */
  tls: boolean
  /** Requests under way at once on each connection, which then speaks HTTP/2; undefined for HTTP/1.1. */
  streams?: number
}

/** Requests that are under way at once. */
export function requestsAtOnce({
  connections,
  streams = 1
}: Pick<Setting, 'connections' | 'streams'>): number {
  return connections * streams
}
