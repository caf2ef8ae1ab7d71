import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../lib/config/load.js'
import { ConfigSource } from '../lib/config/source.js'
import { commandLine } from '../lib/service/command-line.js'
import handover from '../plugins/handover.js'
import reload from '../plugins/reload.js'
import serviceManager from '../plugins/service-manager.js'
import { registerBalancer } from './balancer.js'
import { predecessor, takeSockets } from './handover.js'
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
  const owner = ownerThread(config)
  if (owner && opts.config)
    throw new Error('Several threads read the environment: their configuration cannot be passed in')
  const sockets = takeSockets()
  await registerBalancer(fastify, config, {
    ownsProcess: true,
    sockets,
    cells: owner?.cells,
    tell: owner?.tell
  })
  const stop = growAsNeeded()
  fastify.addHook('onClose', async () => stop())
  // A configuration that was passed in has no files to reload.
  if (opts.config) return
  await fastify.register(serviceManager)
  const { routedPools } = fastify
  const reloaded = routedPools ? reloadedRoutes(fastify, routedPools) : reloadedBackends(fastify, config)
  const onApplied = await owner?.start(fastify)
  await fastify.register(reload, { config, ...reloaded, onApplied })
  await fastify.register(handover, { config, predecessor, command: commandOfThis() })
}

/** Undefined where this thread is the only one; what several need is not loaded then. */
function ownerThread(config: Config): OwnerThread | undefined {
  if (config.threads === 1) return undefined
  const { OwnerThread: Owner } = require('./owner-thread.js') as typeof import('./owner-thread.js')
  return new Owner(config)
}

/** What this process was started with; `.env` is read again by the next one. */
function commandOfThis() {
  const { execPath, env } = process
  const { givenEnv } = new ConfigSource(env, path.resolve('.env'))
  return { program: execPath, args: commandLine(), env: givenEnv }
}
