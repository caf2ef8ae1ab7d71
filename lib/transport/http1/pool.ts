import type { OnReadOpts, Socket } from 'node:net'
import { Dispatcher } from 'undici'
import type { OutgoingRequest, ResponseHandler } from '../backend-stream.js'
import { IdleTimeout } from '../idle-timeout.js'
import { type LifetimeOptions, lifetimeOf, retireElsewhere } from '../lifetime.js'
import { ConnectionClosed, Http1Connection, type Http1ConnectionCallbacks } from './connection.js'

/** Requests that a backend is given at once, before more wait for a connection to come free. */
const EAGER_REQUESTS = 32
/** Turns of the event loop that they wait at the most. */
const MAX_WAIT_TURNS = 16
/** Of those that wait, the part that goes when the event loop has nothing else to do. */
const IDLE_SHARE = 1 / 8

const SWEEP_MS = 500

export interface Http1PoolOptions {
  /** Makes the socket of a new connection. */
  readonly open: (onread: OnReadOpts, connected: () => void) => Socket
  readonly maxHeadBytes: number
  /** Unless given, there is no bound. */
  readonly lifetime?: LifetimeOptions
}

interface Waiting {
  readonly request: OutgoingRequest
  readonly handler: ResponseHandler
  readonly turn: number
}

/** Requests sent and reads made so far, of all stacks: whether a turn of the event loop had any tells if it is busy. */
let activity = 0

/**
 * Connections to one backend, each with one request at a time, on a stack: the one used last is used next, so that the
 * surplus of a burst falls idle and closes.
 *
 * A busy balancer reads hundreds of requests in one turn of its event loop. Sent all at once they would take hundreds
 * of connections, and each would have left the processor's cache when its response comes. Beyond a fair number they
 * wait for one to come free while the event loop has other work to do, as then nothing is lost by it; when it has none,
 * they go, some at each turn.
 *
 * It stands under an undici `Pool` as the one dispatcher of its `factory`; requests and handlers pass through that as
 * they are, and are of this folder's kind, not of undici's.
 */
export class Http1Pool extends Dispatcher implements Http1ConnectionCallbacks {
  readonly #options: Http1PoolOptions
  readonly #connections = new Set<Http1Connection>()
  readonly #idle: Http1Connection[] = []
  readonly #tunnels = new Set<Http1Connection>()
  readonly #waiting: Waiting[] = []
  readonly #idleTimeout = new IdleTimeout()
  #turn = 0
  /** Whether the end of the turn is looked out for: once a turn, or turns would be counted too fast. */
  #isCounting = false
  #activityBefore = 0
  #sweeper: NodeJS.Timeout | undefined
  /** Resolves when the last connection is gone: set once the stack closes, after which no request comes. */
  #closed: Promise<void> | undefined
  #resolveClosed = () => {}

  constructor(options: Http1PoolOptions) {
    super()
    this.#options = options
  }

  override dispatch(options: unknown, responseHandler: unknown): boolean {
    const request = options as OutgoingRequest
    const handler = responseHandler as ResponseHandler
    activity++
    // One that needs a new connection gains nothing by waiting for one to come free.
    if (handler.needsNewConnection || this.#connections.size - this.#idle.length < EAGER_REQUESTS) {
      this.#send(request, handler)
    } else {
      this.#waiting.push({ request, handler, turn: this.#turn })
      this.#countTurns()
    }
    return true
  }

