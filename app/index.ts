import type { FastifyInstance } from 'fastify'
import { type Config, loadConfig } from '../lib/config/load.js'
import reload from '../plugins/reload.js'
import { registerBalancer } from './balancer.js'
import { serverOptions } from './options.js'

export interface AppOptions {
  /** Read from the environment if absent. */
  readonly config?: Config
}

/** What fastify-cli gives to the server, from the environment. */
export const options = serverOptions(loadConfig(process.env))

/** The load balancer, whole. */
export default async function app(fastify: FastifyInstance, opts: AppOptions): Promise<void> {
  if (fastify.prefix !== '')
    throw new Error(
      'A prefix (-x) would leave all other paths without an answer: the app has to be at the root'
    )
  const config = opts.config ?? loadConfig(process.env)
  await registerBalancer(fastify, config, true)
  // Who brings a configuration has it from somewhere else.
  if (!opts.config) await fastify.register(reload, { config })
}
