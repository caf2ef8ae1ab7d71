import type { FastifyReplyFromOptions } from '@fastify/reply-from'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { dispatcher, headersOf } from '../lib/proxy/dispatcher.js'
import type { Exchange } from '../lib/proxy/exchange.js'

/** Only there because reply-from wants one: the exchange knows its backend. */
const BASE = 'http://backend.invalid'

export type FromOptions = Parameters<FastifyReply['from']>[1]

/** Fields that reply-from may look for, and does not find. */
const NO_FIELDS = Object.freeze({})

/**
 * A reply, its request and the message of that, as far as reply-from looks at them: it copies the fields of the request,
 * and writes to the reply, while what is sent either way is the business of the exchange.
 */
class ForwardedReply {
  readonly method = 'GET'
  readonly url = '/'
  readonly headers = NO_FIELDS
  readonly httpVersionMajor = 1
  readonly complete = true
  readonly sent = false

  constructor(
    readonly reply: FastifyReply,
    readonly exchange: Exchange
  ) {}

  get request(): this {
    return this
  }

  get raw(): this {
    return this
  }

  get aborted(): boolean {
    return this.exchange.req.aborted
  }

  code(): void {}
}

/**
 * Lets the replies of a scope come from exchanges, which reply-from takes for requests of undici.
 * @param exchangeOf the exchange of a request
 * @returns loads reply-from, which the first reply would do otherwise: all of undici comes with it, for a tenth of a second
 */
export function decorateReplyFrom(
  fastify: FastifyInstance,
  exchangeOf: (request: FastifyRequest) => Exchange
): () => void {
  let from: FastifyReply['from'] | undefined
  const load = () => {
    from ??= replyFrom(fastify)
    return from
  }
  fastify.decorateReply('from', function (this: FastifyReply, source, options) {
    const forwarded = new ForwardedReply(this, exchangeOf(this.request))
    load().call(forwarded as unknown as FastifyReply, source, options)
    return this
  })
  return load
}

/** The `reply.from()` that reply-from decorates a scope with, which it may have started by now. */
function replyFrom(fastify: FastifyInstance): FastifyReply['from'] {
  const plugin = require('@fastify/reply-from') as typeof import('@fastify/reply-from').default
  let from: FastifyReply['from'] | undefined
  const scope = Object.create(fastify, {
    decorateReply: {
      value: (_name: string, value: FastifyReply['from']) => {
        from = value
      }
    },
    // It would look for a parser of bodies, which such scopes leave alone, and has nothing of ours to close.
    addHook: { value: () => scope },
    onClose: { value: () => scope }
  }) as FastifyInstance
  const options: FastifyReplyFromOptions = {
    base: BASE,
    undici: dispatcher as unknown as FastifyReplyFromOptions['undici'],
    disableRequestLogging: true
  }
  void plugin(scope, options, (error) => {
    if (error) throw error
  })
  return from!
}

/**
 * The options of `reply.from`, the same for all requests of a scope.
 * @param respond called once the exchange has the head of a response, or a failure
 */
export function fromOptions(respond: (reply: FastifyReply, exchange: Exchange) => void): FromOptions {
  return {
    rewriteRequestHeaders: ({ exchange }: ForwardedReply) => headersOf(exchange),
    onResponse: ({ reply, exchange }: ForwardedReply) => respond(reply, exchange),
    // Trying again is the exchange's business, which does so on another backend.
    retryDelay: () => null
  } as unknown as FromOptions
}