  /** Lets the requests that it has be answered, and closes. */
  override close(): Promise<void>
  override close(callback: () => void): void
  override close(callback?: () => void): Promise<void> | undefined {
    this.#closed ??= new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#sendWaiting(this.#waiting.length)
    for (const connection of [...this.#idle]) connection.destroy()
    this.#closeIfDone()
    if (!callback) return this.#closed
    this.#closed.then(callback)
    return undefined
  }

  /** Fails the requests that it has, and closes. */
  override destroy(error?: Error | null): Promise<void>
  override destroy(callback: () => void): void
  override destroy(error: Error | null, callback: () => void): void
  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> | undefined {
    const isError = error instanceof Error
    const reason = isError ? error : new ConnectionClosed()
    for (const { handler } of this.#waiting.splice(0)) handler.onError(reason)
    for (const connection of [...this.#connections, ...this.#tunnels]) connection.fail(reason)
    const closed = typeof error === 'function' ? error : callback
    if (!closed) return this.close()
    this.close(closed)
    return undefined
  }

  /** Retires the connections to addresses that are not among these: idle ones at once, others after their request. */
  keepOnly(addresses: ReadonlySet<string>): void {
    retireElsewhere(this.#connections, addresses)
    for (const connection of this.#idle)
      connection.expiresMs = Math.min(connection.expiresMs, connection.retireMs)
    this.#sweep()
  }

  onActivity(): void {
    activity++
  }

  onIdle(connection: Http1Connection): void {
    const nowMs = performance.now()
    this.#idleTimeout.onReused(connection.idledMs)
    const idleMs = this.#idleTimeout.limitMs(connection.keepAliveSeconds, nowMs)
    if (this.#closed || idleMs <= 0 || connection.isExpired(nowMs)) {
      connection.destroy()
      return
    }
    connection.idleSinceMs = nowMs
    connection.expiresMs = Math.min(nowMs + idleMs, connection.retireMs)
    connection.idleSinceTurn = this.#turn
    this.#idle.push(connection)
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
    this.#countTurns()
  }

  onTunnel(connection: Http1Connection): void {
    this.#connections.delete(connection)
    this.#tunnels.add(connection)
  }

  onClosed(connection: Http1Connection): void {
    const isTunnel = this.#tunnels.delete(connection)
    this.#connections.delete(connection)
    if (connection.wasStale && !isTunnel) this.#retireIdle()
    const index = this.#idle.lastIndexOf(connection)
    if (index !== -1) {
      this.#idle.splice(index, 1)
      const nowMs = performance.now()
      // What is closed here has expired, or all of it closes.
      if (nowMs < connection.expiresMs && !this.#closed)
        this.#idleTimeout.onClosed(nowMs - connection.idleSinceMs, nowMs)
    }
    this.#closeIfDone()
  }

  #send(request: OutgoingRequest, handler: ResponseHandler): void {
    if (handler.aborted) return
    const connection = (handler.needsNewConnection ? undefined : this.#popIdle()) ?? this.#open()
    connection.send(request, handler)
  }

  #open(): Http1Connection {
    const { open, maxHeadBytes, lifetime } = this.#options
    const connection = new Http1Connection(open, this, maxHeadBytes)
    if (lifetime) Object.assign(connection, lifetimeOf(lifetime))
    this.#connections.add(connection)
    return connection
  }

  /**
   * The connection that came free last, but not in this turn: whether the backend closes it as soon as it has answered,
   * or sends more than its response, is known at the end of that.
   */
  #popIdle(): Http1Connection | undefined {
    const free = this.#idle
    const nowMs = performance.now()
    for (let i = free.length - 1; i >= 0; i--) {
      const connection = free[i]!
      if (connection.idleSinceTurn === this.#turn) continue
      if (i === free.length - 1) free.pop()
      else free.splice(i, 1)
      connection.idledMs = nowMs - connection.idleSinceMs
      if (connection.expiresMs > nowMs) return connection
      connection.destroy()
    }
    return undefined
  }

  /** Gives to those that wait what has come free. */
  #serveWaiting(): void {
    const waiting = this.#waiting
    while (waiting.length > 0) {
      const [{ request, handler }] = waiting as [Waiting]
      const connection = handler.aborted ? undefined : this.#popIdle()
      if (!connection && !handler.aborted) return
      waiting.shift()
      connection?.send(request, handler)
    }
  }

  #sendWaiting(count: number): void {
    for (const { request, handler } of this.#waiting.splice(0, count)) this.#send(request, handler)
  }

  #countTurns(): void {
    if (this.#isCounting) return
    this.#isCounting = true
    setImmediate(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    const isIdle = activity === this.#activityBefore
    const waiting = this.#waiting
    this.#activityBefore = activity
    this.#isCounting = false
    this.#turn++
    this.#serveWaiting()
    let due = isIdle ? Math.ceil(waiting.length * IDLE_SHARE) : 0
    while (due < waiting.length && waiting[due]!.turn + MAX_WAIT_TURNS <= this.#turn) due++
    this.#sendWaiting(due)
    if (waiting.length > 0) this.#countTurns()
  }

  /** Closes all that lie idle: the backend may be closing them, as it closed one that it was sent a request on. */
  #retireIdle(): void {
    for (const connection of [...this.#idle]) {
      // What the backend closes by itself teaches how long it keeps them.
      connection.expiresMs = 0
      connection.destroy()
    }
  }

  /** Closes what has been idle for too long. */
  #sweep(): void {
    const nowMs = performance.now()
    for (const connection of this.#idle.filter(({ expiresMs }) => expiresMs <= nowMs)) connection.destroy()
    if (this.#idle.length > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  #closeIfDone(): void {
    if (!this.#closed || this.#connections.size + this.#tunnels.size > 0) return
    clearInterval(this.#sweeper)
    this.#resolveClosed()
  }
}
