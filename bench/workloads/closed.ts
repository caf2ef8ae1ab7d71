import { megabyteColumns, requestColumns } from '../columns'
import type { LoadReport } from '../load-report'
import { readBody } from '../loopback'
import type { Setting } from '../setting'
import { type Load, runWrk } from '../wrk'
import type { LoadRun, Workload } from './workload'

const megabyte = 1024 ** 2
const smallBodyBytes = 33
const common = {
  bodyBytes: [smallBodyBytes],
  tls: [false],
  columns: ({ bodyBytes }: Setting) => (bodyBytes >= megabyte ? megabyteColumns : requestColumns),
  run: (run: LoadRun) => download(run)
}

/** Loads of wrk: each connection asks again as soon as it has its answer. */
export const closedWorkloads: Workload[] = [
  { ...common, name: 'keepalive', connections: [64] },
  { ...common, name: 'tls', connections: [64, 512], tls: [true] },
  {
    ...common,
    name: 'routes',
    connections: [64],
    run: (run) => download(run, { script: 'wrk-routes.lua' })
  },
  { ...common, name: 'churn', connections: [64], run: (run) => download(run, { close: true }) },
  { ...common, name: 'post', connections: [64], bodyBytes: [100], uploads: true, run: upload },
  { ...common, name: 'down', connections: [64], bodyBytes: [megabyte, 10 * megabyte] },
  {
    ...common,
    name: 'up',
    connections: [64],
    bodyBytes: [megabyte, 10 * megabyte],
    uploads: true,
    run: upload
  }
]

/** Requests without a body, for bodies of the setting's size. */
export function download(run: LoadRun, more: Partial<Load> = {}): Promise<LoadReport> {
  return load(run, { path: `/${run.setting.bodyBytes}`, ...more })
}

/** Requests with bodies of the setting's size, of which wrk does not count the bytes. */
async function upload(run: LoadRun): Promise<LoadReport> {
  const before = await receivedBytes(run)
  const report = await load(run, { path: `/${smallBodyBytes}`, uploadBytes: run.setting.bodyBytes })
  return { ...report, bytes: (await receivedBytes(run)) - before }
}

function load(run: LoadRun, { path, ...more }: Partial<Load> & { path: string }): Promise<LoadReport> {
  const { children, wrk, ports, setting, seconds } = run
  const url = `${setting.tls ? 'https' : 'http'}://127.0.0.1:${ports[0]}${path}`
  return runWrk(children, wrk, { url, connections: setting.connections, seconds, ...more })
}

async function receivedBytes({ backendPorts }: LoadRun): Promise<number> {
  const counts = await Promise.all(backendPorts.map((port) => readBody(port, '/received')))
  return counts.reduce((total, count) => total + Number(count), 0)
}
