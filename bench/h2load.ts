import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Children } from './children'
import { latenciesOf } from './client/tally'
import { requireCommand } from './commands'
import type { LoadReport } from './load-report'

// It sometimes stays after the end, once its connections over TLS are closed.
const graceMs = 5000

/** One run: every stream of every connection asks again as soon as it has the answer. */
export interface Http2Load {
  port: number
  tls: boolean
  bodyBytes: number
  connections: number
  streams: number
  seconds: number
}

/** Runs h2load with one thread. */
export async function runH2load(children: Children, load: Http2Load): Promise<LoadReport> {
  const { port, tls, bodyBytes, connections, streams, seconds } = load
  const folder = mkdtempSync(path.join(children.folder, 'h2load-'))
  const log = path.join(folder, 'requests.tsv')
  const amount = [`--duration=${seconds}`, `--clients=${connections}`, `--max-concurrent-streams=${streams}`]
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}/${bodyBytes}`
  const args = ['--threads=1', ...amount, '--npn-list=h2', `--log-file=${log}`, url]
  const child = children.start('h2load', 'load', { command: requireCommand('h2load'), args })
  await Promise.race([child.exited, sleep(seconds * 1000 + graceMs, undefined, { ref: false })])
  if (!child.hasExited()) await children.stop(child)
  const report = parseH2load(child.output(), readFileSync(log, 'latin1'), load)
  rmSync(folder, { recursive: true })
  return report
}

/**
 * What h2load has measured. If it never came to its summary, whole answers count, as the log has them.
 * @param output what it printed
 * @param log a line for each request: its start, status and microseconds, with tabs between; -1 for a failed one
 */
export function parseH2load(
  output: string,
  log: string,
  { seconds, bodyBytes, connections, streams }: Omit<Http2Load, 'port' | 'tls'>
): LoadReport {
  const lines = log.split('\n').filter(Boolean)
  const answers = lines.map((line) => line.split('\t').map(Number) as [number, number, number])
  const good = answers.filter(([, status]) => status >= 200 && status < 400)
  const refused = answers.filter(([, status]) => status >= 400).length
  const printed = (pattern: RegExp, otherwise: number) => Number(pattern.exec(output)?.[1] ?? otherwise)
  const requests = printed(/^requests: .* (\d+) succeeded/m, good.length)
  const failed = printed(/^requests: .* (\d+) failed/m, answers.length - good.length)
  const bytes = printed(/^traffic: .*\((\d+)\) data/m, good.length * bodyBytes)
  // To it, a server that cannot be reached or speaks another protocol is no failure, and nor is one that is silent.
  if (!/^Application protocol: h2c?$/m.test(output))
    throw new Error(`h2load has no connection over HTTP/2:\n${output.trim()}`)
  const timeout = requests + failed === 0 ? connections * streams : 0
  const status = Math.min(failed, refused)
  const { p50, p99, max } = latenciesOf(good.map(([, , microseconds]) => microseconds / 1000))
  return {
    requests,
    bytes,
    durationMicroseconds: seconds * 1e6,
    p50Microseconds: p50 * 1000,
    p99Microseconds: p99 * 1000,
    maxMicroseconds: max * 1000,
    failures: { connect: 0, read: failed - status, write: 0, timeout, status }
  }
}
