import { setTimeout as sleep } from 'node:timers/promises'

import { countEstablished, readResidentKilobytes } from './accounting'
import type { Child } from './children'
import { holdConnections, type Task } from './client'
import type { FoundPeer } from './environment'
import { freePorts } from './loopback'
import type { Place } from './peers/peer'
import type { Bench } from './rounds'
import { type Backends, startPeer } from './start'

/** How long memory is left alone before it is read. */
export const SETTLE_MS = 1000
const fillSeconds = 2

/** A proxy that has just been started for one figure. */
export interface Started {
  child: Child
  port: number
}

/** What a proxy has grown by. */
export interface Growth {
  /** Resident memory in kB, for each connection. */
  perConnection: number
  /** How many of them stood. */
  connections: number
}

/** Starts a proxy on a port of its own. */
export async function startAlone(
  { children }: Bench,
  { peer, program }: FoundPeer,
  { addresses }: Backends,
  place: Pick<Place, 'connections' | 'tls' | 'http2'>
): Promise<Started> {
  const [port] = (await freePorts(1)) as [number]
  return { port, child: await startPeer(children, peer, program, { ...place, port, backends: addresses }) }
}

/** How much a proxy grows by connections that are held. It should be warm. */
export async function growthBy(
  { children }: Bench,
  { child, port }: Started,
  {
    kind,
    connections,
    path,
    tls = false
  }: Pick<Task, 'kind' | 'connections'> & { path: string; tls?: boolean }
): Promise<Growth> {
  await sleep(SETTLE_MS)
  const before = readResidentKilobytes(child.pid)
  const targets = [{ port, path, tls }]
  const holder = await holdConnections(children, {
    kind,
    targets,
    connections,
    seconds: fillSeconds,
    rate: 0
  })
  await sleep(SETTLE_MS)
  const grown = readResidentKilobytes(child.pid) - before
  const count = Math.min(holder.count, countEstablished(port))
  await holder.release()
  if (count === 0) throw new Error(`${child.name} has no connection left of ${connections}`)
  return { perConnection: grown / count, connections: count }
}
