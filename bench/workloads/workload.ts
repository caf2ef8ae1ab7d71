import type { Children } from '../children'
import type { Column } from '../columns'
import type { LoadReport } from '../load-report'
import type { Setting, WorkloadName } from '../setting'

/** One run against one proxy. */
export interface LoadRun {
  children: Children
  wrk: string
  /** The proxy's; without a proxy, those of the backends. */
  ports: number[]
  /** Of the backends, which know what they have received. */
  backendPorts: number[]
  setting: Setting
  seconds: number
  /** Requests a second of an open loop. */
  rate: number
}

/** A kind of load and what is shown of it. */
export interface Workload {
  name: WorkloadName
  /** What is run unless the command line says otherwise: every combination. */
  connections: number[]
  bodyBytes: number[]
  tls: boolean[]
  /** Requests at once on each connection, over HTTP/2; undefined for HTTP/1.1. */
  streams?: number[]
  /** Whether bodies go to the backends and not to the clients. */
  uploads?: boolean
  /** Whether the backends are also measured without a proxy. */
  isComparedWithDirect?: boolean
  columns(setting: Setting): Column[]
  run(run: LoadRun): Promise<LoadReport>
  /** What comes before the first round, if it is another load. */
  warmUp?(run: LoadRun): Promise<LoadReport>
}
