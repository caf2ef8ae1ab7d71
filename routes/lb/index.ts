import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../../lib/config/load.js'
import { withPromise } from '../../lib/forward/hsts.js'
import { comesFrom } from '../../lib/forward/peer.js'
import api from './api/index.js'
import events from './events.js'
import metrics from './metrics.js'
import noPage from './no-page.js'
import page from './page.js'
import readiness from './readiness.js'
import stats from './stats.js'

/** Everything under `/__lb/`: for all, whether it runs; the rest for the addresses that may see it, and for others not there. */
const lb: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  await noPage(fastify, {})
  if (config.hstsSeconds > 0) {
    fastify.addHook('onRequest', (request, reply, done) => {
      const [name, value] = withPromise(request.raw.socket, [])
      if (name !== undefined) reply.header(name, value)
      done()
    })
  }
  await fastify.register(readiness)
  await fastify.register(async (restricted) => {
    restricted.addHook('onRequest', (request, reply, done) => {
      if (comesFrom(request.raw.socket, config.admin.allow)) done()
      else reply.callNotFound()
    })
    await restricted.register(page)
    await restricted.register(events)
    await restricted.register(stats)
    await restricted.register(metrics)
    await restricted.register(api, { prefix: '/api', config })
  })
}

export default lb
