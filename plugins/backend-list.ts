import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { BackendList } from '../lib/admin/list/backend-list.js'
import { StateFile } from '../lib/admin/list/state-file.js'
import { missingResource } from '../lib/base/shortage/resource.js'
import type { Config } from '../lib/config/load.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The list of backends, as operators change it. */
    backendList: BackendList
    /** Resolves when every change so far is in the state file, if there is one. */
    backendListSaved(): Promise<void>
    /** Undefined if changes are not kept. */
    stateFile: StateFile | undefined
  }
}

interface Options {
  readonly config: Config
  /** The same pool until its settings changed, whose list this one goes on with. */
  readonly predecessor?: FastifyInstance | undefined
}

const RETRY_MS = 1000

/**
 * Decorates the server with the list of backends, restored from the state file if there is one. Plugins that read the
 * registry come after this one.
 */
export default fp<Options>(
  async (fastify, { config, predecessor }) => {
    const { registry, members, backendFault, log } = fastify
    const backendList = new BackendList(registry, members, backendFault)
    const { stateFile } = config.admin
    const ownFile = () => (stateFile === '' ? undefined : new StateFile(stateFile, config))
    const file = predecessor ? predecessor.stateFile : ownFile()
    fastify.decorate('backendList', backendList)
    fastify.decorate('backendListSaved', () => file?.saved ?? Promise.resolve())
    fastify.decorate('stateFile', file)
    if (!file) return

    if (!predecessor) restore(file)
    backendList.on('configured', (configured) => file.configure(configured))
    let retry: NodeJS.Timeout | undefined
    let isShort = false
    const save = () => {
      clearTimeout(retry)
      file.save(backendList.stored).then(
        () => {
          isShort = false
        },
        (error) => {
          // A shortage passes, and the next change, which would write again, may be far away.
          const wasShort = isShort
          isShort = missingResource(error) !== undefined
          if (isShort) retry = setTimeout(save, RETRY_MS).unref()
          if (!wasShort) log.error({ err: error }, `${stateFile} could not be written`)
        }
      )
    }
    backendList.on('changed', save)
    // A failure has been logged already.
    fastify.addHook('onClose', () => {
      clearTimeout(retry)
      return file.saved.catch(() => {})
    })

    function restore(from: StateFile): void {
      const read = from.read()
      if ('outdated' in read)
        log.warn(`${stateFile} is ignored: LB_BACKENDS has changed since it was written`)
      else if ('fault' in read) log.error(`${stateFile} is ignored: ${read.fault}`)
      else if (read.stored) {
        try {
          backendList.restore(read.stored)
          log.info(`The backends are those of ${stateFile}`)
        } catch (error) {
          log.error(`${stateFile} is ignored: ${(error as Error).message}`)
        }
      }
    }
  },
  { name: 'backend-list', dependencies: ['discovery'] }
)
