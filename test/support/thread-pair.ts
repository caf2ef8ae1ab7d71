import type { AddressInfo } from 'node:net'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Test } from 'tap'
import { registerBalancer } from '../../app/balancer.js'
import { serverOptions } from '../../app/options.js'
import { type Config, loadConfig } from '../../lib/config/load.js'
import { ThreadClient } from '../../lib/threads/connections.js'
import adminRelay from '../../plugins/admin-relay.js'
import type { Env } from './processes.js'
import { atEnd } from './test.js'

interface Server {
  readonly fastify: FastifyInstance
  /** With what the balancer has decorated it. */
  readonly inner: FastifyInstance
  readonly port: number
}

/** Two servers as those of two threads: one asks the other for all that is below `/__lb/`. */
export interface ThreadPair {
  readonly owner: Server
  readonly follower: Server
  /** The end of the owner. */
  readonly port: MessagePort
}

export async function startPair(t: Test, env: Env = {}): Promise<ThreadPair> {
  const config = loadConfig({
    LB_BACKENDS: '127.0.0.1:1 127.0.0.1:2',
    LB_NO_HEALTH_CHECK: 'true',
    LB_STATS_INTERVAL: '0',
    LB_DRAIN_TIMEOUT: '2',
    ...env
  })
  const { port1, port2 } = new MessageChannel()
  const owner = await start(t, config)
  owner.inner.answerThread(port1)
  const follower = await start(t, config, new ThreadClient(port2))
  return { owner, follower, port: port1 }
}

async function start(t: Test, config: Config, client?: ThreadClient): Promise<Server> {
  const fastify = Fastify(serverOptions(config))
  let inner!: FastifyInstance
  const balancing = async (instance: FastifyInstance) => {
    inner = instance
    await registerBalancer(instance, config, { ownsProcess: false, owner: client })
    if (!client) await instance.register(adminRelay, { config })
  }
  await fastify.register(fp(balancing, { name: 'balancer', encapsulate: true }))
  atEnd(t, () => fastify.close())
  await fastify.listen({ host: '127.0.0.1', port: 0 })
  return { fastify, inner, port: (fastify.server.address() as AddressInfo).port }
}
