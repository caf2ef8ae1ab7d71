import { METHODS } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Config } from '../lib/config/load.js'
import { surviveAcceptErrors } from '../lib/listener/accepting.js'
import { openSockets } from '../lib/listener/drain/open-sockets.js'
import { ServerDrain } from '../lib/listener/drain/server-drain.js'
import { UNKNOWN_METHOD } from '../lib/proxy/failure.js'
import { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import { answerParserErrors } from '../lib/proxy/local-reply/parser-errors.js'
import lb from '../routes/lb/index.js'
import notFound from '../routes/lb/not-found.js'
import { serverOptions } from './options.js'

/** Further connections are closed unanswered. */
const MAX_SOCKETS = 256
/** Limits of the drain of this server, which begins when that of the balancer is over. */
const DRAIN_LIMITS = { headTimeoutMs: 1000, requestTimeoutMs: 1000, drainTimeoutMs: 3000 }

/** Creates a second server, for `/__lb/` only. */
async function adminServer(fastify: FastifyInstance, config: Config): Promise<FastifyInstance> {
  const { logger: _logger, ...options } = serverOptions(config) as { logger?: object }
  const admin = Fastify({ ...options, loggerInstance: fastify.log })
  const { registry, statistics, broadcast, exposition, poolSet, succession } = fastify
  admin.decorate('registry', registry).decorate('statistics', statistics).decorate('exposition', exposition)
  admin.decorate('poolSet', poolSet).decorate('broadcast', broadcast).decorate('succession', succession)
  admin.server.maxConnections = MAX_SOCKETS
  surviveAcceptErrors(admin.server, fastify.shortages)
  answerParserErrors(admin.server, config.maxHeadBytes, (req, res) =>
    sendLocalReply(req, res, UNKNOWN_METHOD)
  )
  const drain = new ServerDrain(admin.server, openSockets(admin.server), DRAIN_LIMITS)
  admin.addHook('preClose', async () => {
    if (admin.server.listening) drain.start()
  })
  fastify.listeningSockets.adopt('admin', admin.server)
  await notFound(admin, {})
  await admin.register(lb, { prefix: '/__lb', config, balancer: fastify.server })
  // The routes read bodies themselves, as on the balancer's port.
  for (const method of METHODS)
    if (method !== 'CONNECT') admin.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  return admin as unknown as FastifyInstance
}

/**
 * Serves `/__lb/` on a separate port, at the address that the balancer listens on, from when that listens until its last
 * connection is closed. If the port cannot be opened, the balancer ends: it could not be administered.
 */
export async function registerAdminServer(
  fastify: FastifyInstance,
  config: Config,
  ownsProcess: boolean
): Promise<void> {
  const admin = await adminServer(fastify, config)
  await fastify.register(notFound, { prefix: '/__lb' })
  fastify.addHook('onListen', async () => {
    const bound = fastify.server.address()
    const host = typeof bound === 'object' ? bound?.address : undefined
    const listenTextResolver = (address: string) => `Administration at ${address}`
    try {
      await admin.listen({ host, port: config.admin.port, listenTextResolver })
    } catch (error) {
      fastify.log.fatal({ err: error }, `The administration cannot listen: ${(error as Error).message}`)
      if (ownsProcess) process.exitCode = 1
      void fastify.close()
    }
  })
  // What another process has taken over, that administers.
  fastify.addHook('preClose', async () => {
    if (fastify.drainTerms.isHandover) void admin.close()
  })
  fastify.addHook('onClose', () => admin.close())
}
