import { setTimeout as sleep } from 'node:timers/promises'

import { readResidentKilobytes } from './accounting'
import { median } from './figures'
import { type Growth, growthBy, SETTLE_MS, type Started, startAlone } from './held'
import type { Bench } from './rounds'
import { startBackends } from './start'
import { markdownTable } from './table'
import { runWrk } from './wrk'

const warmUpConnections = 64
const slowReaders = 32
const unreadBytes = 100 * 1000 ** 2

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
      const start = (connections: number) => startAlone(bench, found, backends, { connections })
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
    await sleep(SETTLE_MS)
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
  const growth = await held(bench, await start(connections), { kind: 'idle', path: '/33', connections })
  return { perIdleConnection: growth.perConnection, idleConnections: growth.connections }
}

async function measureSlow(bench: Bench, start: Start) {
  const task = { kind: 'unread', path: `/${unreadBytes}`, connections: slowReaders } as const
  const growth = await held(bench, await start(warmUpConnections), task)
  return { perSlowReader: growth.perConnection }
}

async function held(bench: Bench, proxy: Started, task: Parameters<typeof growthBy>[2]): Promise<Growth> {
  await load(bench, proxy, warmUpConnections, bench.options.warmUpSeconds)
  const growth = await growthBy(bench, proxy, task)
  await bench.children.stop(proxy.child)
  return growth
}

async function load({ children, wrk }: Bench, { port }: Started, connections: number, seconds: number) {
  await runWrk(children, wrk, { url: `http://127.0.0.1:${port}/33`, connections, seconds })
}
