import type { Children } from './children'
import { type LoadReport, parseLoadReport } from './load-report'
import { benchSource } from './project'

/** One run: every connection asks for the URL again as soon as it has the answer. */
export interface Load {
  url: string
  connections: number
  seconds: number
  /** With it every request is a POST with a body of that size. */
  uploadBytes?: number
  /** A connection for every request. */
  close?: boolean
  /** What says which requests are sent; the URL alone does otherwise. */
  script?: string
}

/** Runs wrk with one thread. */
export async function runWrk(children: Children, wrk: string, load: Load): Promise<LoadReport> {
  const child = children.start('wrk', 'load', { command: wrk, args: wrkArguments(load) })
  await child.exited
  return parseLoadReport('wrk', child.output())
}

function wrkArguments({ url, connections, seconds, uploadBytes, close, ...load }: Load): string[] {
  // wrk's own time-out of 2 s would count large bodies over many connections as failed.
  const limits = ['--timeout', '30s', '--duration', `${seconds}s`]
  const fields = close ? ['--header', 'Connection: close'] : []
  const script = ['--latency', '--script', benchSource(load.script ?? 'wrk-report.lua'), url]
  const upload = uploadBytes === undefined ? [] : [String(uploadBytes)]
  return ['-t1', `-c${connections}`, ...limits, ...fields, ...script, ...upload]
}
