import type { FastifyInstance } from 'fastify'
import type { LaneMode, LaneWay } from '../lib/listener/http1/lane/options.js'

/** The hooks of requests, of which the scope of the proxied routes has one: that which opens the exchange. */
const OWN_HOOKS = ['onRequest']
const REQUEST_HOOKS = [
  'onRequest',
  'preParsing',
  'preValidation',
  'preHandler',
  'preSerialization',
  'onSend',
  'onResponse',
  'onError',
  'onTimeout',
  'onRequestAbort'
] as const

type Hooks = Readonly<Record<(typeof REQUEST_HOOKS)[number], readonly unknown[]>>

/**
 * The names of the hooks of requests that a scope has beside the balancer's own, which all requests are to pass. If
 * Fastify keeps them where they are not found, that is told as one.
 */
export function foreignHooks(fastify: FastifyInstance): string[] {
  const key = Object.getOwnPropertySymbols(fastify).find(({ description }) => description === 'fastify.hooks')
  const hooks = key && (fastify as unknown as Record<symbol, Hooks>)[key]
  if (!hooks) return ['unknown']
  return REQUEST_HOOKS.filter((name) => (hooks[name]?.length ?? 0) > (OWN_HOOKS.includes(name) ? 1 : 0))
}

/** Which way the requests of a scope take, once all hooks have been added. */
export function wayOf(fastify: FastifyInstance, mode: LaneMode): LaneWay {
  if (mode !== 'auto') return mode
  return foreignHooks(fastify).length === 0 ? 'direct' : 'routed'
}
