import { setTimeout as sleep } from 'node:timers/promises'

import { countEstablished, readResidentKilobytes } from './accounting'
import type { Children } from './children'
import { failedRequests, type LoadReport } from './load-report'
import { freePorts } from './loopback'
import { fairlead } from './peers/fairlead'
import { startBackends, startPeer } from './start'
import { runWrk } from './wrk'

const settleMilliseconds = 1000
const sampleMilliseconds = 500

/** What Fairlead needed to keep many connections busy at once. */
export interface HoldResult {
  connections: number
  /** The most client connections that stood at the same moment. */
  establishedConnections: number
  report: LoadReport
  idleKilobytes: number
  /** The highest sample under load. */
  loadedKilobytes: number
}

/** Keeps `connections` client connections to Fairlead busy and watches its memory. */
export async function hold(
  children: Children,
  wrk: string,
  program: string,
  connections: number,
  seconds: number
): Promise<HoldResult> {
  const backends = await startBackends(children)
  const [port] = (await freePorts(1)) as [number]
  const child = await startPeer(children, fairlead, program, {
    port,
    backends: backends.addresses,
    connections
  })
  await sleep(settleMilliseconds)
  const idleKilobytes = readResidentKilobytes(child.pid)
  let loadedKilobytes = 0
  let establishedConnections = 0
  const sampling = setInterval(() => {
    loadedKilobytes = Math.max(loadedKilobytes, readResidentKilobytes(child.pid))
    establishedConnections = Math.max(establishedConnections, countEstablished(port))
  }, sampleMilliseconds)
  const report = await runWrk(children, wrk, { url: `http://127.0.0.1:${port}/33`, connections, seconds })
  clearInterval(sampling)
  await Promise.all([child, ...backends.processes].map((process) => children.stop(process)))
  // wrk tries the address with a connection of its own first.
  establishedConnections = Math.min(establishedConnections, connections)
  return { connections, establishedConnections, report, idleKilobytes, loadedKilobytes }
}

/** Whether every connection stood and every request was answered. */
export function heldAll({ connections, establishedConnections, report }: HoldResult): boolean {
  return establishedConnections >= connections && failedRequests(report) === 0
}

/** The result as a Markdown list. */
export function describeHold(result: HoldResult): string {
  const { report } = result
  const perConnection = (result.loadedKilobytes - result.idleKilobytes) / result.connections
  return [
    `- ${result.establishedConnections} of ${result.connections} connections stood at the same time`,
    `- ${report.requests} requests answered, ${failedRequests(report)} failed`,
    `- p50 ${(report.p50Microseconds / 1000).toFixed(1)} ms, p99 ${(report.p99Microseconds / 1000).toFixed(1)} ms`,
    `- RSS ${mebibytes(result.idleKilobytes)} MiB idle, ${mebibytes(result.loadedKilobytes)} MiB under load, ` +
      `${perConnection.toFixed(0)} KiB more for each connection`
  ].join('\n')
}

function mebibytes(kilobytes: number): string {
  return (kilobytes / 1024).toFixed(0)
}
