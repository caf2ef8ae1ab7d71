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

/** One load: what kind, over how many connections, with bodies of how many bytes. */
export interface Setting {
  workload: WorkloadName
  connections: number
  bodyBytes: number
  /** Whether the clients speak TLS to the proxy. */
  tls: boolean
}
