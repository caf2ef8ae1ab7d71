import { createServer, type ServerOptions } from 'node:http'
import { type FastifyHttpOptions, LogController, type RawServerDefault } from 'fastify'
import { adminRouteOf, isAdminTarget, PROXIED_PATH } from '../lib/base/http/request-target.js'
import type { Config } from '../lib/config/load.js'
import { UpgradableRequest } from '../lib/listener/http1/upgradable-request.js'
import { requestId } from '../lib/listener/request-id.js'
import { Http1Response } from '../lib/proxy/response/http1-response.js'
import { compilersFactory } from './schema-compilers.js'

const CHECK_INTERVAL_MS = 1000
/** A name has at most 253 characters; the path of a socket fewer, each of which may be encoded in three. */
const MAX_ADDRESS_LENGTH = 340

/** Options of the Fastify server itself, which no plugin can set. */
export function serverOptions(config: Config): FastifyHttpOptions<RawServerDefault> {
  const { limits } = config
  return {
    logController: new LogController({ disableRequestLogging: true }),
    // What was sent before the drain began is served: readiness has told others to stay away.
    return503OnClosing: false,
    // The drain closes idle ones, with care for what is on its way over them.
    forceCloseConnections: false,
    // What is wrong with a request is told, not mended. A test checks the schemas, so that a start need not.
    ajv: {
      customOptions: { removeAdditional: false, coerceTypes: false, validateSchema: false, meta: false }
    },
    schemaController: { compilersFactory },
    routerOptions: { maxParamLength: MAX_ADDRESS_LENGTH },
    // The router never sees a target that is for a backend: it would refuse some, and decode all.
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
      // Node wants it so: a head takes no longer than a whole request.
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
 * Lets Fastify know that clients speak TLS, so that it says `https://` where it listens. Its server stays one of plain
 * HTTP, made as Fastify would: on each connection TLS comes first (plugins/connections.ts).
 */
const SECURE = {
  https: {},
  serverFactory: ((handler, { http, keepAliveTimeout, requestTimeout, maxRequestsPerSocket }) => {
    const server = createServer(http as ServerOptions, handler)
    return Object.assign(server, { keepAliveTimeout, requestTimeout, maxRequestsPerSocket, timeout: 0 })
  }) as NonNullable<FastifyHttpOptions<RawServerDefault>['serverFactory']>
}

/** A readable log for a terminal; the statistics are in the message of their report already. */
const prettyTransport = {
  target: 'pino-pretty',
  options: { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname,stats' }
}
