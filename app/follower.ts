import './young-generation.js'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { CellDirectory } from '../lib/base/cells/directory.js'
import { SharedCells } from '../lib/base/cells/shared-cells.js'
import { type Config, type GivenConfig, loadWithVariables } from '../lib/config/load.js'
import { followChange } from '../lib/pool/follow-backends.js'
import { ThreadClient } from '../lib/threads/connections.js'
import { Followed } from '../lib/threads/followed.js'
import { Heartbeats } from '../lib/threads/heartbeat.js'
import type { FollowerData, OwnerMessage } from '../lib/threads/messages.js'
import { OwnerLink } from '../lib/threads/owner-link.js'
import { relayedLog } from '../lib/threads/relayed-log.js'
import { registerBalancer } from './balancer.js'
import { serverOptions } from './options.js'
import { growAsNeeded } from './young-generation.js'

// A thread of a balancer that has several: it serves as the first one does, and follows what that decides.

const configOf = ({ env, text }: GivenConfig): Config => loadWithVariables(env, text).config

/** As the owner serves: by what it started with, but for what a reload has changed. Without what is the owner's to do. */
function configAtStart({ started, given }: FollowerData): Config {
  const config = configOf(started)
  const { backends, routing } = given === started ? config : configOf(given)
  const tls = config.tls && { ...config.tls, redirectPort: 0 }
  return { ...config, backends, routing, tls, statsIntervalMs: 0, admin: { ...config.admin, stateFile: '' } }
}

class Follower {
  readonly #port: MessagePort
  readonly #link: OwnerLink
  readonly #directory: CellDirectory
  readonly #cells: SharedCells
  readonly #followed: Followed
  readonly #fastify: FastifyInstance
  #server: FastifyInstance | undefined
  /** Resolves when the latest message has been followed. */
  #latest = Promise.resolve()

  constructor(port: MessagePort, data: FollowerData) {
    this.#port = port
    this.#link = new OwnerLink(port)
    this.#directory = new CellDirectory(data.cells)
    this.#cells = new SharedCells(data.threads, this.#directory)
    this.#followed = new Followed(this.#link, data.threads, data)
    const config = configAtStart(data)
    const { logger: _logger, ...options } = serverOptions(config) as FastifyServerOptions
    const logger = relayedLog(data.logLevel, data.threads.own, (line) =>
      this.#link.send({ kind: 'log', line })
    )
    this.#fastify = Fastify({ ...options, logger } as object) as FastifyInstance
    const owner = new ThreadClient(data.adminPort)
    const parts = { ownsProcess: false, owner, cells: this.#cells, followed: this.#followed }
    const ends = [new Heartbeats(this.#cells).begin(), growAsNeeded()]
    this.#fastify.addHook('onClose', async () => {
      for (const end of ends) end()
    })
    void this.#fastify.register(async (instance) => {
      await registerBalancer(instance, config, parts)
      this.#server = instance
    })
  }

  async run({ fd, hasListened }: FollowerData): Promise<void> {
    const ready = Promise.resolve(this.#fastify.ready())
    // What changes while it starts, changes what it starts with.
    this.#latest = ready.then(() => {})
    this.#port.on('message', (message: OwnerMessage) => {
      if (message.kind === 'close') void this.#close(message)
      else
        this.#latest = this.#latest.then(() => this.#follow(message)).catch((error) => this.#onError(error))
    })
    await ready
    const { server } = this.#fastify
    const { listen } = server
    server.listen = ((_options: object, ...rest: []) => {
      // Otherwise it is being ended.
      if (Atomics.compareExchange(hasListened, 0, 0, 1) !== 0) return server
      return listen.call(server, { fd }, ...rest)
    }) as typeof listen
    const { own, count } = this.#cells.threads
    const listenTextResolver = () => `Thread ${own + 1} of ${count} accepts connections too`
    await this.#fastify.listen({ host: '127.0.0.1', port: 0, listenTextResolver })
    this.#link.send({ kind: 'listening' })
  }

  async #follow(message: Exclude<OwnerMessage, { kind: 'close' }>): Promise<void> {
    if (message.kind === 'cells') {
      this.#directory.follow(message.change)
    } else if (message.kind === 'backends') {
      const registry = this.#registryOf(message.pool)
      if (registry) followChange(registry, message.change)
    } else {
      this.#followed.replace(message.state)
      await this.#server!.routedPools?.apply(configOf(message.state.given).routing!)
    }
  }

  #registryOf(cells: string) {
    const { routedPools, registry } = this.#server!
    if (!routedPools) return registry
    return routedPools.running.find(({ instance }) => instance.cells.name === cells)?.instance.registry
  }

  #onError(error: Error): void {
    this.#fastify.log.error({ err: error }, `It does not follow: ${error.message}`)
  }

  async #close({ isHandover }: Extract<OwnerMessage, { kind: 'close' }>): Promise<void> {
    if (isHandover) this.#server!.drainTerms.handOver()
    await this.#fastify.close()
    this.#link.send({ kind: 'closed', hasCut: this.#server!.drainOutcome.hasCut })
    // Whatever is left running in it is not to hold up the end.
    process.exit()
  }
}

const data = workerData as FollowerData
void new Follower(parentPort!, data).run(data)
