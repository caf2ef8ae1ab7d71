import { readFileSync } from 'node:fs'

import type { Statistics } from '../lib/observe/statistics.js'
import type { Heap } from './heap.js'

const kibPerMib = 1024

/** The balancer at one moment. */
export interface Sample {
  /** Since the load began. */
  atMs: number
  /** Memory that is resident, and what of it belongs to no file: heap, buffers, stacks. */
  rssMib: number
  anonymousMib: number
  /** Memory in use after a full garbage collection. */
  usedMib: number
  inFlight: number
  queued: number
  retrying: number
  total: number
  openConnections: number
}

/** Asks a balancer for its statistics. */
export async function statisticsOf(port: number): Promise<Statistics> {
  const response = await fetch(`http://127.0.0.1:${port}/__lb/stats`, { headers: { connection: 'close' } })
  if (response.status !== 200) throw new Error(`the balancer's statistics are answered ${response.status}`)
  return (await response.json()) as Statistics
}

/** Takes a sample of a balancer. */
export async function sampleOf(pid: number, port: number, heap: Heap, atMs: number): Promise<Sample> {
  const usedMib = await heap.usedMib()
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const { requests, connections } = await statisticsOf(port)
  const { inFlight, queued, retrying, total } = requests
  return {
    atMs,
    rssMib: mibOf(status, 'VmRSS'),
    anonymousMib: mibOf(status, 'RssAnon'),
    usedMib,
    inFlight,
    queued,
    retrying,
    total,
    openConnections: connections.open
  }
}

/** A size in `/proc/PID/status`. */
export function mibOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) / kibPerMib
}
