import fp from 'fastify-plugin'
import { OWN_CELLS, type SharedCells } from '../lib/base/cells/shared-cells.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where the state and the counters of this server are, which its threads share. */
    cells: SharedCells
  }
}

/** Decorates the server, or a pool of it, with the place of its cells: those of one thread unless others are given. */
export default fp<{ readonly cells?: SharedCells | undefined }>(
  async (fastify, { cells = OWN_CELLS }) => {
    fastify.decorate('cells', cells)
  },
  { name: 'cells' }
)
