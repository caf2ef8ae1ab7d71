import { createServer, type ServerOptions } from 'node:http'
import { type FastifyHttpOptions, LogController, type RawServerDefault } from 'fastify'
import { adminRouteOf, isAdminTarget, PROXIED_PATH } from '../lib/base/http/request-target.js'
import type { Config } from '../lib/config/load.js'
import { UpgradableRequest } from '../lib/listener/http1/upgradable-request.js'
import { requestId } from '../lib/listener/request-id.js'
import { Http1Response } from '../lib/proxy/response/http1-response.js'
import { compilersFactory } from './schema-compilers.js'

const CHECK_INTERVAL_MS = 1000
/** A host name has at most 253 characters; a socket's path at most 107, each of which may be percent-encoded. */
const MAX_ADDRESS_LENGTH = 340

/** Options of the Fastify server, which no plugin can set. */
export function serverOptions(config: Config): FastifyHttpOptions<RawServerDefault> {
  const { limits } = config
  return {
    logController: new LogController({ disableRequestLogging: true }),
    // Requests that were sent before the drain are served; `/__lb/ready` keeps new ones away.
    return503OnClosing: false,
    // The drain closes idle connections, without losing requests that are on their way.
    forceCloseConnections: false,
    // Invalid requests are rejected, not repaired. A test checks the schemas, so that a start need not.
    ajv: {
      customOptions: { removeAdditional: false, coerceTypes: false, validateSchema: false, meta: false }
    },
    schemaController: { compilersFactory },
    routerOptions: { maxParamLength: MAX_ADDRESS_LENGTH },
    // The router never sees the target of a proxied request: it would reject some, and decode all.
    rewriteUrl: ({ url }) => (isAdminTarget(url!) ? adminRouteOf(url!) : PROXIED_PATH),
    genReqId: requestId,
    // A child logger for each request costs more than forwarding it.
    childLoggerFactory: (logger) => logger,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    maxRequestsPerSocket: limits.requestsPerSocket,
    http: {
      IncomingMessage: UpgradableRequest,
      ServerResponse: Http1Response,
      highWaterMark: config.bufferSizeBytes,
      // Node requires that a head may take no longer than a whole request.
      requestTimeout: limits.requestTimeoutMs,
      headersTimeout: Math.min(limits.headTimeoutMs, limits.requestTimeoutMs || limits.headTimeoutMs),
      maxHeaderSize: config.maxHeadBytes,
      connectionsCheckingInterval: CHECK_INTERVAL_MS
    },
    ...(config.tls ? SECURE : {}),
    ...(process.stdout.isTTY ? { logger: { transport: prettyTransport } } : {})
  }
}

/**
 * Tells Fastify that clients speak TLS, so that it logs `https://` when it listens. The server itself is one of plain HTTP,
 * created as Fastify would: the acceptor of connections puts TLS before it (plugins/connections.ts).
 */
const SECURE = {
  https: {},
  serverFactory: ((handler, { http, keepAliveTimeout, requestTimeout, maxRequestsPerSocket }) => {
    const server = createServer(http as ServerOptions, handler)
    return Object.assign(server, { keepAliveTimeout, requestTimeout, maxRequestsPerSocket, timeout: 0 })
  }) as NonNullable<FastifyHttpOptions<RawServerDefault>['serverFactory']>
}

/** A readable log on a terminal; the message of a report contains the statistics already. */
const prettyTransport = {
  target: 'pino-pretty',
  options: { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname,stats' }
}
