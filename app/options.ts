import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type FastifyHttpOptions, LogController, type RawServerDefault } from 'fastify'
import type { Config } from '../lib/config/load.js'
import { isOwnTarget, ownPage, PROXIED_PATH } from '../lib/forward/target.js'

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/
const CHECK_INTERVAL_MS = 1000

/** Options of the Fastify server itself, which no plugin can set. */
export function serverOptions(config: Config): FastifyHttpOptions<RawServerDefault> {
  return {
    logController: new LogController({ disableRequestLogging: true }),
    // What was sent before the drain began is served: readiness has told others to stay away.
    return503OnClosing: false,
    // The router never sees a target that is for a backend: it would refuse some, and decode all.
    rewriteUrl: ({ url }) => (isOwnTarget(url!) ? ownPage(url!) : PROXIED_PATH),
    genReqId: requestId,
    // A child logger for each request costs more than forwarding it.
    childLoggerFactory: (logger) => logger,
    http: { highWaterMark: config.bufferSizeBytes, connectionsCheckingInterval: CHECK_INTERVAL_MS },
    ...(process.stdout.isTTY ? { logger: { transport: prettyTransport } } : {})
  }
}

/** A readable log for a terminal; the statistics are in the message of their report already. */
const prettyTransport = {
  target: 'pino-pretty',
  options: { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname,stats' }
}

/** Unlike any other process' ids; the count after it makes it unlike any other request's. */
const ID_PREFIX = `${randomBytes(9).toString('base64url')}-`
let idCount = 0

/** The client's `X-Request-Id` if it can be passed on as it is, otherwise a new one. */
function requestId(req: IncomingMessage): string {
  const given = req.headers['x-request-id']
  if (typeof given === 'string' && REQUEST_ID.test(given)) return given
  idCount++
  return ID_PREFIX + idCount.toString(36)
}
