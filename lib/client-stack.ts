import { Client, Dispatcher } from 'undici'

/** Requests that a backend is given at once, before more wait for a connection to come free. */
const EAGER_REQUESTS = 32
/** Turns of the event loop that they wait at the most. */
const PATIENCE_TURNS = 2

/** Whether a client is on the stack: it must never be there twice. */
const FREE = Symbol('free')

type StackedClient = Client & { [FREE]?: boolean }

interface Waiting {
  readonly options: Dispatcher.DispatchOptions
  readonly handler: AbandonableHandler
  readonly turn: number
}

/** A handler that can say that nobody waits for its response any more. */
export type AbandonableHandler = Dispatcher.DispatchHandler & { readonly abandoned?: boolean }

/**
 * Connections to one origin, each with one request at a time, on a stack: the one used last is used next, so that the
 * surplus of a burst falls idle and closes. undici's own pool looks for a free one from the start of its list, past all
 * that are busy.
 *
 * A busy balancer reads hundreds of requests in one turn of its event loop. Sent all at once they would take hundreds
 * of connections, and each would have left the processor's cache when its response comes. Beyond a fair number they
 * wait for one to come free, but for a turn of the loop only: on an idle balancer that is no time, and on a busy one
 * it is no time lost.
 */
export class ClientStack extends Dispatcher {
  readonly #origin: URL
  readonly #options: Client.Options
  readonly #clients = new Set<StackedClient>()
  readonly #free: StackedClient[] = []
  #waiting: Waiting[] = []
  #turn = 0

  constructor(origin: URL, options: Client.Options) {
    super()
    this.#origin = origin
    this.#options = options
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: AbandonableHandler): boolean {
    if (this.#clients.size - this.#free.length < EAGER_REQUESTS) {
      this.#send(options, handler)
    } else if (this.#waiting.push({ options, handler, turn: this.#turn }) === 1) {
      setImmediate(this.#endTurn)
    }
    return true
  }

  override close(): Promise<void>
  override close(callback: () => void): void
  override close(callback?: () => void): Promise<void> | undefined {
    return settled(
      [...this.#clients].map((client) => client.close()),
      callback
    )
  }

  override destroy(error?: Error | null): Promise<void>
  override destroy(callback: () => void): void
  override destroy(error: Error | null, callback: () => void): void
  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> | undefined {
    const reason = typeof error === 'function' ? null : (error ?? null)
    return settled(
      [...this.#clients].map((client) => client.destroy(reason)),
      typeof error === 'function' ? error : callback
    )
  }

  #send(options: Dispatcher.DispatchOptions, handler: AbandonableHandler): void {
    if (handler.abandoned) return
    const client = this.#free.pop() ?? this.#open()
    client[FREE] = false
    client.dispatch(options, handler)
    // A request that undici refuses leaves the client idle, and no event says so.
    if (client.stats.size === 0) this.#onFree(client)
  }

  readonly #endTurn = (): void => {
    this.#turn++
    const waiting = this.#waiting
    let sent = 0
    while (sent < waiting.length && waiting[sent]!.turn + PATIENCE_TURNS <= this.#turn) sent++
    if (sent > 0) {
      this.#waiting = waiting.slice(sent)
      for (let i = 0; i < sent; i++) this.#send(waiting[i]!.options, waiting[i]!.handler)
    }
    if (this.#waiting.length > 0) setImmediate(this.#endTurn)
  }

  #onFree(client: StackedClient): void {
    if (client[FREE] || !this.#clients.has(client)) return
    client[FREE] = true
    this.#free.push(client)
    const next = this.#waiting.shift()
    if (next) this.#send(next.options, next.handler)
  }

  #open(): StackedClient {
    const client: StackedClient = new Client(this.#origin, this.#options)
    this.#clients.add(client)
    client.on('drain', () => this.#onFree(client))
    client.on('disconnect', () => {
      // Busy, it comes back by itself; idle, it is of no more use than a new one.
      const index = this.#free.lastIndexOf(client)
      if (index === -1) return
      this.#free.splice(index, 1)
      this.#clients.delete(client)
    })
    client.on('connectionError', () => this.#clients.delete(client))
    return client
  }
}

function settled(ends: Promise<void>[], callback?: () => void): Promise<void> | undefined {
  const all = Promise.all(ends).then(() => {})
  if (!callback) return all
  all.finally(callback)
  return undefined
}
