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
export class OwnerThread {
  readonly cells: SharedCells
  readonly #config: Config
  readonly #directory = new CellDirectory()
  #group: ThreadGroup | undefined

  constructor(config: Config) {
    this.#config = config
    this.cells = new SharedCells({ count: config.threads, own: 0 }, this.#directory)
  }

  /** Tells the others, as soon as there are any. */
  readonly tell = (message: OwnerMessage): void => this.#group?.tell(message)

  /**
   * Has the other threads start when this one listens.
   * @returns to be called when another configuration has been applied
   */
  async start(fastify: FastifyInstance): Promise<(applied: GivenConfig) => void> {
    const config = this.#config
    let { given } = loadedAtStart()
    await fastify.register(adminRelay, { config })
    const options = { config, entry: FOLLOWER, directory: this.#directory, given: () => given }
    await fastify.register(threads, options)
    const group = fastify.threadGroup
    this.#group = group
    return (applied) => {
      given = applied
      group.tellState()
    }
  }
}
