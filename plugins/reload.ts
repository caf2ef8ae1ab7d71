import path from 'node:path'
import fp from 'fastify-plugin'
import { FileWatch } from '../lib/base/file-watch.js'
import { canOpenFiles } from '../lib/base/shortage/resource.js'
import { keepOnly } from '../lib/base/signal-listeners.js'
import { type Config, ConfigError, type GivenConfig } from '../lib/config/load.js'
import { ConfigSource } from '../lib/config/source.js'

const RETRY_MS = 1000

interface Options {
  readonly config: Config
  /**
   * Applies what may change while the server runs, and logs what has.
   * @param startMs when the reload began, by `performance.now()`
   */
  readonly apply: (config: Config, why: string, startMs: number) => void | Promise<void>
  /** Called when it has been applied. */
  readonly onApplied?: (given: GivenConfig) => void
  /** Whether a variable waits for the next start. */
  readonly isLater: (variable: string) => boolean
}

/**
 * Reloads the configuration on SIGHUP and when one of its files changes. What stays as it was keeps its connections, health
 * and counters. An invalid configuration changes nothing.
 */
export default fp<Options>(
  async (fastify, { config, apply, onApplied, isLater }) => {
    const { log } = fastify
    const source = new ConfigSource(process.env, path.resolve('.env'))
    const atStart = source.read().variables

    const reload = async (why: string) => {
      const startMs = performance.now()
      watch.noteReading()
      void fastify.serviceManager?.reloading()
      try {
        const next = source.read()
        if ((next.config.routing === undefined) !== (config.routing === undefined))
          throw new ConfigError(['LB_CONFIG: only the next start can begin or end with routes'])
        await apply(next.config, why, startMs)
        onApplied?.(next.given)
        const names = new Set([...Object.keys(atStart), ...Object.keys(next.variables)])
        const later = [...names].filter((name) => isLater(name) && next.variables[name] !== atStart[name])
        if (later.length > 0)
          log.warn({ variables: later }, `Only the next start takes over ${later.join(', ')}`)
      } catch (error) {
        const faults = error instanceof ConfigError ? error.faults : [(error as Error).message]
        log.error({ faults }, `The configuration stays as it is (${why}): ${faults.join('; ')}`)
      }
      void fastify.serviceManager?.ready()
    }
    // One after the other, and never one that a later one has overtaken.
    let latest = Promise.resolve()
    let waiting = 0
    const enqueue = (why: string) => {
      waiting++
      latest = latest.then(() => (--waiting === 0 ? reload(why) : undefined))
    }

    let retry: NodeJS.Timeout | undefined
    const onHangup = () => {
      clearTimeout(retry)
      if (canOpenFiles()) {
        enqueue('SIGHUP')
      } else {
        log.error('The configuration is read again when files can be opened (SIGHUP)')
        retry = retryReading()
      }
    }
    const retryReading = (): NodeJS.Timeout =>
      setTimeout(() => {
        if (canOpenFiles()) enqueue('SIGHUP')
        else retry = retryReading()
      }, RETRY_MS).unref()
    const watch = new FileWatch(source.files(config), () => enqueue('a file has changed'))
    // Until it serves, SIGHUP ends the process, by default and by fastify-cli's own listener.
    fastify.addHook('onListen', async () => {
      process.on('SIGHUP', onHangup)
      keepOnly('SIGHUP', onHangup)
    })
    fastify.addHook('preClose', async () => {
      watch.stop()
      clearTimeout(retry)
      process.removeListener('SIGHUP', onHangup)
    })
  },
  { name: 'reload' }
)
