import type { IncomingMessage } from 'node:http'
import type { ListenOptions, Server, Socket } from 'node:net'
import fp from 'fastify-plugin'
import type { SharedCells } from '../lib/base/cells/shared-cells.js'
import { sharedSecret } from '../lib/base/cells/shared-secret.js'
import type { Config } from '../lib/config/load.js'
import { AcceptPace } from '../lib/listener/accept/accept-pace.js'
import { BurstHold } from '../lib/listener/accept/burst-hold.js'
import { acceptLight } from '../lib/listener/accept/light-server.js'
import { limitSockets } from '../lib/listener/accept/socket-limit.js'
import { surviveAcceptErrors } from '../lib/listener/accepting.js'
import type { ClientCounts } from '../lib/listener/client-counts.js'
import {
  ConnectionAcceptor,
  type ConnectionListener,
  detachListener
} from '../lib/listener/connection-acceptor.js'
import type { PendingConnections } from '../lib/listener/drain/pending-connections.js'
import type { LaneWay } from '../lib/listener/http1/lane/options.js'
import { RefusalLog } from '../lib/listener/proxy-protocol/refusal-log.js'
import { BalancerCell } from '../lib/pool/cells.js'
import { enableHsts } from '../lib/proxy/response/hsts.js'
import type { Http1Response } from '../lib/proxy/response/http1-response.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The client connections of this thread that are open. */
    connections: ReadonlySet<Socket>
    /** Those on which a header of the PROXY protocol is to come, or the first bytes, which tell the version of HTTP. */
    openingConnections: PendingConnections
    /** What counts the connections of each client over several threads; undefined with one, or without a limit. */
    clientCounts: ClientCounts | undefined
    /** Serves HTTP/1.1 on a connection, by Node's server. */
    serveHttp(socket: Socket): void
    /**
     * What serves HTTP/1.1 on the connections that are accepted, and what forwards a request that Node's server has read
     * past the router; undefined if it is to pass it.
     */
    http1: {
      serve: ConnectionListener
      forward: ((req: IncomingMessage, res: Http1Response) => void) | undefined
      way: LaneWay
    }
    /** Has a server's connections from trusted proxies begin with the PROXY protocol, if it is configured. */
    readProxyHeaders(server: Server): void
  }
}

/** The kernel cuts it to its own limit, 4096 on Linux. */
const BACKLOG = 65_535

/** Has client connections pass the acceptor before HTTP, and bounds them. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { server, registry, cells, tls, http2, log, descriptorLimit, shortages } = fastify
    const { limits, hstsSeconds, proxyProtocol, trustedProxies } = config
    const onDropped = () => registry.counters.addTotal(BalancerCell.connectionsDropped, 1)
    const refusals = new RefusalLog((reason, address, before) => {
      const more = before > 0 ? `; ${before} more since the last such line` : ''
      log.warn(`A connection from ${address} was closed: its header of the PROXY protocol ${reason}${more}`)
    })
    const serveHttp = detachListener(server)
    const http1 = { serve: serveHttp, forward: undefined, way: 'off' as LaneWay }
    const clientCounts = sharedCounts(cells, config)
    const acceptor = new ConnectionAcceptor({
      serveHttp: (socket) => http1.serve(socket),
      tls,
      http2,
      acceptsPlainHttp2: config.http2?.isPlain ?? false,
      proxyProtocol,
      trustedProxies,
      headTimeoutMs: limits.headTimeoutMs,
      socketsPerClient: limits.socketsPerClient,
      clientCounts,
      descriptorLimit,
      shortages,
      onDropped,
      onProxyHeaderRefused: (reason, address) => {
        registry.counters.addTotal(BalancerCell.proxyHeadersRefused, 1)
        refusals.record(reason, address)
      },
      onOpen: (change) => registry.counters.change(BalancerCell.openConnections, change),
      onSecure: (socket) => {
        if (hstsSeconds > 0) enableHsts(socket, hstsSeconds)
      }
    })
    fastify.decorate('connections', acceptor.open)
    fastify.decorate('openingConnections', acceptor.opening)
    fastify.decorate('clientCounts', clientCounts)
    fastify.decorate('serveHttp', serveHttp)
    fastify.decorate('http1', http1)
    fastify.decorate('readProxyHeaders', (server) => acceptor.readProxyHeaders(server))

    // What comes before HTTP reads from a socket's stream, and so do those who are told of requests by Node's server.
    const isPlain = !tls && !proxyProtocol && !config.http2?.isPlain
    if (isPlain) acceptLight(server, () => http1.way !== 'off')
    const openIn = (thread: number) => registry.counters.part(BalancerCell.sockets, thread)
    const pace = cells.threads.count > 1 ? new AcceptPace(cells, openIn) : undefined
    const burst = new BurstHold(server, (socket) => acceptor.accept(socket), undefined, pace)
    server.on('connection', (socket: Socket) => {
      // Those that are held would use up the descriptors that others need.
      if (acceptor.hasDescriptorFor(socket)) burst.add(socket)
    })
    surviveAcceptErrors(server, shortages)
    const place = { counters: registry.counters, cell: BalancerCell.sockets, threads: cells.threads }
    limitSockets(server, config.maxSockets, place, onDropped)

    fastify.listeningSockets.adopt('client', server)
    // Clients that connect while the loop is busy wait in the kernel's queue; past its end they lose a second.
    const { listen } = server
    server.listen = ((options: ListenOptions, ...rest: []) =>
      listen.call(server, { backlog: BACKLOG, ...options }, ...rest)) as typeof server.listen
  },
  {
    name: 'connections',
    dependencies: ['backend-registry', 'listening-sockets', 'shortages', 'tls', 'http2']
  }
)

/** Undefined with one thread, or without a limit, and then not loaded. */
function sharedCounts(cells: SharedCells, { limits, maxSockets }: Config): ClientCounts | undefined {
  const { threads } = cells
  if (threads.count === 1 || limits.socketsPerClient === 0) return undefined
  const { clientCountsCells, SharedClientCounts } =
    require('../lib/listener/shared-client-counts.js') as typeof import('../lib/listener/shared-client-counts.js')
  const length = clientCountsCells(threads, maxSockets)
  const secret = sharedSecret(cells, 'hash-secret').toString('hex')
  return new SharedClientCounts(threads, cells.named('client-counts', length), secret)
}
