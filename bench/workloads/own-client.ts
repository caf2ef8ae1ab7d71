import { runClient, type Task } from '../client'
import { openColumns, stormColumns } from '../columns'
import { download } from './closed'
import type { LoadRun, Workload } from './workload'

const openLoop = {
  connections: [64],
  bodyBytes: [33],
  tls: [false],
  isComparedWithDirect: true,
  columns: () => openColumns,
  run: (run: LoadRun) => runClient(run.children, taskOf('open', run)),
  warmUp: download
}

/** Loads that wrk does not know, by a client of the bench. */
export const ownClientWorkloads: Workload[] = [
  {
    name: 'storm',
    connections: [512, 2000],
    bodyBytes: [33],
    tls: [false, true],
    columns: () => stormColumns,
    run: (run) => runClient(run.children, taskOf('storm', run)),
    warmUp: download
  },
  { ...openLoop, name: 'open' },
  { ...openLoop, name: 'mirror' }
]

function taskOf(kind: Task['kind'], { ports, setting, seconds, rate }: LoadRun): Task {
  const { connections, tls, bodyBytes } = setting
  const targets = ports.map((port) => ({ port, tls, path: `/${bodyBytes}` }))
  return { kind, targets, connections, seconds, rate }
}
