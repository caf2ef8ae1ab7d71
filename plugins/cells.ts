import type { FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import { OWN_CELLS, type SharedCells } from '../lib/base/cells/shared-cells.js'
import type { Followed } from '../lib/threads/followed.js'
import type { OwnerMessage } from '../lib/threads/messages.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where the state and the counters of this server are, which its threads share. */
    cells: SharedCells
    /** For what all threads would say alike: only that of the one that decides is written. */
    ownerLog: OwnerLog
    /** What this thread follows; undefined where it is the one that decides. */
    followed: Followed | undefined
    /** Tells the threads that follow this one; undefined where there are none. */
    tellThreads: ((message: OwnerMessage) => void) | undefined
  }
}

type OwnerLog = Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>

const SILENT: OwnerLog = { info: () => {}, warn: () => {}, error: () => {} }

export interface ThreadParts {
  /** Those of one thread if absent. */
  readonly cells?: SharedCells | undefined
  readonly followed?: Followed | undefined
  readonly tell?: ((message: OwnerMessage) => void) | undefined
}

/** Decorates the server, or a pool of it, with its place among the threads: by default it is the only one. */
export default fp<ThreadParts>(
  async (fastify, { cells = OWN_CELLS, followed, tell }) => {
    fastify.decorate('cells', cells)
    fastify.decorate('ownerLog', followed ? SILENT : fastify.log)
    fastify.decorate('followed', followed)
    fastify.decorate('tellThreads', tell)
  },
  { name: 'cells' }
)
