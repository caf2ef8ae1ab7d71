import type { OutgoingRequest, ResponseHandler } from '../backend-stream.js'
import { ClosingDispatcher } from '../closing-dispatcher.js'
import { IdleTimeout } from '../idle-timeout.js'
import { lifetimeOf, retireElsewhere } from '../lifetime.js'
import { Http1Connection, type Http1ConnectionCallbacks } from './connection.js'
import type { Http1PoolOptions } from './options.js'

/** Requests under way up to which another one never waits for a connection to become idle. */
const EAGER_REQUESTS = 32
/** Turns of the event loop that a request waits at most. */
const MAX_WAIT_TURNS = 16
/** The share of the waiting requests that is sent in a turn in which the event loop is idle. */
const IDLE_SHARE = 1 / 8

const SWEEP_MS = 500

interface Waiting {
  readonly request: OutgoingRequest
  readonly handler: ResponseHandler
  readonly turn: number
}

/** Requests sent and reads made so far, by all pools: a turn of the event loop without any is idle. */
let activity = 0

/**
 * The HTTP/1.1 connections to one backend, each with one request at a time. The connection used last is used next (LIFO),
 * so that the surplus of a burst becomes idle and is closed.
 *
 * A busy balancer reads hundreds of requests in one turn of its event loop. Sent at once, they would need hundreds of
 * connections, each of which would have left the processor's cache when its response arrives. Beyond `EAGER_REQUESTS`
 * they wait for a connection to become idle while the event loop has other work, as that costs no time; when it has
 * none, some are sent in each turn.
 */
export class Http1Pool extends ClosingDispatcher implements Http1ConnectionCallbacks {
  readonly #options: Http1PoolOptions
  readonly #connections = new Set<Http1Connection>()
  readonly #idle: Http1Connection[] = []
  readonly #tunnels = new Set<Http1Connection>()
  readonly #waiting: Waiting[] = []
  readonly #idleTimeout = new IdleTimeout()
  #turn = 0
  /** Whether the end of this turn is scheduled already: turns are counted once. */
  #isCounting = false
  #activityBefore = 0
  #sweeper: NodeJS.Timeout | undefined
  /** Resolves when the last connection has closed. Set by `close()`, after which no request is dispatched. */
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
    // A request that needs a new connection gains nothing by waiting for an idle one.
    if (handler.needsNewConnection || this.#connections.size - this.#idle.length < EAGER_REQUESTS) {
      this.#send(request, handler)
    } else {
      this.#waiting.push({ request, handler, turn: this.#turn })
      this.#countTurns()
    }
    return true
  }

  protected override closeAll(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#sendWaiting(this.#waiting.length)
    for (const connection of [...this.#idle]) connection.destroy()
    this.#closeIfDone()
    return this.#closed
  }

  protected override failAll(reason: Error): void {
    for (const { handler } of this.#waiting.splice(0)) handler.onError(reason)
    for (const connection of [...this.#connections, ...this.#tunnels]) connection.fail(reason)
  }

  /** Retires connections to other addresses than these: idle ones at once, the others after their request. */
  keepOnly(addresses: ReadonlySet<string>): void {
    retireElsewhere(this.#connections, addresses)
    for (const connection of this.#idle)
      connection.expiresMs = Math.min(connection.expiresMs, connection.retireMs)
    this.#sweep()
  }

  onActivity(): void {
    activity++
  }

  onInternalError(error: unknown): void {
    this.#options.onInternalError?.(error)
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
      // Otherwise it was closed here: it has expired, or the pool closes.
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
   * The connection that became idle last, but not in this turn: only at its end is it known whether the backend closes
   * the connection after its response, or sends more than that.
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

  /** Sends waiting requests over idle connections. */
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

  /** Closes all idle connections: the backend has just closed one of them under a request, and may close the others. */
  #retireIdle(): void {
    for (const connection of [...this.#idle]) {
      // So that onClosed() does not count it as closed by the backend.
      connection.expiresMs = 0
      connection.destroy()
    }
  }

  /** Closes connections that have been idle for too long. */
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
