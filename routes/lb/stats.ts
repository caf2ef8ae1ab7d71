import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../../lib/config/load.js'
import { clientAddress, contains } from '../../lib/forward/peer.js'
import { statisticsSchema } from './stats-schema.js'

/** The statistics as JSON, for the addresses that may see them; for others there is no such page. */
const stats: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  fastify.addHook('onRequest', (request, reply, done) => {
    if (contains(config.adminAllow, clientAddress(request.raw.socket))) done()
    else reply.callNotFound()
  })

  fastify.get('/stats', { schema: { response: { 200: statisticsSchema } } }, (_request, reply) => {
    reply.header('Cache-Control', 'no-store').send(fastify.statistics())
  })
}

export default stats
