import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../lib/config/load.js'
import type { Fleet } from '../lib/fleet/fleet.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** What this balancer shares with others; undefined for one by itself. */
    fleet: Fleet | undefined
  }
}

/** Has the balancer share with others what clients expect to be the same at each. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    fastify.decorate('fleet', undefined)
    if (config.fleet) await join(fastify, config.fleet)
  },
  { name: 'fleet', dependencies: ['cells'] }
)

/** Loaded only where there is a store. */
async function join(fastify: FastifyInstance, options: NonNullable<Config['fleet']>): Promise<void> {
  const { Fleet } = require('../lib/fleet/fleet.js') as typeof import('../lib/fleet/fleet.js')
  const fleet = new Fleet(options, fastify.ownerLog)
  fastify.fleet = fleet
  fastify.addHook('onReady', () => fleet.start())
  fastify.addHook('onClose', () => fleet.close())
}
