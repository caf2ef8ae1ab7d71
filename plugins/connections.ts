import type { ListenOptions, Socket } from 'node:net'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/counters.js'
import { contains, socketAddress } from '../lib/forward/peer.js'
import { takeProxyHeader } from '../lib/proxy-header-reader.js'
import { SocketsPerClient } from '../lib/sockets-per-client.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The client connections that are open. */
    connections: ReadonlySet<Socket>
    /** Has HTTP spoken on a connection. */
    serveHttp(socket: Socket): void
  }
}

type ConnectionListener = (socket: Socket) => void

/** The kernel cuts it to its own limit, 4096 on Linux. */
const BACKLOG = 65_535

/**
 * Keeps and bounds the client connections: one too many is closed by Node before a byte of it is read. Where a proxy in
 * front says on each connection whose it is, that is read first.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, registry } = fastify
    const connections = new Set<Socket>()
    const perClient = new SocketsPerClient(config.limits.socketsPerClient)
    const countDropped = () => registry.counters.addTotal(BalancerCell.connectionsDropped, 1)
    fastify.decorate('connections', connections)

    const [serve] = server.listeners('connection') as ConnectionListener[]
    const serveHttp = (socket: Socket) => serve!.call(server, socket)
    fastify.decorate('serveHttp', serveHttp)
    const admit = (socket: Socket) => {
      if (perClient.admit(socket)) {
        serveHttp(socket)
      } else {
        countDropped()
        socket.destroy()
      }
    }
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      connections.add(socket)
      socket.once('close', () => connections.delete(socket))
      if (config.proxyProtocol && contains(config.trustedProxies, socketAddress(socket)))
        takeProxyHeader(socket, config.limits.headTimeoutMs, admit, countDropped)
      else admit(socket)
    })
    server.maxConnections = config.maxSockets
    server.on('drop', countDropped)

    // Clients that connect while the loop is busy wait in the kernel's queue; past its end they lose a second.
    const { listen } = server
    server.listen = ((options: ListenOptions, ...rest: []) =>
      listen.call(server, { backlog: BACKLOG, ...options }, ...rest)) as typeof server.listen
  },
  { name: 'connections', dependencies: ['backend-registry'] }
)
