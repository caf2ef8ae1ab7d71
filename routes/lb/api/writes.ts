import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import {
  backendExists,
  foreignOrigin,
  lastBackend,
  notSaved,
  unauthorized,
  versionChanged
} from '../../../lib/admin/api-error.js'
import type { BackendOptions, Orders } from '../../../lib/admin/backend-list.js'
import { BearerToken } from '../../../lib/admin/bearer-token.js'
import { isCrossSite } from '../../../lib/admin/cross-site.js'
import { matchesIfMatch } from '../../../lib/admin/if-match.js'
import { clientAddress } from '../../../lib/listener/client/connection-info.js'
import { backendView } from '../../../lib/observe/backend-view.js'
import type { BackendSpec } from '../../../lib/pool/spec/json-spec.js'
import { backendOf } from './backend-of.js'
import { checkType, readJson } from './body.js'
import { change, errors, ifMatch, params, replaced, spec, specs, view } from './schemas.js'

type Named = { Params: { address: string } }

/** The routes that change backends; they require the token. */
const writes: FastifyPluginAsync<{ token: string }> = async (fastify, { token }) => {
  const { backendList, registry } = fastify
  const bearer = new BearerToken(token)
  const security = [{ token: [] }]

  fastify.addHook('onRequest', async (request) => {
    const { headers, protocol, raw, routeOptions } = request
    if (isCrossSite(headers, protocol)) throw foreignOrigin()
    if (!bearer.isSentIn(raw.rawHeaders)) throw unauthorized()
    checkType(request, routeOptions.schema?.body !== undefined)
  })
  fastify.addHook('preValidation', async (request) => {
    if (request.routeOptions.schema?.body !== undefined) await readJson(request)
  })

  /** Makes a change unless `If-Match` names another version of the list, and resolves once it is saved. */
  const make = async <T>(request: FastifyRequest, reply: FastifyReply, act: () => T): Promise<T> => {
    if (!matchesIfMatch(backendList.version, request.headers['if-match'])) throw versionChanged()
    const result = act()
    reply.header('ETag', `"${backendList.version}"`)
    const client = clientAddress(request.raw.socket)
    request.log.info({ client }, `${request.method} ${request.url} by ${client}`)
    await fastify.backendListSaved().catch(() => {
      throw notSaved()
    })
    return result
  }

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

  fastify.post<{ Body: BackendSpec }>(
    '/backends',
    {
      schema: {
        operationId: 'addBackend',
        summary: 'Adds a backend, which gets requests once its first check has passed',
        security,
        headers: ifMatch,
        body: spec,
        response: { 201: view, ...errors }
      }
    },
    async (request, reply) => {
      const added = await make(request, reply, () => {
        const backend = backendList.add(request.body)
        if (!backend) throw backendExists()
        return backendView(backend)
      })
      reply
        .code(201)
        .header(
          'Location',
          `/__lb/api/backends/${added.address.replace(/[%/?#]|[^\x21-\x7e]/gu, encodeURIComponent)}`
        )
      return added
    }
  )

  fastify.put<{ Body: BackendSpec[] }>(
    '/backends',
    {
      schema: {
        operationId: 'replaceBackends',
        summary: 'Replaces the list, completely or not at all',
        description:
          'Backends in both lists keep their connections, health and counters; removed ones finish their requests. All orders end.',
        security,
        headers: ifMatch,
        body: specs,
        response: { 200: replaced, ...errors }
      }
    },
    (request, reply) =>
      make(request, reply, () => {
        const changes = backendList.replace(request.body)
        return { version: backendList.version, ...changes }
      })
  )

  fastify.patch<Named & { Body: Orders & BackendOptions }>(
    '/backends/:address',
    {
      schema: {
        operationId: 'changeBackend',
        summary: 'Changes the options and orders of a backend that are given',
        description: 'An option that is null is removed.',
        security,
        params,
        headers: ifMatch,
        body: change,
        response: { 200: view, ...errors }
      }
    },
    (request, reply) =>
      make(request, reply, () => {
        const backend = backendOf(registry, request.params)
        backendList.change(backend, request.body)
        return backendView(backend)
      })
  )

  fastify.delete<Named>(
    '/backends/:address',
    {
      schema: {
        operationId: 'removeBackend',
        summary: 'Removes a backend, which finishes its requests in flight',
        security,
        params,
        headers: ifMatch,
        response: { 204: { type: 'null', description: 'It is removed' }, ...errors }
      }
    },
    async (request, reply) => {
      await make(request, reply, () => {
        if (!backendList.remove(backendOf(registry, request.params))) throw lastBackend()
      })
      return reply.code(204).send()
    }
  )

  fastify.post<Named>(
    '/backends/:address/reset',
    {
      schema: {
        operationId: 'resetBackend',
        summary: 'Ends the ejection of a backend, and resets what led to it',
        security,
        params,
        headers: ifMatch,
        response: { 200: view, ...errors }
      }
    },
    (request, reply) =>
      make(request, reply, () => {
        const backend = backendOf(registry, request.params)
        backendList.reset(backend)
        return backendView(backend)
      })
  )
}

export default fp(writes, { name: 'lb/api/writes', encapsulate: true })
