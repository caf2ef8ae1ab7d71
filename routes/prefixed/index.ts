import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import type { Config } from '../../lib/config/load.js'
import { requestId } from '../../lib/listener/request-id.js'
import { BalancerCell } from '../../lib/pool/cells.js'
import { hasLeft } from '../../lib/proxy/client-side.js'
import type { Exchange } from '../../lib/proxy/exchange.js'
import { AMBIGUOUS_PATH, type Failure, TARGET_TOO_LONG } from '../../lib/proxy/failure.js'
import type { Prefix } from '../../lib/routing/prefix.js'
import { decorateReplyFrom, fromOptions } from '../reply-from.js'
import { clientSide } from './client-side.js'
import { fail } from './fail.js'
import { acceptUpgrades, upgradeOf } from './upgrade.js'

/** How a request was refused, without an answer so far. */
export interface Rejection {
  readonly failure: Failure
  readonly fields: readonly string[] | undefined
}

interface Options {
  readonly config: Config
  readonly pool: FastifyInstance
  readonly cut: Prefix
  /** How the pool has just refused a request. */
  readonly takeRejection: () => Rejection | undefined
  /** Whether connections may change to another protocol. */
  readonly websocket: boolean
}

/** No name, as an application may have decorated its requests with any. */
const EXCHANGE = Symbol('exchange')

declare module 'fastify' {
  interface FastifyRequest {
    [EXCHANGE]: Exchange | null
  }
}

const SOURCE = '/'

const SENT = fromOptions((reply, exchange) => {
  if (exchange.failure) {
    fail(reply, exchange, exchange.failure)
    return
  }
  reply.hijack()
  exchange.writeHead()
  if (exchange.changesProtocol) exchange.startTunnel(upgradeOf(reply.request.raw)!.early)
})

/**
 * All that is below the prefix of this scope, in a server with routes of its own: the hooks of the application have had
 * their say by then, its parsers have not.
 */
const prefixed: FastifyPluginAsync<Options> = async (fastify, options) => {
  const { config, pool, cut, takeRejection, websocket } = options
  const { bufferSizeBytes, limits } = config
  if (websocket) acceptUpgrades(fastify, cut)
  decorateReplyFrom(fastify, (request) => request[EXCHANGE]!)()
  fastify.decorateRequest(EXCHANGE, null)
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (request, payload, done) => {
    const isReplaced = (payload as unknown) !== request.raw
    done(
      isReplaced
        ? new Error('A preParsing hook has taken the body, which was to be passed on as it is')
        : null
    )
  })

  // Nothing is returned: Fastify would wait for it as for a promise.
  const handler = (request: FastifyRequest, reply: FastifyReply): void => {
    if (hasLeft(request.raw, reply.raw)) {
      reply.hijack()
      return
    }
    if (request.raw.readableDidRead)
      throw new Error('A hook has read the body, which was to be passed on as it is')
    const client = clientSide(request, reply, bufferSizeBytes)
    const { req, res } = client
    if (pool.tryLocalReply(req, res)) {
      const rejection = takeRejection()
      if (rejection) fail(reply, client, rejection.failure, rejection.fields)
      else reply.hijack()
      return
    }
    const target = targetBehindPrefix(request.raw.url!)
    if (typeof target === 'string') {
      const id = requestId(req, request.id)
      const exchange = pool.forwarder.open(req, res, target, id, upgradeOf(req)?.protocols)
      if (exchange) {
        request[EXCHANGE] = exchange
        reply.from(SOURCE, SENT)
        return
      }
    } else {
      pool.rejectRequest(req, res, target, BalancerCell.rejectedRequest)
    }
    const { failure, fields } = takeRejection()!
    fail(reply, client, failure, fields)
  }

  function targetBehindPrefix(target: string): string | Failure {
    if (target.length > limits.targetBytes) return TARGET_TOO_LONG
    return cut.rewrite(target) ?? AMBIGUOUS_PATH
  }

  for (const url of urlsOf(fastify)) {
    const method = methodsLeft(fastify, url)
    if (method.length > 0) fastify.route({ method, url, exposeHeadRoute: false, handler })
  }
}

/** What a scope registers for all that is below its prefix: `/*` alone is for the prefix with a `/` behind it as well. */
function urlsOf({ prefix }: FastifyInstance): string[] {
  return prefix === '' || prefix.endsWith('/') ? ['/*'] : ['', '/*']
}

/** The methods for which the application has no route of exactly this kind. If it has one for each, Fastify says so. */
function methodsLeft(fastify: FastifyInstance, url: string): string[] {
  const path = fastify.prefix.replace(/\/$/, '') + url
  const paths = path === '/*' ? [path, '*'] : [path]
  const left = fastify.supportedMethods.filter((method) =>
    paths.every((each) => !fastify.hasRoute({ method: method as HTTPMethods, url: each }))
  )
  return left.length === 0 && url !== '' ? fastify.supportedMethods : left
}

export default prefixed
