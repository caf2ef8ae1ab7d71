import type { ListenOptions, Server, Socket } from 'node:net'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/counters.js'
import { promiseTls } from '../lib/forward/hsts.js'
import { contains, socketAddress } from '../lib/forward/peer.js'
import { tellVersion } from '../lib/http2/preface.js'
import { takeProxyHeader } from '../lib/proxy-header-reader.js'
import { SocketsPerClient } from '../lib/sockets-per-client.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The client connections that are open. */
    connections: ReadonlySet<Socket>
    /** Has HTTP spoken on a connection. */
    serveHttp(socket: Socket): void
    /** Has a server's connections from trusted proxies begin with the PROXY protocol, if they are to. */
    readProxyHeaders(server: Server): void
  }
}

type ConnectionListener = (socket: Socket) => void

/** The kernel cuts it to its own limit, 4096 on Linux. */
const BACKLOG = 65_535

/**
 * Keeps and bounds the client connections: one too many is closed by Node before a byte of it is read. Where a proxy in
 * front says on each connection whose it is, that is read first; then comes TLS, then HTTP
 * of the version that its client speaks.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, registry, tls, http2 } = fastify
    const connections = new Set<Socket>()
    const perClient = new SocketsPerClient(config.limits.socketsPerClient)
    const countDropped = () => registry.counters.addTotal(BalancerCell.connectionsDropped, 1)
    fastify.decorate('connections', connections)

    const keep = (socket: Socket) => {
      connections.add(socket)
      socket.once('close', () => connections.delete(socket))
    }
    const takeListener = (server: Server): ConnectionListener => {
      const [listener] = server.listeners('connection') as ConnectionListener[]
      server.removeAllListeners('connection')
      return (socket) => listener!.call(server, socket)
    }
    const unwrapped =
      (accept: ConnectionListener): ConnectionListener =>
      (socket) => {
        if (config.proxyProtocol && contains(config.trustedProxies, socketAddress(socket)))
          takeProxyHeader(socket, config.limits.headTimeoutMs, accept, countDropped)
        else accept(socket)
      }
    // It stands still where a header was read off it. TLS takes what came behind that by itself.
    const resumed =
      (serve: ConnectionListener): ConnectionListener =>
      (socket) => {
        serve(socket)
        if (config.proxyProtocol) socket.resume()
      }
    fastify.decorate('readProxyHeaders', (server) => {
      server.on('connection', unwrapped(resumed(takeListener(server))))
    })

    const serveHttp = takeListener(server)
    fastify.decorate('serveHttp', serveHttp)
    const hstsSeconds = config.tls?.hstsSeconds ?? 0
    const serveSecurely: ConnectionListener = (raw) =>
      tls!.accept(raw, (socket) => {
        connections.delete(raw)
        keep(socket)
        if (hstsSeconds > 0) promiseTls(socket, hstsSeconds)
        if (socket.alpnProtocol === 'h2') http2!.accept(socket)
        else serveHttp(socket)
      })
    const serveEither: ConnectionListener = (socket) =>
      tellVersion(socket, config.limits.headTimeoutMs, (isHttp2) => {
        if (isHttp2) http2!.accept(socket)
        else resumed(serveHttp)(socket)
      })
    const serve = tls ? serveSecurely : http2 ? serveEither : resumed(serveHttp)
    const admit = unwrapped((socket) => {
      if (perClient.admit(socket)) {
        serve(socket)
      } else {
        countDropped()
        socket.destroy()
      }
    })
    server.on('connection', (socket: Socket) => {
      keep(socket)
      admit(socket)
    })
    server.maxConnections = config.maxSockets
    server.on('drop', countDropped)

    // Clients that connect while the loop is busy wait in the kernel's queue; past its end they lose a second.
    const { listen } = server
    server.listen = ((options: ListenOptions, ...rest: []) =>
      listen.call(server, { backlog: BACKLOG, ...options }, ...rest)) as typeof server.listen
  },
  { name: 'connections', dependencies: ['backend-registry', 'tls', 'http2'] }
)
