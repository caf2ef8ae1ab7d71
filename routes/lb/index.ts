import type { FastifyPluginAsync } from 'fastify'
import { twoHosts } from '../../lib/admin/api-error.js'
import { hasConflictingHosts } from '../../lib/admin/raw-headers.js'
import type { Config } from '../../lib/config/load.js'
import { comesFrom } from '../../lib/listener/client/connection-info.js'
import { withHsts } from '../../lib/proxy/response/hsts.js'
import { answerError } from './api/errors.js'
import api from './api/index.js'
import events from './events.js'
import hostCheck from './host-check.js'
import metrics from './metrics.js'
import notFound from './not-found.js'
import page from './page.js'
import readiness from './readiness.js'
import stats from './stats.js'
import unreadBody from './unread-body.js'

/**
 * Everything under `/__lb/`: for all, whether it runs; the rest for the addresses that may see it, by a host that is no
 * other site's, and for other addresses not there.
 */
const lb: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
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
  await fastify.register(readiness)
  await fastify.register(async (restricted) => {
    restricted.addHook('onRequest', (request, reply, done) => {
      if (comesFrom(request.raw.socket, config.admin.allow)) done()
      else reply.callNotFound()
    })
    await hostCheck(restricted, { config })
    await restricted.register(page)
    await restricted.register(events)
    await restricted.register(stats)
    await restricted.register(metrics)
    await restricted.register(api, { prefix: '/api', config })
  })
}

export default lb
