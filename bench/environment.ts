import { readFileSync } from 'node:fs'
import os from 'node:os'

import { versionOf } from './commands'
import type { Peer } from './peers/peer'
import { requestsAtOnce, type Setting } from './setting'

/** Where and with what the figures were taken. */
export interface Environment {
  date: string
  node: string
  kernel: string
  cpu: string
  cores: number
  pinned: boolean
  /** Average over the last minute before the start: other work on the machine shows here. */
  loadBefore: number
  wrk: string
  /** There if a load needs it. */
  h2load: string | undefined
  versions: Record<string, string>
}

/** A proxy that is there, with the path of its program. */
export interface FoundPeer {
  peer: Peer
  program: string
}

/** Gathers the facts; takes the versions from the programs themselves. */
export function readEnvironment(
  wrk: string,
  h2load: string | undefined,
  found: FoundPeer[],
  pinned: boolean
): Environment {
  const [firstCpu] = os.cpus()
  return {
    date: new Date().toISOString(),
    node: process.version,
    kernel: `${os.type()} ${os.release()}`,
    cpu: firstCpu?.model.trim() ?? 'unknown',
    cores: os.cpus().length,
    pinned,
    loadBefore: os.loadavg()[0]!,
    wrk: versionOf(wrk, '-v'),
    h2load: h2load && versionOf(h2load, '--version'),
    versions: Object.fromEntries(found.map(({ peer, program }) => [peer.name, peer.version(program)]))
  }
}

/** The facts as a Markdown list. */
export function describeEnvironment(environment: Environment): string {
  const { wrk, h2load } = environment
  const clients = `wrk ${wrk}${h2load === undefined ? '' : `, h2load ${h2load}`}`
  const versions = Object.entries(environment.versions).map(([name, version]) => `${name} ${version}`)
  return [
    `- ${environment.date}, Node ${environment.node}, ${environment.kernel}`,
    `- ${environment.cores} × ${environment.cpu}, ${pinning(environment)}, load before the start ${environment.loadBefore.toFixed(2)}`,
    `- ${clients}; ${versions.join(', ')}`
  ].join('\n')
}

/** Throws when a process may not open as many files as the largest setting needs. */
export function requireOpenFiles(settings: Pick<Setting, 'connections' | 'streams'>[]): void {
  const connections = Math.max(...settings.map(requestsAtOnce))
  const needed = 2 * connections + 200
  const allowed = readOpenFilesLimit()
  if (allowed >= needed) return
  throw new Error(
    `${connections} connections need ${needed} open files, the limit is ${allowed}. Raise it: ulimit -n ${needed}`
  )
}

/** Connections that are possible, up to `wanted`: some servers reserve four files for one. */
export function affordableConnections(wanted: number): number {
  return Math.min(wanted, Math.floor((readOpenFilesLimit() - 500) / 4))
}

// Node has raised its soft limit to the hard one at start, and children inherit that.
function readOpenFilesLimit(): number {
  return parseOpenFilesLimit(readFileSync('/proc/self/limits', 'utf8'))
}

/** The soft limit of open files from `/proc/self/limits`. */
export function parseOpenFilesLimit(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1]
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

function pinning({ pinned }: Environment): string {
  return pinned ? 'proxies pinned to CPU 0, clients and backends to CPU 1' : 'nothing pinned'
}
