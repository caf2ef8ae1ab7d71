import { setTimeout as sleep } from 'node:timers/promises'

import { readCpuTime, readResidentKilobytes } from './accounting'
import type { Child, Children } from './children'
import type { FoundPeer } from './environment'
import type { Sample, SettingResult } from './figures'
import { freePorts } from './loopback'
import type { Options, Setting } from './options'
import { startBackends, startPeer } from './start'
import { runWrk, type WrkReport } from './wrk'

interface RunningProxy {
  peer: string
  child: Child
  port: number
}

/** Tools and limits that every run shares. */
export interface Bench {
  children: Children
  wrk: string
  found: FoundPeer[]
  options: Options
  progress(line: string): void
}

/**
 * Measures every proxy under one load. All of them start afresh and then stay up: while one is measured the others
 * are idle, their memory is that of this load alone, and each keeps its warm code and connections between rounds.
 */
export async function measureSetting(bench: Bench, setting: Setting): Promise<SettingResult> {
  const { children, found, options } = bench
  const [backends, ports] = await Promise.all([startBackends(children), freePorts(found.length)])
  const running: RunningProxy[] = []
  for (const [index, { peer, program }] of found.entries()) {
    const port = ports[index]!
    const child = await startPeer(children, peer, program, { port, backends: backends.addresses, ...setting })
    running.push({ peer: peer.name, child, port })
  }
  for (const proxy of running) {
    bench.progress(`warming up ${proxy.peer}`)
    await load(bench, proxy, setting, options.warmUpSeconds)
  }
  const samples: Sample[] = []
  for (let round = 0; round < options.rounds; round++) {
    for (const proxy of rotated(running, round)) {
      bench.progress(`round ${round + 1} of ${options.rounds}: ${proxy.peer}`)
      samples.push({ peer: proxy.peer, round, ...(await measure(bench, proxy, setting)) })
    }
  }
  await Promise.all(
    [...running.map(({ child }) => child), ...backends.processes].map((child) => children.stop(child))
  )
  return { setting, samples }
}

/** The same list, begun `by` places later. */
export function rotated<Item>(items: Item[], by: number): Item[] {
  const start = items.length === 0 ? 0 : by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}

async function measure(
  bench: Bench,
  proxy: RunningProxy,
  setting: Setting
): Promise<Omit<Sample, 'peer' | 'round'>> {
  const { seconds } = bench.options
  const { pid } = proxy.child
  const before = readCpuTime(pid)
  const [report, residentKilobytes] = await Promise.all([
    load(bench, proxy, setting, seconds),
    // Just before the end: afterwards the connections are gone, and memory with them.
    sleep(seconds * 1000 - 200).then(() => readResidentKilobytes(pid))
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

async function load(
  bench: Bench,
  { child, port }: RunningProxy,
  setting: Setting,
  seconds: number
): Promise<WrkReport> {
  const report = await runWrk(bench.children, bench.wrk, {
    url: `http://127.0.0.1:${port}/${setting.bodyBytes}`,
    connections: setting.connections,
    seconds
  })
  if (child.hasExited())
    throw new Error(`${child.name} ended under load. It printed:\n${child.output().slice(-2000)}`)
  return report
}
