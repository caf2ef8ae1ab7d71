import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { LoadBalancerOptions } from '../lib/config/options.js'
import { loadBalancerConfig } from '../lib/config/program.js'
import { registerBalancer } from './balancer.js'
import { serverOptions } from './options.js'
import { ServerPools } from './server-pools.js'

/** Where the log goes, as in Fastify's options. */
export type LogOptions = Pick<FastifyServerOptions, 'logger' | 'loggerInstance'>

/** A whole load balancer, as a program has it. */
export type LoadBalancer = FastifyInstance & {
  /** Its pools: once it is ready, `fairlead.pool()` is the only one, and `fairlead.pool('web')` one of several. */
  readonly fairlead: ServerPools
}

/**
 * Creates a load balancer that does not listen yet, from options alone: no variables and no files of settings are read.
 * @param options settings, `pools` and `routes`, in the words of a file
 * @param log without it nothing is logged
 * @throws {ConfigError} naming everything that is wrong with the options
 */
export function createLoadBalancer(options: LoadBalancerOptions, log: LogOptions = {}): LoadBalancer {
  const config = loadBalancerConfig(options)
  const { logger: _logger, ...server } = serverOptions(config) as FastifyServerOptions
  const { logger, loggerInstance } = log
  const fastify = Fastify({
    ...server,
    ...(logger === undefined ? {} : { logger }),
    ...(loggerInstance === undefined ? {} : { loggerInstance })
  } as object)
  const pools = new ServerPools(options)
  fastify.decorate('fairlead', pools)
  void fastify.register(async (instance) => {
    await registerBalancer(instance, config, { ownsProcess: false })
    pools.begin(instance)
  })
  return fastify as FastifyInstance as LoadBalancer
}
