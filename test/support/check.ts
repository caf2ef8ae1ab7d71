import net, { type Socket } from 'node:net'
import type { Test } from 'tap'
import { loadConfig } from '../../lib/config/load.js'
import { httpProbe, type Probe } from '../../lib/health/probe.js'
import type { Backend } from '../../lib/pool/backend.js'
import { BackendCredentials } from '../../lib/transport/sockets/credentials.js'
import { listen } from './listen.js'
import { backendAt } from './registry.js'

/** Long enough for a busy machine to answer. */
export const AMPLE_S = '10'

/** The probe of a configuration, patient unless told otherwise. */
export function probeWith(env: Readonly<Record<string, string>> = {}): Probe {
  const patient = { LB_HEALTH_CHECK_PERIOD: '60', LB_HEALTH_CHECK_TIMEOUT: AMPLE_S }
  const { healthCheck, backendTls } = loadConfig({ ...patient, ...env })
  return httpProbe(healthCheck, { credentials: new BackendCredentials(backendTls) })
}

/** A backend that is given the socket as soon as a request has begun to arrive, and what has arrived. */
export async function socketBackend(
  t: Test,
  onRequest: (socket: Socket, head: string) => void,
  options = ''
): Promise<Backend> {
  const server = net.createServer((socket) =>
    socket.once('data', (bytes) => onRequest(socket, bytes.toString('latin1')))
  )
  return backendAt(`${await listen(t, server)}${options}`)
}
