import fp from 'fastify-plugin'
import { Registry } from '../lib/pool/registry.js'

const createPool = () => {
  throw new Error('The backends of a server with several pools belong to those')
}

/** Decorates a server that has several pools with a registry without backends, which holds what the server counts itself. */
export default fp(
  async (fastify) => {
    fastify.decorate(
      'registry',
      new Registry([], { createPool, initialState: 'healthy', cells: fastify.cells })
    )
  },
  { name: 'backend-registry', dependencies: ['cells'] }
)
