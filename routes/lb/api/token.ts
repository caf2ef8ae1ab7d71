import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { foreignOrigin, unauthorized } from '../../../lib/admin/api-error.js'
import { BearerToken } from '../../../lib/admin/bearer-token.js'
import { isCrossSite } from '../../../lib/admin/cross-site.js'
import { checkType, readJson } from './body.js'
import { errors } from './schemas.js'

/** Lets only those into a scope who have the token, and reads the bodies that its routes want. */
export function requireToken(fastify: FastifyInstance, token: string): void {
  const bearer = new BearerToken(token)
  requireTokenOf(fastify, 'LB_ADMIN_TOKEN', () => bearer)
}

/**
 * The same with a token that depends on the request.
 * @param variable that it is set by
 * @param bearerOf undefined where no token would do
 */
export function requireTokenOf(
  fastify: FastifyInstance,
  variable: string,
  bearerOf: (request: FastifyRequest) => BearerToken | undefined
): void {
  fastify.addHook('onRequest', async (request) => {
    const { headers, protocol, raw, routeOptions } = request
    if (isCrossSite(headers, protocol)) throw foreignOrigin()
    if (!bearerOf(request)?.isSentIn(raw.rawHeaders)) throw unauthorized(variable)
    checkType(request, routeOptions.schema?.body !== undefined)
  })
  fastify.addHook('preValidation', async (request) => {
    if (request.routeOptions.schema?.body !== undefined) await readJson(request)
  })
}

/** The route that checks the token. */
const tokenCheck: FastifyPluginAsync<{ token: string }> = async (fastify, { token }) => {
  const security = [{ token: [] }]
  requireToken(fastify, token)

  fastify.get(
    '/token',
    {
      schema: {
        operationId: 'checkToken',
        summary: 'Checks the token',
        security,
        response: { 204: { type: 'null', description: 'It is valid' }, ...errors }
      }
    },
    (_request, reply) => {
      reply.code(204).send()
    }
  )
}

export default fp(tokenCheck, { name: 'lb/api/token', encapsulate: true })
