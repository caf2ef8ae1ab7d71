import type { FastifyInstance } from 'fastify'
import type { Config } from '../lib/config/load.js'
import { OF_ALL_POOLS } from '../lib/config/of-server.js'
import type { RoutedPools } from './routed-pools.js'
import { configureMembers, hasSameMembers } from './running-pool.js'

/** What a reload changes. */
interface Reloaded {
  readonly apply: (config: Config, why: string, startMs: number) => void | Promise<void>
  readonly isLater: (variable: string) => boolean
}

/** Of a server with one pool: its backends. */
export function reloadedBackends(fastify: FastifyInstance, started: Config): Reloaded {
  const { log } = fastify
  let current = started
  return {
    apply: (config, why) => {
      if (hasSameMembers(config, current)) {
        log.info(`The configuration was read again (${why}): its backends are the same`)
        return
      }
      current = config
      const change = configureMembers(fastify, config)
      const { added, removed, reconfigured } = change
      const counts = `${added.length} join, ${removed.length} leave, ${reconfigured.length} are set up anew`
      log.info(change, `Backends were read again (${why}): ${counts}`)
    },
    isLater: (variable) => variable !== 'LB_BACKENDS'
  }
}

const OF_SERVER: ReadonlySet<string> = new Set(OF_ALL_POOLS)

/** Of a server with routes: pools, with all that is theirs, and routes. */
export function reloadedRoutes({ log }: FastifyInstance, pools: RoutedPools): Reloaded {
  return {
    apply: async ({ routing }, why, startMs) => {
      const change = await pools.apply(routing!)
      const { added, removed, changed } = change
      const durationMs = Math.round(performance.now() - startMs)
      const counts = `${added.length} pools join, ${removed.length} leave, ${changed.length} are others`
      log.info(
        { ...change, routes: routing!.routes.length, durationMs },
        `Pools and routes were read again (${why}): ${counts}`
      )
    },
    isLater: (variable) => OF_SERVER.has(variable)
  }
}
