import { setTimeout } from 'node:timers/promises'
import * as v from 'valibot'
import { RetryDelay } from '../../retry-delay.js'
import type { AccessReader } from '../access/access.js'
import { ApiCall, parseJson } from './api-call.js'
import { ApiError, describeApiFailure, GONE, UNAUTHORIZED, WatchEnd } from './api-error.js'
import { Lines } from './json-lines.js'
import { eventShape, listShape, objectShape } from './shapes.js'
import { errorOf } from './status.js'

/** Objects of a part of a list. */
const PAGE_SIZE = 100
const MAX_PAGE_BYTES = 67_108_864
const MAX_EVENT_BYTES = 8_388_608
const MAX_OBJECTS = 1000
const LIST_MS = 15_000
/** How long a watch is to last. It is a request for little, and bounds how long one that has died unseen is believed. */
const WATCH_MS = 60_000
/** What a watch may take beyond that. */
const OVERTIME_MS = 5000
/** One that ends sooner was no watch, whatever the API server said: it would be begun again and again. */
const LEAST_WATCH_MS = 1000
const LONGEST_LIST_DELAY_MS = 10_000
/** While lists are answered and watches break, what there is is known by lists alone. */
const LONGEST_WATCH_DELAY_MS = 3000

/** What is listed and watched, and who is told. */
export interface ListWatchOptions<T> {
  readonly access: AccessReader
  /** The path of the collection. */
  readonly path: string
  readonly labelSelector: string
  readonly watchMs?: number
  /** What is to be known of an object; undefined if it is none of those that are looked for. */
  read(name: string, object: unknown): T | undefined
  /** All that there are, by name. */
  onListed(objects: ReadonlyMap<string, T>): void
  /** One has changed, or is new; undefined if it is no more. */
  onChanged(name: string, object: T | undefined): void
  /** It cannot be told what there is. */
  onFailure(reason: string): void
}

/**
 * Follows the objects of a collection: they are listed, and then watched from the version of the list on. What a watch has
 * missed, or cannot know any more, is seen by another list.
 */
export class ListWatch<T> {
  readonly #options: ListWatchOptions<T>
  readonly #watchMs: number
  readonly #listDelay = new RetryDelay(LONGEST_LIST_DELAY_MS)
  readonly #watchDelay = new RetryDelay(LONGEST_WATCH_DELAY_MS)
  readonly #stopped = new AbortController()
  #call: ApiCall | undefined
  #version = ''
  /** Whether the latest watch was one: then what ends it is no trouble yet. */
  #isCalm = false

  constructor(options: ListWatchOptions<T>) {
    this.#options = options
    this.#watchMs = options.watchMs ?? WATCH_MS
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#stopped.abort()
    this.#call?.cancel()
    this.#options.access.stop()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      let delay = this.#listDelay
      try {
        await this.#list()
        delay.reset()
        delay = this.#watchDelay
        for (;;) await this.#watch()
      } catch (error) {
        if (signal.aborted) return
        const waitMs = this.#onError(error, delay)
        if (waitMs > 0) await setTimeout(waitMs, undefined, { ref: false, signal }).catch(() => {})
      }
    }
  }

  /** Returns in how many milliseconds it is to be tried again. */
  #onError(error: unknown, delay: RetryDelay): number {
    const wasCalm = this.#isCalm
    this.#isCalm = false
    // A watch that was cut, or knows too little, fails nothing: the list that follows may.
    const isWatch = error instanceof WatchEnd
    if (wasCalm && (isWatch || (error instanceof ApiError && error.statusCode === GONE))) return 0
    if (isWatch) return delay.next()
    this.#options.onFailure(describeApiFailure(error))
    return Math.max(delay.next(), error instanceof ApiError ? error.retryAfterMs : 0)
  }

  async #list(): Promise<void> {
    const objects = new Map<string, T>()
    for (let next = ''; ; ) {
      const call = await this.#get(
        { limit: `${PAGE_SIZE}`, ...(next === '' ? {} : { continue: next }) },
        LIST_MS
      )
      const page = v.safeParse(listShape, await call.json(MAX_PAGE_BYTES))
      if (!page.success) throw new ApiError('sent what is no list', 0)
      const { items, metadata } = page.output
      for (const item of items) {
        const { name } = metadataOf(item)
        const object = this.#options.read(name, item)
        if (object !== undefined) objects.set(name, object)
      }
      if (objects.size > MAX_OBJECTS) throw new ApiError(`lists more than ${MAX_OBJECTS} objects`, 0)
      this.#version = metadata.resourceVersion
      next = metadata.continue ?? ''
      if (next === '') break
      if (items.length === 0) throw new ApiError('sent an empty part of a list', 0)
    }
    this.#options.onListed(objects)
  }

  /** Returns when the API server has ended the watch, and it can go on. */
  async #watch(): Promise<void> {
    const beganMs = performance.now()
    const lines = new Lines(MAX_EVENT_BYTES)
    const query = {
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: `${Math.ceil(this.#watchMs / 1000)}`
    }
    let hasLasted = false
    try {
      const call = await this.#get(query, this.#watchMs + OVERTIME_MS)
      for await (const chunk of call.chunks())
        for (const line of lines.push(chunk)) this.#onEvent(parseJson(line))
    } catch (error) {
      throw error instanceof ApiError && error.statusCode !== GONE ? error : new WatchEnd()
    } finally {
      hasLasted = performance.now() - beganMs >= Math.min(this.#watchMs / 2, LEAST_WATCH_MS)
      if (hasLasted) {
        this.#isCalm = true
        this.#watchDelay.reset()
      }
    }
    if (lines.isWithin || !hasLasted) throw new WatchEnd()
  }

  #onEvent(value: unknown): void {
    const event = v.safeParse(eventShape, value)
    if (!event.success) throw new ApiError('sent what is no event', 0)
    const { type, object } = event.output
    if (type === 'ERROR') throw errorOf(object, 0)
    const { name, resourceVersion } = metadataOf(object)
    if (type !== 'BOOKMARK')
      this.#options.onChanged(name, type === 'DELETED' ? undefined : this.#options.read(name, object))
    if (resourceVersion) this.#version = resourceVersion
  }

  /** Asks, with what gives access read once more if it is rejected. */
  async #get(query: Readonly<Record<string, string>>, limitMs: number): Promise<ApiCall> {
    try {
      return await this.#open(query, limitMs, false)
    } catch (error) {
      if (!(error instanceof ApiError) || error.statusCode !== UNAUTHORIZED) throw error
      return this.#open(query, limitMs, true)
    }
  }

  async #open(
    query: Readonly<Record<string, string>>,
    limitMs: number,
    isRejected: boolean
  ): Promise<ApiCall> {
    const { access, path, labelSelector } = this.#options
    const given = await access.read(isRejected)
    this.#stopped.signal.throwIfAborted()
    const call = new ApiCall(given, `${path}?${new URLSearchParams({ labelSelector, ...query })}`, limitMs)
    this.#call = call
    await call.opened()
    return call
  }
}

/** @throws {ApiError} if it is no object of the API */
function metadataOf(object: unknown): {
  readonly name: string
  readonly resourceVersion?: string | null | undefined
} {
  const known = v.safeParse(objectShape, object)
  if (!known.success) throw new ApiError('sent an object without metadata', 0)
  return known.output.metadata
}
