import { mkdtempSync } from 'node:fs'
import path from 'node:path'

import type { Child, Children } from './children'
import { freePorts, untilAnswering } from './loopback'
import type { Peer, Place } from './peers/peer'
import { compiled } from './project'

const backendCount = 2
const smallBodyBytes = 33

/** The backends that all proxies share. */
export interface Backends {
  processes: Child[]
  ports: number[]
  /** Each `host:port`. */
  addresses: string[]
}

/** Starts the backends and waits until they answer. */
export async function startBackends(children: Children): Promise<Backends> {
  const ports = await freePorts(backendCount)
  const processes = ports.map((port, index) =>
    children.start(`backend${index + 1}`, 'load', {
      command: process.execPath,
      args: [compiled('bench/backend.js'), String(port)]
    })
  )
  await Promise.all(processes.map((child, index) => untilAnswering(child, ports[index]!, smallBodyBytes)))
  return { processes, ports, addresses: ports.map((port) => `127.0.0.1:${port}`) }
}

/** Starts one proxy and waits until it passes a backend's answer on. */
export async function startPeer(
  children: Children,
  peer: Peer,
  program: string,
  place: Omit<Place, 'folder'>
): Promise<Child> {
  const folder = mkdtempSync(path.join(children.folder, `${peer.name}-`))
  const child = children.start(peer.name, 'proxy', peer.launch(program, { ...place, folder }))
  await untilAnswering(child, place.port, smallBodyBytes, {
    tls: place.tls !== undefined,
    http2: place.http2 === true
  })
  return child
}
