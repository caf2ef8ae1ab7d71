import { runClient } from '../client'
import { fairColumns, http2Columns, http2MegabyteColumns } from '../columns'
import { runH2load } from '../h2load'
import type { LoadReport } from '../load-report'
import type { Setting } from '../setting'
import type { LoadRun, Workload } from './workload'

const small = 33
const large = 100 * 1024
const endless = 64 * 1024 ** 2

const closedLoop = {
  connections: [16, 64],
  streams: [16],
  bodyBytes: [small, large],
  columns: ({ bodyBytes }: Setting) => (bodyBytes < large ? http2Columns : http2MegabyteColumns),
  run: closed
}

/** Clients that speak HTTP/2. */
export const http2Workloads: Workload[] = [
  { ...closedLoop, name: 'http2', tls: [false] },
  { ...closedLoop, name: 'http2-tls', tls: [true] },
  {
    name: 'http2-fair',
    connections: [1],
    streams: [100],
    bodyBytes: [endless],
    tls: [false],
    columns: () => fairColumns,
    run: sharing,
    warmUp: (run) => closed({ ...run, setting: { ...run.setting, bodyBytes: large } })
  }
]

/** Each stream asks again as soon as it has its answer. */
function closed({ children, ports, setting, seconds }: LoadRun): Promise<LoadReport> {
  return runH2load(children, { streams: 1, ...setting, port: ports[0]!, seconds })
}

/** Downloads that do not end. */
function sharing({ children, ports, setting, seconds, rate }: LoadRun): Promise<LoadReport> {
  const { connections, streams = 1, bodyBytes, tls } = setting
  const targets = ports.map((port) => ({ port, tls, path: `/${bodyBytes}` }))
  return runClient(children, { kind: 'shared', targets, connections, streams, seconds, rate })
}
