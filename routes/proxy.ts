import { METHODS } from 'node:http'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { PROXIED_PATH } from '../lib/base/http/request-target.js'
import type { Config } from '../lib/config/load.js'
import { BalancerCell } from '../lib/pool/cells.js'
import { METHOD_OF_HTTP2, UNKNOWN_METHOD } from '../lib/proxy/failure.js'
import { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import { answerParserErrors } from '../lib/proxy/local-reply/parser-errors.js'
import { decorateReplyFrom, fromOptions } from './reply-from.js'
import { wayOf } from './way.js'

const FROM_OPTIONS = fromOptions((reply, exchange) => {
  reply.hijack()
  const { req, res, failure, by } = exchange
  if (failure) sendLocalReply(req, res, failure, undefined, by.route)
  else exchange.writeHead()
})

/** The catch-all: every method and target that is not the balancer's own goes to the backend of the exchange. No request comes here that goes past the router. */
const proxy: FastifyPluginAsync<{ config: Config }> = async (fastify, { config }) => {
  const { maxHeadBytes, methods } = config
  const loadReplyFrom = decorateReplyFrom(fastify, (request) => request.exchange!)
  fastify.addHook('onReady', async () => {
    if (wayOf(fastify, config.lane) !== 'direct') loadReplyFrom()
  })
  // Node would drop the fields of a head past its thousandth unseen, Content-Length with them; its size bounds them.
  fastify.server.maxHeadersCount = 0
  answerParserErrors(fastify.server, maxHeadBytes, (req, res) => {
    const failure = methods.has(req.method!) ? METHOD_OF_HTTP2 : UNKNOWN_METHOD
    fastify.rejectRequest(req, res, failure, BalancerCell.rejectedRequest)
  })
  // Methods without a body, for all that Fastify knows: it leaves the bodies alone, whatever their type.
  for (const method of METHODS)
    if (method !== 'CONNECT') fastify.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  fastify.route({
    method: fastify.supportedMethods,
    url: PROXIED_PATH,
    // Nothing is returned: Fastify would wait for it as for a promise.
    handler: (_request, reply) => {
      reply.from(PROXIED_PATH, FROM_OPTIONS)
    }
  })
}

export default fp(proxy, { name: 'proxy', encapsulate: true })
