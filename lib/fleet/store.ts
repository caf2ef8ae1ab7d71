import { EventEmitter } from 'node:events'
import type IoRedis from 'ioredis'
import { describeNetworkError, networkErrorCode } from '../base/network-error.js'
import type { FleetOptions } from './options.js'
import { HEARTBEAT, ORDERS, SET_ORDER, TAKE } from './scripts.js'

/** Longest wait for an answer: what is decided meanwhile is decided without it. */
const TIMEOUT_MS = 100
/** After so long without an answer to anything it is said not to answer. */
const SILENT_MS = 500
const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 1000
const MEMBERS = 'fairlead:balancers'
const ORDER_KEYS = ['fairlead:orders', 'fairlead:orders:version'] as const
/** After so long without a heartbeat a balancer is forgotten. */
const LIFETIME_MS = 5000

/** A command that a script defines. */
type Scripted = (...args: (string | number)[]) => Promise<unknown>

interface Scripts {
  readonly heartbeat: Scripted
  readonly take: Scripted
  readonly setOrder: Scripted
  readonly orders: Scripted
}
type Client = IoRedis & Scripts

/** What the store says of the balancers. */
export interface FleetNews {
  /** How many there are. */
  readonly count: number
  /** Of their orders; 0 if there have been none. */
  readonly version: number
}

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
  /** Why there was no connection last, until there is an answer. */
  #connectionError: Error | undefined
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
        heartbeat: { lua: HEARTBEAT, numberOfKeys: 2 },
        take: { lua: TAKE },
        setOrder: { lua: SET_ORDER, numberOfKeys: 2 },
        orders: { lua: ORDERS, numberOfKeys: 2 }
      }
    })
    // Each failed command tells of it, but not why there is no connection.
    redis.on('error', (error) => {
      this.#connectionError = error
    })
    this.#redis = redis as Client
  }

  get status(): StoreStatus {
    return this.#status
  }

  /** Resolves when it is connected, or that has failed, which is an event too. */
  async connect(): Promise<void> {
    await this.#redis.connect().catch(() => {})
  }

  /** Says that a balancer is alive, and asks what there is to know. Rejects if the store does not answer. */
  async heartbeat(id: string): Promise<FleetNews> {
    const answer = await this.#ask(() => this.#redis.heartbeat(MEMBERS, ORDER_KEYS[1], id, LIFETIME_MS))
    const [count, version] = answer as [number, number]
    return { count: Number(count), version: Number(version) }
  }

  /** Sets an order, or ends it by an empty text. Rejects if the store does not answer. */
  async setOrder(key: string, text: string): Promise<void> {
    await this.#ask(() => this.#redis.setOrder(...ORDER_KEYS, key, text))
  }

  /** All orders, by their keys, and their version. Rejects if the store does not answer. */
  async orders(): Promise<{ readonly version: number; readonly orders: ReadonlyMap<string, string> }> {
    const [version, flat] = (await this.#ask(() => this.#redis.orders(...ORDER_KEYS))) as [number, string[]]
    const orders = new Map<string, string>()
    for (let i = 0; i < flat.length; i += 2) orders.set(flat[i]!, flat[i + 1]!)
    return { version: Number(version), orders }
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
      this.#connectionError = undefined
      this.#set(true, undefined)
      return answer
    } catch (error) {
      const nowMs = performance.now()
      this.#failingSinceMs ??= nowMs
      const fault = describe(error as Error, this.#connectionError)
      // One that has not answered yet is not called silent, but why it does not may be known.
      if (nowMs - this.#failingSinceMs >= SILENT_MS || !this.#status.isConnected) this.#set(false, fault)
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

/** Length of what a store says that is shown. */
export const MAX_TEXT = 200

/**
 * What an error of the client means. Those of its own have no code.
 * @param connectionError why there is no connection, if that is known
 */
function describe(error: Error, connectionError?: Error): string {
  if (error.name === 'ReplyError') return `it refuses: ${error.message.slice(0, MAX_TEXT)}`
  if (connectionError && error.message !== 'Command timed out') return describe(connectionError)
  if (networkErrorCode(error) !== 'Error') return describeNetworkError(error)
  return error.message === 'Command timed out' ? 'no answer in time' : 'not connected'
}
