import type { ListenOptions, Socket } from 'node:net'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/counters.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The client connections that are open. */
    connections: ReadonlySet<Socket>
  }
}

/** The kernel cuts it to its own limit, 4096 on Linux. */
const BACKLOG = 65_535

/** Keeps and bounds the client connections: one too many is closed by Node before a byte of it is read. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, registry } = fastify
    const connections = new Set<Socket>()
    fastify.decorate('connections', connections)
    server.on('connection', (socket: Socket) => {
      connections.add(socket)
      socket.once('close', () => connections.delete(socket))
    })
    server.maxConnections = config.maxSockets
    server.on('drop', () => registry.counters.addTotal(BalancerCell.connectionsDropped, 1))

    // Clients that connect while the loop is busy wait in the kernel's queue; past its end they lose a second.
    const { listen } = server
    server.listen = ((options: ListenOptions, ...rest: []) =>
      listen.call(server, { backlog: BACKLOG, ...options }, ...rest)) as typeof server.listen
  },
  { name: 'connections', dependencies: ['backend-registry'] }
)
