import { setTimeout as sleep } from 'node:timers/promises'

import { countEstablished, readResidentKilobytes } from './accounting'
import type { Child } from './children'
import { holdConnections, type Task } from './client'
import type { FoundPeer } from './environment'
import { median } from './figures'
import { freePorts } from './loopback'
import type { Bench } from './rounds'
import { type Backends, startBackends, startPeer } from './start'
import { markdownTable } from './table'
import { runWrk } from './wrk'

const settleMs = 1000
const warmUpConnections = 64
const slowReaders = 32
const unreadBytes = 100 * 1000 ** 2
const fillSeconds = 2

/** Resident memory of one proxy in kB. */
export interface MemorySample {
  peer: string
  /** After the start. */
  idle: number
  /** Under load, by the number of connections. */
  busy: Record<number, number>
  /** For each connection that is open and unused. */
  perIdleConnection: number
  idleConnections: number
  /** For each client that reads nothing of 100 MB. */
  perSlowReader: number
}

interface Started {
  child: Child
  port: number
}

/** Measures the memory of every proxy; each figure is of a process that has just been started for it. */
export async function measureMemory(
  bench: Bench,
  busyConnections: number[],
  idleConnections: number
): Promise<MemorySample[]> {
  const backends = await startBackends(bench.children)
  const measured = bench.found.filter(({ peer }) => peer.workload === undefined)
  const samples: MemorySample[] = []
  for (let round = 0; round < bench.options.rounds; round++) {
    for (const found of measured) {
      bench.progress(`memory, round ${round + 1} of ${bench.options.rounds}: ${found.peer.name}`)
      const start = (connections: number) => startAlone(bench, found, backends, connections)
      samples.push({
        peer: found.peer.name,
        ...(await measureBusy(bench, start, busyConnections)),
        ...(await measureIdle(bench, start, idleConnections)),
        ...(await measureSlow(bench, start))
      })
    }
  }
  await Promise.all(backends.processes.map((child) => bench.children.stop(child)))
  return samples
}

/** The medians as a Markdown table. */
export function describeMemory(samples: MemorySample[]): string {
  const busy = Object.keys(samples[0]!.busy).map(Number)
  const titles = ['idle', ...busy.map((connections) => `${connections} busy`)].map((when) => `${when}, MiB`)
  const rows = [...new Set(samples.map(({ peer }) => peer))].map((peer) => {
    const middle = (measure: (sample: MemorySample) => number) =>
      median(samples.filter((sample) => sample.peer === peer).map(measure))
    return [
      peer,
      (middle(({ idle }) => idle) / 1024).toFixed(0),
      ...busy.map((connections) => (middle((sample) => sample.busy[connections]!) / 1024).toFixed(0)),
      middle(({ idleConnections }) => idleConnections).toFixed(0),
      middle(({ perIdleConnection }) => perIdleConnection).toFixed(1),
      middle(({ perSlowReader }) => perSlowReader).toFixed(0)
    ]
  })
  const perConnection = ['idle connections', 'KiB for each', 'KiB for each slow reader']
  return `### memory: RSS\n\n${markdownTable(['proxy', ...titles, ...perConnection], rows)}`
}

type Start = (connections: number) => Promise<Started>

async function measureBusy(bench: Bench, start: Start, busyConnections: number[]) {
  let idle = 0
  const busy: Record<number, number> = {}
  for (const connections of busyConnections) {
    const proxy = await start(connections)
    await sleep(settleMs)
    idle = readResidentKilobytes(proxy.child.pid)
    const { seconds } = bench.options
    const [, kilobytes] = await Promise.all([
      load(bench, proxy, connections, seconds),
      // Just before the end: afterwards the connections are gone, and memory with them.
      sleep(seconds * 1000 - 200).then(() => readResidentKilobytes(proxy.child.pid))
    ])
    busy[connections] = kilobytes
    await bench.children.stop(proxy.child)
  }
  return { idle, busy }
}

async function measureIdle(bench: Bench, start: Start, connections: number) {
  const proxy = await start(connections)
  const { grown, count } = await held(bench, proxy, { kind: 'idle', path: '/33', connections })
  await bench.children.stop(proxy.child)
  return { perIdleConnection: grown / count, idleConnections: count }
}

async function measureSlow(bench: Bench, start: Start) {
  const proxy = await start(warmUpConnections)
  const task = { kind: 'unread', path: `/${unreadBytes}`, connections: slowReaders } as const
  const { grown, count } = await held(bench, proxy, task)
  await bench.children.stop(proxy.child)
  return { perSlowReader: grown / count }
}

/** How much a warm proxy grows by connections, and how many of them stand. */
async function held(
  bench: Bench,
  proxy: Started,
  { kind, path, connections }: Pick<Task, 'kind' | 'connections'> & { path: string }
): Promise<{ grown: number; count: number }> {
  const { child, port } = proxy
  await load(bench, proxy, warmUpConnections, bench.options.warmUpSeconds)
  await sleep(settleMs)
  const before = readResidentKilobytes(child.pid)
  const targets = [{ port, path, tls: false }]
  const holder = await holdConnections(bench.children, {
    kind,
    targets,
    connections,
    seconds: fillSeconds,
    rate: 0
  })
  await sleep(settleMs)
  const grown = readResidentKilobytes(child.pid) - before
  const count = Math.min(holder.count, countEstablished(port))
  await holder.release()
  if (count === 0) throw new Error(`${child.name} has no connection left of ${connections}`)
  return { grown, count }
}

async function load({ children, wrk }: Bench, { port }: Started, connections: number, seconds: number) {
  await runWrk(children, wrk, { url: `http://127.0.0.1:${port}/33`, connections, seconds })
}

async function startAlone(
  { children }: Bench,
  { peer, program }: FoundPeer,
  backends: Backends,
  connections: number
): Promise<Started> {
  const [port] = (await freePorts(1)) as [number]
  const place = { port, backends: backends.addresses, connections }
  return { port, child: await startPeer(children, peer, program, place) }
}
