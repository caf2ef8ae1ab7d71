import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../../lib/config/load.js'
import readiness from './readiness.js'
import stats from './stats.js'

/** Everything under `/__lb/`. */
const lb: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  fastify.setNotFoundHandler((_request, reply) => {
    reply.code(404).send({ statusCode: 404, error: 'Not Found', message: 'There is no such page' })
  })
  await fastify.register(readiness)
  await fastify.register(stats, { config })
}

export default lb
