import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../../../lib/config/load.js'
import document from './document.js'
import { describeFault } from './errors.js'
import poolList from './pools.js'
import reads from './reads.js'
import tokenCheck from './token.js'
import writes from './writes.js'

/** The API for operators. Without a token it has no routes that change anything. */
const api: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const { token } = config.admin
  fastify.setSchemaErrorFormatter(describeFault)
  fastify.addHook('onSend', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store').header('X-Content-Type-Options', 'nosniff')
  })
  poolList(fastify)
  if (token !== '') await fastify.register(tokenCheck, { token })
  for (const place of [{ ofPool: false }, { ofPool: true, prefix: '/pools/:pool' }]) {
    reads(fastify, place)
    if (token !== '') await fastify.register(writes, { ...place, token })
  }
  document(fastify)
}

export default fp(api, { name: 'lb/api', encapsulate: true })
