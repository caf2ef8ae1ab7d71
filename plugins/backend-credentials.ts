import fp from 'fastify-plugin'
import { watchFiles } from '../lib/base/file-watch.js'
import type { Config } from '../lib/config/load.js'
import { BackendCredentials } from '../lib/transport/sockets/credentials.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** For TLS to backends. */
    backendCredentials: BackendCredentials
  }
}

/** What a pool shows its backends in TLS, and whom it trusts; read again when the files change. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { ownerLog } = fastify
    const credentials = new BackendCredentials(config.backendTls)
    fastify.decorate('backendCredentials', credentials)
    const read = () => {
      credentials.reload()
      ownerLog.info('The files of TLS to backends have changed: new connections go by them')
    }
    const watch = watchFiles(credentials.files, read, ({ message }) =>
      ownerLog.error(
        `The files of TLS to backends have changed and are wrong, so all stays as it was: ${message}`
      )
    )
    fastify.addHook('onClose', async () => watch.stop())
  },
  { name: 'backend-credentials', dependencies: ['cells'] }
)
