import type { FastifyInstance } from 'fastify'
import type { Config } from '../lib/config/load.js'
import type { sendLocalReply } from '../lib/proxy/local-reply/local-reply.js'
import access from '../plugins/access.js'
import accessLog from '../plugins/access-log.js'
import type { ThreadParts } from '../plugins/cells.js'
import fleet from '../plugins/fleet.js'
import localReplies from '../plugins/local-replies.js'
import metrics from '../plugins/metrics.js'
import statistics from '../plugins/statistics.js'
import tracing from '../plugins/tracing.js'

export interface ServerParts extends ThreadParts {
  readonly config: Config
  /** Registers what owns the client connections, which the statistics count. */
  readonly registerListener: () => Promise<void>
  /** Writes the answer for a failure; as the balancer does if absent. */
  readonly answer?: typeof sendLocalReply
}

/** Registers what a server has once, however many pools it has: they are known by now. */
export async function registerServerParts(
  fastify: FastifyInstance,
  { config, registerListener, answer }: Omit<ServerParts, keyof ThreadParts>
): Promise<void> {
  await registerListener()
  await fastify.register(fleet, { config })
  // A thread that follows another shows nothing itself.
  if (!fastify.followed) {
    await fastify.register(metrics)
    await fastify.register(statistics, { config })
  }
  await fastify.register(tracing, { config })
  await fastify.register(accessLog, { config })
  await fastify.register(access, { config })
  await fastify.register(localReplies, { config, answer })
}
