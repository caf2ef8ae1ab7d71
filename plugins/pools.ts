import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Pools } from '../lib/admin/pools.js'

export type { Pools }

declare module 'fastify' {
  interface FastifyInstance {
    /** The pools of backends in this server. */
    fairlead: Pools
  }
}

/** The scope that all others are in: each is made with the one around it as its prototype. */
function rootOf(fastify: FastifyInstance): FastifyInstance {
  let root = fastify
  for (let outer = fastify; 'server' in outer; outer = Object.getPrototypeOf(outer)) root = outer
  return root
}

/** Decorates the whole server with its pools, from whichever scope the first of them is registered in. */
export default fp(
  async (fastify) => {
    const root = rootOf(fastify)
    if (!root.hasDecorator('fairlead')) root.decorate('fairlead', new Pools())
  },
  { name: 'fairlead-pools' }
)
