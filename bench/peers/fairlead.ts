import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { commit, compiled, packageVersion, projectRoot } from '../project'
import type { WorkloadName } from '../setting'
import { threadsAsked } from '../threads'
import type { Peer, Place } from './peer'

/** This project, started as its users start it; only the limit of requests in flight makes room for the load. */
export const fairlead = checkout('fairlead', projectRoot)

/** Another checkout of this project, built, to measure a change against what stood before it. */
export function fairleadBefore(folder: string): Peer {
  return checkout('before', path.resolve(folder))
}

/** The same balancer as if a hook had been added: every request passes the router, the hooks and reply-from. */
export const routed: Peer = {
  ...fairlead,
  name: 'routed',
  launch(program, place) {
    const { env, ...launch } = fairlead.launch(program, place)
    return { ...launch, env: { ...env, LB_LANE: 'routed' } }
  }
}

/** The same balancer with two threads. */
export const twoThreads: Peer = {
  ...fairlead,
  name: 'two-threads',
  launch(program, place) {
    const { env, ...launch } = fairlead.launch(program, place)
    return { ...launch, env: { ...env, LB_THREADS: '2' } }
  }
}

/** The same balancer over connections that undici makes and keeps, to see what those cost. */
export const overUndici: Peer = {
  ...fairlead,
  name: 'undici',
  version() {
    return packageVersion('undici')
  },
  launch(program, place) {
    const { args, ...launch } = fairlead.launch(program, place)
    return { ...launch, args: ['--require', compiled('bench/undici/preload.js'), ...args] }
  }
}

/**
 * The same balancer with pools and routes.
 * @param workload the one that it is made for
 * @param content of its file
 */
export function fairleadOfFile(
  name: string,
  workload: WorkloadName,
  content: (place: Place) => object
): Peer {
  return {
    ...fairlead,
    name,
    workload,
    launch(program, place) {
      const file = path.join(place.folder, 'lb.json')
      writeFileSync(file, JSON.stringify(content(place)))
      return {
        command: process.execPath,
        args: [program, '-p', String(place.port)],
        env: { LB_CONFIG: file, LB_MAX_CONNECTIONS: String(2 * place.connections + 100) }
      }
    }
  }
}

function checkout(name: string, folder: string): Peer {
  return {
    name,
    http2: true,
    find() {
      return [path.join(folder, 'dist', 'bin', 'lb.js')].find((file) => existsSync(file))
    },
    version() {
      return `${packageVersion()} ${commit(folder)}`.trim()
    },
    launch(program, { port, backends, connections, tls, http2 }) {
      const certificate = tls ? { LB_TLS_CERT: tls.certFile, LB_TLS_KEY: tls.keyFile } : {}
      const priorKnowledge = http2 && !tls ? { LB_H2C: 'true' } : {}
      return {
        command: process.execPath,
        args: [program, '-p', String(port), '-b', ...backends],
        env: {
          LB_MAX_CONNECTIONS: String(2 * connections + 100),
          ...certificate,
          ...priorKnowledge,
          ...threadsAsked()
        }
      }
    }
  }
}
