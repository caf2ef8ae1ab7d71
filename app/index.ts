import type { FastifyInstance } from 'fastify'
import type { Config } from '../lib/config/load.js'
import reload from '../plugins/reload.js'
import { registerBalancer } from './balancer.js'
import { serverOptions } from './options.js'
import type { OwnerThread } from './owner-thread.js'
import { reloadedBackends, reloadedRoutes } from './reloaded.js'
import { startConfig } from './start-config.js'
import { growAsNeeded } from './young-generation.js'

export interface AppOptions {
  /** Read from the environment if absent. */
  readonly config?: Config
}

/** Options that fastify-cli passes to the server, from the environment. */
export const options = serverOptions(startConfig())

/** The whole load balancer, for `fastify start app`. */
export default async function app(fastify: FastifyInstance, opts: AppOptions): Promise<void> {
  if (fastify.prefix !== '')
    throw new Error(
      'A prefix (-x) would leave all other paths without an answer: the app has to be at the root'
    )
  const config = opts.config ?? startConfig()
  const threads = threadsOf(config)
  if (threads && opts.config)
    throw new Error('Several threads read the environment: their configuration cannot be passed in')
  await registerBalancer(fastify, config, { ownsProcess: true, cells: threads?.cells, tell: threads?.tell })
  const stop = growAsNeeded()
  fastify.addHook('onClose', async () => stop())
  // A configuration that was passed in has no files to reload.
  if (opts.config) return
  const { routedPools } = fastify
  const reloaded = routedPools ? reloadedRoutes(fastify, routedPools) : reloadedBackends(fastify, config)
  const onApplied = threads && (await startThreads(fastify, config, threads))
  await fastify.register(reload, { config, ...reloaded, onApplied })
}

// What several threads need is loaded only where there are some.
const startThreads: typeof import('./owner-thread.js').startThreads = (...args) =>
  (require('./owner-thread.js') as typeof import('./owner-thread.js')).startThreads(...args)

/** Undefined where this thread is the only one. */
function threadsOf(config: Config): OwnerThread | undefined {
  if (config.threads === 1) return undefined
  return (require('./owner-thread.js') as typeof import('./owner-thread.js')).ownerThread(config)
}
