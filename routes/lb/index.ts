import type { Server } from 'node:net'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { twoHosts } from '../../lib/admin/api-error.js'
import { hasConflictingHosts } from '../../lib/admin/raw-headers.js'
import type { Config } from '../../lib/config/load.js'
import { comesFrom } from '../../lib/listener/client/connection-info.js'
import { withHsts } from '../../lib/proxy/response/hsts.js'
import { answerError } from './api/errors.js'
import api from './api/index.js'
import leases from './api/leases.js'
import events from './events.js'
import hostCheck from './host-check.js'
import metrics from './metrics.js'
import notFound from './not-found.js'
import page from './page.js'
import readiness from './readiness.js'
import stats from './stats.js'
import unreadBody from './unread-body.js'

interface Options {
  readonly config: Config
  /** The server whose requests are proxied, if it is another. */
  readonly balancer?: Server
}

/**
 * Everything under `/__lb/`. Liveness and readiness are for everybody; the rest is for the addresses of `LB_ADMIN_ALLOW`,
 * and only by known hosts. For other addresses it does not exist.
 */
const lb: FastifyPluginAsync<Options> = async (fastify, { config, balancer = fastify.server }) => {
  await notFound(fastify, {})
  await unreadBody(fastify)
  if (config.hstsSeconds > 0) {
    fastify.addHook('onRequest', (request, reply, done) => {
      const [name, value] = withHsts(request.raw.socket, [])
      if (name !== undefined) reply.header(name, value)
      done()
    })
  }
  fastify.setErrorHandler(answerError)
  fastify.addHook('onRequest', (request, _reply, done) => {
    done(hasConflictingHosts(request.raw.rawHeaders) ? twoHosts() : undefined)
  })
  readiness(fastify)
  const { registration } = config
  if (registration) await fastify.register(leases, { prefix: '/api', config, registration, balancer })
  await fastify.register(restricted, { config })
}

/** What is for some addresses only. */
const restricted = fp<{ config: Config }>(
  async (fastify, { config }) => {
    fastify.addHook('onRequest', (request, reply, done) => {
      if (comesFrom(request.raw.socket, config.admin.allow)) done()
      else reply.callNotFound()
    })
    await hostCheck(fastify, { config })
    page(fastify)
    events(fastify)
    stats(fastify)
    metrics(fastify)
    await fastify.register(api, { prefix: '/api', config })
  },
  { name: 'lb/restricted', encapsulate: true }
)

export default fp(lb, { name: 'lb', encapsulate: true })
