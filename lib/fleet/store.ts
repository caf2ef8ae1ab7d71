import { EventEmitter } from 'node:events'
import type IoRedis from 'ioredis'
import { describeNetworkError, networkErrorCode } from '../base/network-error.js'
import type { FleetOptions } from './options.js'
import { HEARTBEAT, TAKE } from './scripts.js'

/** Longest wait for an answer: what is decided meanwhile is decided without it. */
const TIMEOUT_MS = 100
/** After so long without an answer to anything it is said not to answer. */
const SILENT_MS = 500
const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 1000
const MEMBERS = 'fairlead:balancers'
/** After so long without a heartbeat a balancer is forgotten. */
const LIFETIME_MS = 5000

/** A command that a script defines. */
type Scripted = (...args: (string | number)[]) => Promise<unknown>

type Client = IoRedis & { readonly heartbeat: Scripted; readonly take: Scripted }

/** What the store answers, and whether it does. */
export interface StoreStatus {
  readonly isConnected: boolean
  /** Since when it is or is not. */
  readonly since: Date
  /** Why not; undefined while it is. */
  readonly fault: string | undefined
}

/**
 * The store that balancers share, a Redis or Valkey. No command waits for a connection, and none is sent again: who
 * calls has to be able to do without, and repeats only what may be repeated.
 */
export class Store extends EventEmitter<{ change: [StoreStatus] }> {
  readonly #redis: Client
  #status: StoreStatus = { isConnected: false, since: new Date(), fault: 'not connected yet' }
  /** When it failed first since its latest answer. */
  #failingSinceMs: number | undefined

  constructor({ url, password }: FleetOptions) {
    super()
    const { Redis } = require('ioredis') as { Redis: typeof IoRedis }
    const redis = new Redis(url, {
      ...(password === '' ? {} : { password }),
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: TIMEOUT_MS,
      connectTimeout: 1000,
      retryStrategy: (tries) => Math.min(FIRST_RETRY_MS * tries, LONGEST_RETRY_MS),
      connectionName: 'fairlead',
      scripts: {
        heartbeat: { lua: HEARTBEAT, numberOfKeys: 1 },
        take: { lua: TAKE }
      }
    })
    // Each failed command tells of it.
    redis.on('error', () => {})
    this.#redis = redis as Client
  }

  get status(): StoreStatus {
    return this.#status
  }

  /** Resolves when it is connected, or that has failed, which is an event too. */
  async connect(): Promise<void> {
    await this.#redis.connect().catch(() => {})
  }

  /** Says that a balancer is alive, and asks how many are. Rejects if the store does not answer. */
  async heartbeat(id: string): Promise<number> {
    return Number(await this.#ask(() => this.#redis.heartbeat(MEMBERS, id, LIFETIME_MS)))
  }

  /** It is alive no more. */
  async leave(id: string): Promise<void> {
    await this.#ask(() => this.#redis.zrem(MEMBERS, id)).catch(() => {})
  }

  /** Runs the script that takes tokens. Rejects if the store does not answer. */
  async take(keys: readonly string[], args: readonly (string | number)[]): Promise<string[]> {
    return (await this.#ask(() => this.#redis.take(keys.length, ...keys, ...args))) as string[]
  }

  close(): void {
    this.#redis.disconnect()
  }

  async #ask<T>(command: () => Promise<T>): Promise<T> {
    try {
      const answer = await command()
      this.#failingSinceMs = undefined
      this.#set(true, undefined)
      return answer
    } catch (error) {
      const nowMs = performance.now()
      this.#failingSinceMs ??= nowMs
      if (nowMs - this.#failingSinceMs >= SILENT_MS) this.#set(false, describe(error as Error))
      throw error
    }
  }

  #set(isConnected: boolean, fault: string | undefined): void {
    const before = this.#status
    const hasChanged = before.isConnected !== isConnected
    this.#status = { isConnected, since: hasChanged ? new Date() : before.since, fault }
    if (hasChanged) this.emit('change', this.#status)
  }
}

/** What an error of the client means. Those of its own have no code. */
function describe(error: Error): string {
  if (networkErrorCode(error) !== 'Error') return describeNetworkError(error)
  return error.message === 'Command timed out' ? 'no answer in time' : 'not connected'
}
