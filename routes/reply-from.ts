import replyFrom, { type FastifyReplyFromOptions } from '@fastify/reply-from'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { dispatcher, headersOf } from '../lib/proxy/dispatcher.js'
import type { Exchange } from '../lib/proxy/exchange.js'

/** Only there because reply-from wants one: the exchange knows its backend. */
const BASE = 'http://backend.invalid'

export type FromOptions = Parameters<FastifyReply['from']>[1]

/** Lets the replies of a scope come from exchanges, which reply-from takes for requests of undici. */
export async function registerReplyFrom(fastify: FastifyInstance): Promise<void> {
  await fastify.register(replyFrom, {
    base: BASE,
    undici: dispatcher as unknown as FastifyReplyFromOptions['undici'],
    disableRequestLogging: true
  })
}

/**
 * The options of `reply.from`, the same for all requests of a scope.
 * @param exchangeOf the exchange of a request
 * @param respond called once the exchange has the head of a response, or a failure
 */
export function fromOptions(
  exchangeOf: (request: FastifyRequest) => Exchange,
  respond: (request: FastifyRequest, reply: FastifyReply, exchange: Exchange) => void
): FromOptions {
  return {
    rewriteRequestHeaders: (request: FastifyRequest) => headersOf(exchangeOf(request)),
    onResponse: (request: FastifyRequest, reply: FastifyReply) =>
      respond(request, reply, exchangeOf(request)),
    // Trying again is the exchange's business, which does so on another backend.
    retryDelay: () => null
  } as unknown as FromOptions
}
