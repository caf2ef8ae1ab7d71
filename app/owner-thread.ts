import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { CellDirectory } from '../lib/base/cells/directory.js'
import { SharedCells } from '../lib/base/cells/shared-cells.js'
import type { Config, GivenConfig } from '../lib/config/load.js'
import type { OwnerMessage } from '../lib/threads/messages.js'
import type { ThreadGroup } from '../lib/threads/thread-group.js'
import adminRelay from '../plugins/admin-relay.js'
import threads from '../plugins/threads.js'
import { loadedAtStart } from './start-config.js'

const FOLLOWER = path.join(__dirname, 'follower.js')

/** This thread as the one that decides, where there are several. */
export interface OwnerThread {
  readonly directory: CellDirectory
  readonly cells: SharedCells
  /** Tells the others, as soon as there are any. */
  readonly tell: (message: OwnerMessage) => void
  group?: ThreadGroup
}

export function ownerThread({ threads: count }: Config): OwnerThread {
  const directory = new CellDirectory()
  const cells = new SharedCells({ count, own: 0 }, directory)
  const owner: OwnerThread = { directory, cells, tell: (message) => owner.group?.tell(message) }
  return owner
}

/**
 * Has the other threads start when this one listens.
 * @returns to be called when another configuration has been applied
 */
export async function startThreads(
  fastify: FastifyInstance,
  config: Config,
  owner: OwnerThread
): Promise<(given: GivenConfig) => void> {
  let { given } = loadedAtStart()
  await fastify.register(adminRelay, { config })
  await fastify.register(threads, { config, entry: FOLLOWER, directory: owner.directory, given: () => given })
  const { threadGroup } = fastify
  owner.group = threadGroup
  return (applied) => {
    given = applied
    threadGroup.tellState()
  }
}
