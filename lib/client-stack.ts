import { Client, Dispatcher, errors } from 'undici'

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
  readonly #waiting: Waiting[] = []
  #turn = 0
  /** Whether the end of a turn is looked out for: once a turn, or they would be counted too fast. */
  #counting = false

  constructor(origin: URL, options: Client.Options) {
    super()
    this.#origin = origin
    this.#options = options
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: AbandonableHandler): boolean {
    if (this.#clients.size - this.#free.length < EAGER_REQUESTS) {
      this.#send(options, handler)
    } else {
      this.#waiting.push({ options, handler, turn: this.#turn })
      this.#countTurns()
    }
    return true
  }

  override close(): Promise<void>
  override close(callback: () => void): void
  override close(callback?: () => void): Promise<void> | undefined {
    // A client that was told to close takes no more.
    for (const { options, handler } of this.#takeWaiting()) this.#send(options, handler)
    return settled(
      [...this.#clients].map((client) => client.close()),
      callback
    )
  }

  override destroy(error?: Error | null): Promise<void>
  override destroy(callback: () => void): void
  override destroy(error: Error | null, callback: () => void): void
  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> | undefined {
    const reason = (typeof error === 'function' ? null : error) ?? new errors.ClientDestroyedError()
    for (const { handler } of this.#takeWaiting()) handler.onError?.(reason)
    return settled(
      [...this.#clients].map((client) => client.destroy(reason)),
      typeof error === 'function' ? error : callback
    )
  }

  #takeWaiting(): Waiting[] {
    return this.#waiting.splice(0)
  }

  #send(options: Dispatcher.DispatchOptions, handler: AbandonableHandler): void {
    if (handler.abandoned) return
    const client = this.#free.pop() ?? this.#open()
    client[FREE] = false
    client.dispatch(options, handler)
    // A request that undici refuses leaves the client idle, and mostly no event says so. If one does, it comes first.
    if (client.stats.size === 0) queueMicrotask(() => this.#onIdle(client))
  }

  #countTurns(): void {
    if (this.#counting) return
    this.#counting = true
    setImmediate(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    this.#turn++
    const waiting = this.#waiting
    let sent = 0
    while (sent < waiting.length && waiting[sent]!.turn + PATIENCE_TURNS <= this.#turn) sent++
    for (const { options, handler } of waiting.splice(0, sent)) this.#send(options, handler)
    this.#counting = false
    if (waiting.length > 0) this.#countTurns()
  }

  #onIdle(client: StackedClient): void {
    if (client[FREE] || !this.#clients.has(client)) return
    const { size, connected } = client.stats
    if (size > 0) return
    if (connected) {
      client[FREE] = true
      this.#free.push(client)
    } else {
      // It is of no more use than a new one, and on the stack it would hide those that are connected.
      this.#clients.delete(client)
    }
    while (this.#free.length > 0 && this.#waiting.length > 0) {
      const { options, handler } = this.#waiting.shift()!
      this.#send(options, handler)
    }
  }

  #open(): StackedClient {
    const client: StackedClient = new Client(this.#origin, this.#options)
    this.#clients.add(client)
    client.on('drain', () => this.#onIdle(client))
    client.on('disconnect', () => {
      // A busy one is told of when its request has ended.
      const index = this.#free.lastIndexOf(client)
      if (index === -1) return
      this.#free.splice(index, 1)
      this.#clients.delete(client)
    })
    return client
  }
}

function settled(ends: Promise<void>[], callback?: () => void): Promise<void> | undefined {
  const all = Promise.all(ends).then(() => {})
  if (!callback) return all
  all.then(callback, callback)
  return undefined
}
