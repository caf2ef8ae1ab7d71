import type { Children } from './children'
import { benchSource } from './project'

/** What one run of wrk saw. */
export interface WrkReport {
  requests: number
  /** Everything read, answers cut off by the end of the run included. */
  bytes: number
  durationMicroseconds: number
  p50Microseconds: number
  p99Microseconds: number
  /** By kind; `status` counts answers from 400 up. */
  failures: { connect: number; read: number; write: number; timeout: number; status: number }
}

/** One run: every connection asks for the URL again as soon as it has the answer. */
export interface Load {
  url: string
  connections: number
  seconds: number
}

/** Runs wrk with one thread. */
export async function runWrk(children: Children, wrk: string, load: Load): Promise<WrkReport> {
  const child = children.start('wrk', 'load', { command: wrk, args: wrkArguments(load) })
  await child.exited
  return parseWrkReport(child.output())
}

/** Finds the report that `wrk-report.lua` adds to wrk's output. */
export function parseWrkReport(output: string): WrkReport {
  const line = output.split('\n').findLast((candidate) => candidate.startsWith('{"requests":'))
  if (!line) throw new Error(`wrk gave no report:\n${output.trim()}`)
  return JSON.parse(line) as WrkReport
}

/** Requests without a good answer. */
export function failedRequests({ failures }: WrkReport): number {
  return Object.values(failures).reduce((total, count) => total + count, 0)
}

function wrkArguments({ url, connections, seconds }: Load): string[] {
  // wrk's own time-out of 2 s would count large bodies over many connections as failed.
  const limits = ['--timeout', '30s', '--duration', `${seconds}s`]
  return ['-t1', `-c${connections}`, ...limits, '--latency', '--script', benchSource('wrk-report.lua'), url]
}
