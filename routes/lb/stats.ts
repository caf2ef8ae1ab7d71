import { isIPv6 } from 'node:net'
import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../../lib/config/load.js'
import { clientAddress } from '../../lib/forward/request-head.js'
import { statisticsSchema } from './stats-schema.js'

/** The statistics as JSON, for the addresses that may see them; for others there is no such page. */
const stats: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  fastify.addHook('onRequest', (request, reply, done) => {
    const address = clientAddress(request.raw)
    if (config.adminAllow.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) done()
    else reply.callNotFound()
  })

  fastify.get('/stats', { schema: { response: { 200: statisticsSchema } } }, (_request, reply) => {
    reply.header('Cache-Control', 'no-store').send(fastify.statistics())
  })
}

export default stats
