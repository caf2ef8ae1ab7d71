import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import {
  backendExists,
  beingReplaced,
  lastBackend,
  notSaved,
  versionChanged
} from '../../../lib/admin/api-error.js'
import { matchesIfMatch } from '../../../lib/admin/if-match.js'
import type { BackendOptions, Orders } from '../../../lib/admin/list/orders.js'
import type { RunningPool } from '../../../lib/admin/pool-set.js'
import { clientAddress } from '../../../lib/listener/client/connection-info.js'
import { backendView } from '../../../lib/observe/backend-view.js'
import type { BackendSpec } from '../../../lib/pool/spec/json-spec.js'
import { backendOf, type Named, poolOf } from './backend-of.js'
import {
  change,
  errors,
  ifMatch,
  operation,
  type Place,
  params,
  poolParams,
  replaced,
  spec,
  specs,
  view
} from './schemas.js'
import { requireToken } from './token.js'

/** The routes that change backends; they require the token. */
const writes: FastifyPluginAsync<Place & { token: string }> = async (fastify, { token, ofPool }) => {
  const { poolSet, succession } = fastify
  const security = [{ token: [] }]
  requireToken(fastify, token)

  /** Makes a change to a pool unless `If-Match` names another version of its list, and resolves once it is saved. */
  const make = async <T>(
    request: FastifyRequest,
    reply: FastifyReply,
    act: (pool: RunningPool) => T
  ): Promise<T> => {
    if (succession.hasBegun) throw beingReplaced()
    const pool = poolOf(poolSet, request)
    const { backendList } = pool
    if (!matchesIfMatch(backendList.version, request.headers['if-match'])) throw versionChanged()
    const result = act(pool)
    reply.header('ETag', `"${backendList.version}"`)
    const client = clientAddress(request.raw.socket)
    request.log.info({ client }, `${request.method} ${request.url} by ${client}`)
    await pool.backendListSaved().catch(() => {
      throw notSaved()
    })
    return result
  }

  fastify.post<{ Body: BackendSpec }>(
    '/backends',
    {
      schema: {
        ...operation('addBackend', ofPool),
        summary: 'Adds a backend, which gets requests once its first check has passed',
        security,
        ...(ofPool ? { params: poolParams } : {}),
        headers: ifMatch,
        body: spec,
        response: { 201: view, ...errors }
      }
    },
    async (request, reply) => {
      const added = await make(request, reply, ({ name, backendList }) => {
        const backend = backendList.add(request.body)
        if (!backend) throw backendExists()
        return backendView(backend, name)
      })
      reply
        .code(201)
        .header(
          'Location',
          `/__lb/api/${ofPool ? `pools/${added.pool}/` : ''}backends/${added.address.replace(/[%/?#]|[^\x21-\x7e]/gu, encodeURIComponent)}`
        )
      return added
    }
  )

  fastify.put<{ Body: BackendSpec[] }>(
    '/backends',
    {
      schema: {
        ...operation('replaceBackends', ofPool),
        summary: 'Replaces the list, completely or not at all',
        description:
          'Backends in both lists keep their connections, health and counters; removed ones finish their requests. All orders end.',
        security,
        ...(ofPool ? { params: poolParams } : {}),
        headers: ifMatch,
        body: specs,
        response: { 200: replaced, ...errors }
      }
    },
    (request, reply) =>
      make(request, reply, ({ backendList }) => {
        const changes = backendList.replace(request.body)
        return { version: backendList.version, ...changes }
      })
  )

  fastify.patch<Named & { Body: Orders & BackendOptions }>(
    '/backends/:address',
    {
      schema: {
        ...operation('changeBackend', ofPool),
        summary: 'Changes the options and orders of a backend that are given',
        description: 'An option that is null is removed.',
        security,
        params: params(ofPool),
        headers: ifMatch,
        body: change,
        response: { 200: view, ...errors }
      }
    },
    (request, reply) =>
      make(request, reply, (pool) => {
        const backend = backendOf(pool, request.params)
        pool.backendList.change(backend, request.body)
        return backendView(backend, pool.name)
      })
  )

  fastify.delete<Named>(
    '/backends/:address',
    {
      schema: {
        ...operation('removeBackend', ofPool),
        summary: 'Removes a backend, which finishes its requests in flight',
        security,
        params: params(ofPool),
        headers: ifMatch,
        response: { 204: { type: 'null', description: 'It is removed' }, ...errors }
      }
    },
    async (request, reply) => {
      await make(request, reply, (pool) => {
        if (!pool.backendList.remove(backendOf(pool, request.params))) throw lastBackend()
      })
      return reply.code(204).send()
    }
  )

  fastify.post<Named>(
    '/backends/:address/reset',
    {
      schema: {
        ...operation('resetBackend', ofPool),
        summary: 'Ends the ejection of a backend, and resets what led to it',
        security,
        params: params(ofPool),
        headers: ifMatch,
        response: { 200: view, ...errors }
      }
    },
    (request, reply) =>
      make(request, reply, (pool) => {
        const backend = backendOf(pool, request.params)
        pool.backendList.reset(backend)
        return backendView(backend, pool.name)
      })
  )
}

export default fp(writes, { name: 'lb/api/writes', encapsulate: true })
