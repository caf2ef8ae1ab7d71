import { setTimeout as sleep } from 'node:timers/promises'

import { readCpuTime, readResidentKilobytes } from './accounting'
import type { CertificateFiles } from './certificate'
import type { Child, Children } from './children'
import { direct } from './columns'
import type { FoundPeer } from './environment'
import type { Sample, SettingResult } from './figures'
import type { LoadReport } from './load-report'
import { freePorts } from './loopback'
import type { Options } from './options'
import { requestsAtOnce, type Setting } from './setting'
import { type Backends, startBackends, startPeer } from './start'
import { workloadNamed } from './workloads'
import type { LoadRun } from './workloads/workload'

interface RunningProxy {
  peer: string
  child: Child
  ports: number[]
}

/** Tools and limits that every run shares. */
export interface Bench {
  children: Children
  wrk: string
  /** There if a load needs it. */
  certificate: CertificateFiles | undefined
  found: FoundPeer[]
  options: Options
  progress(line: string): void
}

/**
 * Measures every proxy under one load. All of them start afresh and then stay up: while one is measured the others
 * are idle, their memory is that of this load alone, and each keeps its warm code and connections between rounds.
 */
export async function measureSetting(bench: Bench, setting: Setting): Promise<SettingResult> {
  const { children, wrk, options } = bench
  const workload = workloadNamed(setting.workload)
  const backends = await startBackends(children)
  const proxies = await startProxies(bench, setting, backends)
  const run = { children, wrk, backendPorts: backends.ports, setting, rate: 0 }
  const { run: load, warmUp = load } = workload
  const taken: number[] = []
  for (const proxy of proxies) {
    bench.progress(`warming up ${proxy.peer}`)
    const report = await underLoad(proxy, warmUp, { ...run, seconds: options.warmUpSeconds })
    taken.push(report.requests / (report.durationMicroseconds / 1e6))
  }
  // Half of what the slowest has just taken, unless told.
  const rate = options.rate ?? Math.max(1, Math.floor(Math.min(...taken) / 2))
  const measured = workload.isComparedWithDirect ? [directTo(backends), ...proxies] : proxies
  const samples: Sample[] = []
  for (let round = 0; round < options.rounds; round++) {
    for (const proxy of rotated(measured, round)) {
      bench.progress(`round ${round + 1} of ${options.rounds}: ${proxy.peer}`)
      const sample = await measure(proxy, load, { ...run, seconds: options.seconds, rate })
      samples.push({ peer: proxy.peer, round, ...sample })
    }
  }
  const running = [...proxies.map(({ child }) => child), ...backends.processes]
  await Promise.all(running.map((child) => children.stop(child)))
  return workload.name === 'open' ? { setting, samples, rate } : { setting, samples }
}

/** The same list, begun `by` places later. */
export function rotated<Item>(items: Item[], by: number): Item[] {
  const start = items.length === 0 ? 0 : by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}

async function startProxies(bench: Bench, setting: Setting, backends: Backends): Promise<RunningProxy[]> {
  const found = bench.found.filter(
    ({ peer: { workload = setting.workload, http2 } }) =>
      workload === setting.workload && (http2 || setting.streams === undefined)
  )
  const ports = await freePorts(found.length)
  const running: RunningProxy[] = []
  for (const [index, { peer, program }] of found.entries()) {
    const port = ports[index]!
    const place = {
      port,
      backends: backends.addresses,
      connections: requestsAtOnce(setting),
      tls: setting.tls ? bench.certificate : undefined,
      http2: setting.streams !== undefined
    }
    const child = await startPeer(bench.children, peer, program, place)
    running.push({ peer: peer.name, child, ports: [port] })
  }
  return running
}

/** What a client gets without a proxy: its figures of CPU and memory are of one backend, and are not shown. */
function directTo({ processes, ports }: Backends): RunningProxy {
  return { peer: direct, child: processes[0]!, ports }
}

type LoadOfProxy = Omit<LoadRun, 'ports'>

async function measure(
  proxy: RunningProxy,
  load: (run: LoadRun) => Promise<LoadReport>,
  run: LoadOfProxy
): Promise<Omit<Sample, 'peer' | 'round'>> {
  const { pid } = proxy.child
  const before = readCpuTime(pid)
  const [report, residentKilobytes] = await Promise.all([
    underLoad(proxy, load, run),
    // Just before the end: afterwards the connections are gone, and memory with them.
    sleep(run.seconds * 1000 - 200).then(() => readResidentKilobytes(pid))
  ])
  const after = readCpuTime(pid)
  return {
    report,
    cpu: {
      userMicroseconds: after.userMicroseconds - before.userMicroseconds,
      systemMicroseconds: after.systemMicroseconds - before.systemMicroseconds
    },
    residentKilobytes
  }
}

async function underLoad(
  { child, ports }: RunningProxy,
  load: (run: LoadRun) => Promise<LoadReport>,
  run: LoadOfProxy
): Promise<LoadReport> {
  const report = await load({ ...run, ports })
  if (child.hasExited())
    throw new Error(`${child.name} ended under load. It printed:\n${child.output().slice(-2000)}`)
  return report
}
