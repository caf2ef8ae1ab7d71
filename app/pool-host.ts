import type { FastifyBaseLogger, FastifyInstance, FastifyPluginCallback } from 'fastify'

type Hook = () => Promise<unknown> | unknown

/**
 * What the plugins of a pool need of a Fastify instance: decorations, and hooks at the start and at the end. An instance
 * without a server costs some milliseconds, of which a file with hundreds of pools has hundreds.
 */
export class PoolHost {
  readonly log: FastifyBaseLogger
  readonly #onReady: Hook[] = []
  readonly #onClose: Hook[] = []
  #isClosed = false

  constructor(log: FastifyBaseLogger) {
    this.log = log
  }

  /** This, as plugins see it. */
  get instance(): FastifyInstance {
    return this as unknown as FastifyInstance
  }

  /** Runs a plugin; `fp` gives each the type of one with a callback, and all of a pool's are asynchronous. */
  async register<Options extends object>(
    plugin: FastifyPluginCallback<Options>,
    options = {} as Options
  ): Promise<void> {
    await (plugin as unknown as (pool: FastifyInstance, options: Options) => Promise<void>)(
      this.instance,
      options
    )
  }

  decorate(name: string, value: unknown): this {
    Object.defineProperty(this, name, { value, enumerable: true })
    return this
  }

  hasDecorator(name: string): boolean {
    return name in this
  }

  addHook(name: string, hook: Hook): this {
    if (name === 'onReady') this.#onReady.push(hook)
    else if (name === 'onClose') this.#onClose.push(hook)
    else throw new Error(`A pool has no hook ${name}`)
    return this
  }

  /** Starts what waits for that, in the order of registration. */
  async ready(): Promise<void> {
    for (const hook of this.#onReady) await hook()
  }

  /** Ends it, the last first. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const hook of this.#onClose.reverse()) await hook()
  }
}
