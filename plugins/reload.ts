import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fp from 'fastify-plugin'
import { FileWatch } from '../lib/base/file-watch.js'
import { canOpenFiles } from '../lib/base/shortage/resource.js'
import { type Config, ConfigError } from '../lib/config/load.js'
import { ConfigSource } from '../lib/config/source.js'

/** Variables that a reload applies. */
const RELOADED = new Set(['LB_BACKENDS'])
const RETRY_MS = 1000

/**
 * Reloads the configuration on SIGHUP and when one of its files changes, and applies the list of backends: unchanged
 * ones keep their connections, health and counters. An invalid configuration changes nothing.
 */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    const { backendList, log } = fastify
    const source = new ConfigSource(process.env, path.resolve('.env'))
    const atStart = source.read().variables
    let { backends } = config

    const reload = (why: string) => {
      try {
        const next = source.read()
        if (next.config.routing) throw new ConfigError(['LB_CONFIG: pools and routes are not available yet'])
        if (isDeepStrictEqual(next.config.backends, backends)) {
          log.info(`The configuration was read again (${why}): its backends are the same`)
        } else {
          backends = next.config.backends
          const change = backendList.configure(backends)
          const { added, removed, reconfigured } = change
          const counts = `${added.length} join, ${removed.length} leave, ${reconfigured.length} are set up anew`
          log.info(change, `Backends were read again (${why}): ${counts}`)
        }
        const names = new Set([...Object.keys(atStart), ...Object.keys(next.variables)])
        const later = [...names].filter(
          (name) => !RELOADED.has(name) && next.variables[name] !== atStart[name]
        )
        if (later.length > 0)
          log.warn({ variables: later }, `Only the next start takes over ${later.join(', ')}`)
      } catch (error) {
        const faults = error instanceof ConfigError ? error.faults : [(error as Error).message]
        log.error({ faults }, `The configuration stays as it is (${why}): ${faults.join('; ')}`)
      }
    }

    let retry: NodeJS.Timeout | undefined
    const onHangup = () => {
      clearTimeout(retry)
      if (canOpenFiles()) {
        reload('SIGHUP')
      } else {
        log.error('The configuration is read again when files can be opened (SIGHUP)')
        retry = retryReading()
      }
    }
    const retryReading = (): NodeJS.Timeout =>
      setTimeout(() => {
        if (canOpenFiles()) reload('SIGHUP')
        else retry = retryReading()
      }, RETRY_MS).unref()
    const watch = new FileWatch(source.files(config), () => reload('a file has changed'))
    // Until it serves, SIGHUP ends the process, by default and by fastify-cli's own listener.
    fastify.addHook('onListen', async () => {
      process.removeAllListeners('SIGHUP')
      process.on('SIGHUP', onHangup)
    })
    fastify.addHook('preClose', async () => {
      watch.stop()
      clearTimeout(retry)
      process.removeListener('SIGHUP', onHangup)
    })
  },
  { name: 'reload', dependencies: ['backend-list'] }
)
