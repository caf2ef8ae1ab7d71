import type { ListenOptions, Server, Socket } from 'node:net'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import { exceedsDescriptorLimit, surviveAcceptErrors } from '../lib/listener/accepting.js'
import {
  contains,
  isResetBeforeAccept,
  proxyHeaderOf,
  remoteAddressOf
} from '../lib/listener/client/connection-info.js'
import { PendingConnections } from '../lib/listener/drain/pending-connections.js'
import { detectVersion } from '../lib/listener/http2/preface.js'
import { receiveProxyHeader } from '../lib/listener/proxy-protocol/receive-header.js'
import { RefusalLog } from '../lib/listener/proxy-protocol/refusal-log.js'
import { SocketsPerClient } from '../lib/listener/sockets-per-client.js'
import { BalancerCell } from '../lib/pool/counters.js'
import { enableHsts } from '../lib/proxy/response/hsts.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The client connections that are open. */
    connections: ReadonlySet<Socket>
    /** Those on which a header of the PROXY protocol is to come, or the first bytes, which tell the version of HTTP. */
    openingConnections: PendingConnections
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
    const { server, registry, tls, http2, log, descriptorLimit, shortages } = fastify
    const connections = new Set<Socket>()
    const perClient = new SocketsPerClient(config.limits.socketsPerClient)
    const countDropped = () => registry.counters.addTotal(BalancerCell.connectionsDropped, 1)
    fastify.decorate('connections', connections)
    const opening = new PendingConnections()
    fastify.decorate('openingConnections', opening)

    const keep = (socket: Socket) => {
      connections.add(socket)
      socket.once('close', () => connections.delete(socket))
    }
    const takeListener = (server: Server): ConnectionListener => {
      const [listener] = server.listeners('connection') as ConnectionListener[]
      server.removeAllListeners('connection')
      return (socket) => listener!.call(server, socket)
    }
    const refusals = new RefusalLog((reason, address, before) => {
      const more = before > 0 ? `; ${before} more since the last such line` : ''
      log.warn(`A connection from ${address} was closed: its header of the PROXY protocol ${reason}${more}`)
    })
    const unwrapped =
      (accept: ConnectionListener): ConnectionListener =>
      (socket) => {
        const address = remoteAddressOf(socket)
        if (!config.proxyProtocol || !contains(config.trustedProxies, address)) {
          accept(socket)
          return
        }
        receiveProxyHeader(socket, config.limits.headTimeoutMs, opening.track(socket, accept), (reason) => {
          countDropped()
          registry.counters.addTotal(BalancerCell.proxyHeadersRefused, 1)
          refusals.record(reason, address)
        })
      }
    // It stands still where a header was read off it. TLS takes what came behind that by itself.
    const resumed =
      (serve: ConnectionListener): ConnectionListener =>
      (socket) => {
        serve(socket)
        if (config.proxyProtocol) socket.resume()
      }
    fastify.decorate('readProxyHeaders', (server) => {
      const serve = resumed(takeListener(server))
      server.on(
        'connection',
        unwrapped((socket) => {
          // Whoever speaks TLS to the proxy in front is where a redirect would send it.
          if (proxyHeaderOf(socket)?.tls) takeIn(socket)
          else serve(socket)
        })
      )
    })

    const serveHttp = takeListener(server)
    fastify.decorate('serveHttp', serveHttp)
    const { hstsSeconds } = config
    const serveSecurely: ConnectionListener = (raw) =>
      tls!.accept(raw, (socket) => {
        connections.delete(raw)
        keep(socket)
        if (hstsSeconds > 0) enableHsts(socket, hstsSeconds)
        if (socket.alpnProtocol === 'h2') http2!.accept(socket)
        else serveHttp(socket)
      })
    const serveEither: ConnectionListener = (socket) => {
      const serve = (isHttp2: boolean) => {
        if (isHttp2) http2!.accept(socket)
        else resumed(serveHttp)(socket)
      }
      detectVersion(socket, config.limits.headTimeoutMs, opening.track(socket, serve))
    }
    const servePlain = resumed(serveHttp)
    // A proxy that ends TLS may speak HTTP/1.1 for a client that has agreed on HTTP/2 with it: the first bytes tell.
    const serveAgreed: ConnectionListener = (socket) =>
      http2 && proxyHeaderOf(socket)?.alpn === 'h2' ? serveEither(socket) : servePlain(socket)
    const serveInTheOpen = config.http2?.isPlain
      ? serveEither
      : config.proxyProtocol
        ? serveAgreed
        : servePlain
    const serve = tls ? serveSecurely : serveInTheOpen
    const admit = (socket: Socket, serve: ConnectionListener) => {
      if (perClient.admit(socket)) {
        if (hstsSeconds > 0 && proxyHeaderOf(socket)?.tls) enableHsts(socket, hstsSeconds)
        serve(socket)
      } else {
        countDropped()
        socket.destroy()
      }
    }
    const takeIn = (socket: Socket) => {
      keep(socket)
      admit(socket, serveInTheOpen)
    }
    const unwrapAndAdmit = unwrapped((socket) => admit(socket, serve))
    server.on('connection', (socket: Socket) => {
      if (exceedsDescriptorLimit(socket, descriptorLimit, shortages)) {
        countDropped()
        socket.destroy()
        return
      }
      if (isResetBeforeAccept(socket)) {
        socket.destroy()
        return
      }
      keep(socket)
      unwrapAndAdmit(socket)
    })
    surviveAcceptErrors(server, shortages)
    server.maxConnections = config.maxSockets
    server.on('drop', countDropped)

    // Clients that connect while the loop is busy wait in the kernel's queue; past its end they lose a second.
    const { listen } = server
    server.listen = ((options: ListenOptions, ...rest: []) =>
      listen.call(server, { backlog: BACKLOG, ...options }, ...rest)) as typeof server.listen
  },
  { name: 'connections', dependencies: ['backend-registry', 'shortages', 'tls', 'http2'] }
)
