import type { FoundPeer } from './environment'
import { median } from './figures'
import { runH2load } from './h2load'
import { growthBy, startAlone } from './held'
import type { Bench } from './rounds'
import { type Backends, startBackends } from './start'
import { markdownTable } from './table'

const warmUp = { connections: 16, streams: 16, bodyBytes: 33 }

/** What idle connections of HTTP/2 cost one proxy. */
export interface Http2IdleSample {
  peer: string
  tls: boolean
  /** As many as were asked for. */
  wanted: number
  /** As many as stood. */
  connections: number
  /** Resident memory in kB. */
  perConnection: number
}

/** Measures the growth of every proxy by idle connections; each figure is of a process that was just started for it. */
export async function measureIdleHttp2(bench: Bench, counts: number[]): Promise<Http2IdleSample[]> {
  const { rounds } = bench.options
  const backends = await startBackends(bench.children)
  const measured = bench.found.filter(({ peer }) => peer.workload === undefined && peer.http2)
  const samples: Http2IdleSample[] = []
  for (let round = 0; round < rounds; round++)
    for (const found of measured) {
      bench.progress(`http2-idle, round ${round + 1} of ${rounds}: ${found.peer.name}`)
      for (const wanted of counts)
        for (const tls of [false, true]) samples.push(await measureOne(bench, found, backends, wanted, tls))
    }
  await Promise.all(backends.processes.map((child) => bench.children.stop(child)))
  return samples
}

async function measureOne(
  bench: Bench,
  found: FoundPeer,
  backends: Backends,
  wanted: number,
  tls: boolean
): Promise<Http2IdleSample> {
  const { children, certificate, options } = bench
  const place = { connections: wanted, tls: tls ? certificate : undefined, http2: true }
  const proxy = await startAlone(bench, found, backends, place)
  await runH2load(children, { ...warmUp, port: proxy.port, tls, seconds: options.warmUpSeconds })
  const task = { kind: 'idle-http2', path: '/33', connections: wanted, tls } as const
  const growth = await growthBy(bench, proxy, task)
  await children.stop(proxy.child)
  return { peer: found.peer.name, tls, wanted, ...growth }
}

/** The medians as a Markdown table. */
export function describeIdleHttp2(samples: Http2IdleSample[]): string {
  const kinds = new Map<string, Http2IdleSample[]>()
  for (const sample of samples) {
    const kind = `${sample.peer} ${sample.wanted} ${sample.tls}`
    kinds.set(kind, [...(kinds.get(kind) ?? []), sample])
  }
  const cells = [...kinds.values()].map((same) => [
    same[0]!.peer,
    same[0]!.tls ? 'TLS' : 'plain',
    median(same.map(({ connections }) => connections)).toFixed(0),
    median(same.map(({ perConnection }) => perConnection)).toFixed(1)
  ])
  return `### http2-idle: RSS\n\n${markdownTable(['proxy', 'clients', 'idle connections', 'KiB for each'], cells)}`
}
