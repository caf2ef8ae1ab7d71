import type { OutgoingRequest, ResponseHandler } from '../backend-stream.js'
import { ClosingDispatcher } from '../closing-dispatcher.js'
import type { Http1Pool } from '../http1/pool.js'
import { IdleTimeout } from '../idle-timeout.js'
import { lifetimeOf, retireElsewhere } from '../lifetime.js'
import { BackendLimits } from './backend-limits.js'
import { Http2Connection, MAX_STREAMS } from './connection.js'
import { RequestRefused } from './errors.js'
import type { Http2ConnectionOptions } from './options.js'
import { WaitingRequests } from './waiting-requests.js'

/** Longer than over HTTP/1.1: a server announces the close by GOAWAY, and what it has not processed is retried. */
const IDLE_MS = 60_000
const SWEEP_MS = 500

/**
 * The HTTP/2 connections to one backend, each with as many concurrent requests as the backend allows. A request is sent
 * on the connection with the fewest; among equals on the oldest, so that the surplus of a burst becomes idle and is
 * closed.
 */
export class Http2Pool extends ClosingDispatcher {
  readonly #options: Http2ConnectionOptions
  readonly #upgrades: Http1Pool
  /** Those that accept requests, or will once established, the oldest first. */
  readonly #open: Http2Connection[] = []
  readonly #closing = new Set<Http2Connection>()
  /** Requests that wait for a connection, or for room on one. */
  readonly #waiting = new WaitingRequests<Http2Connection>()
  readonly #idleTimeout = new IdleTimeout(IDLE_MS)
  readonly #limits: BackendLimits
  /** Expected limit of concurrent requests of a new connection. */
  #maxLoad = MAX_STREAMS
  #sweeper: NodeJS.Timeout | undefined
  #closed: Promise<unknown> | undefined
  #resolveClosed = () => {}

  /** @param upgrades for upgrade requests, which HTTP/2 does not have */
  constructor(options: Http2ConnectionOptions, upgrades: Http1Pool, limits = new BackendLimits()) {
    super()
    this.#options = options
    this.#upgrades = upgrades
    this.#limits = limits
  }

  override dispatch(options: unknown, responseHandler: unknown): boolean {
    const request = options as OutgoingRequest
    if (request.upgrade !== undefined)
      return this.#upgrades.dispatch(options as never, responseHandler as never)
    const handler = responseHandler as ResponseHandler
    const connection = this.#leastLoaded(handler)
    if (connection) {
      this.#send(connection, request, handler)
    } else {
      this.#waiting.add(request, handler)
      this.#openEnough()
    }
    return true
  }

  /** Retires connections to other addresses than these: they close once their requests have ended. */
  keepOnly(addresses: ReadonlySet<string>): void {
    this.#upgrades.keepOnly(addresses)
    retireElsewhere(this.#open, addresses)
    this.#retireSpent()
  }

  protected override closeAll(): Promise<unknown> {
    this.#closed ??= Promise.all([
      this.#upgrades.close(),
      new Promise<void>((resolve) => {
        this.#resolveClosed = resolve
      })
    ])
    this.#onChange()
    return this.#closed
  }

  protected override failAll(reason: Error): void {
    void this.#upgrades.destroy(reason)
    this.#waiting.fail(reason)
    for (const connection of [...this.#open, ...this.#closing]) connection.fail(reason)
  }

  readonly #send = (
    connection: Http2Connection,
    request: OutgoingRequest,
    handler: ResponseHandler
  ): void => {
    if (connection.load === 0) {
      connection.idledMs = performance.now() - connection.idleSinceMs
      connection.idleSinceMs = Number.POSITIVE_INFINITY
    }
    connection.send(request, handler)
  }

  readonly #leastLoaded = ({ needsNewConnection }: ResponseHandler): Http2Connection | undefined => {
    let least: Http2Connection | undefined
    for (const connection of this.#open) {
      if (!connection.hasRoom || (needsNewConnection && connection.hasAnswered)) continue
      if (!least || connection.load < least.load) least = connection
    }
    return least
  }

  /** Opens connections for the waiting requests, as the throttle allows; fails the requests during its pauses. */
  #openEnough(): void {
    const waiting = this.#waiting
    if (waiting.size === 0) return
    let opening = 0
    for (const { isReady } of this.#open) if (!isReady) opening++
    const nowMs = performance.now()
    if (this.#limits.throttle.isPaused(nowMs)) {
      if (opening > 0) return
      waiting.fail(new RequestRefused(true))
      return
    }
    const load = Math.min(this.#maxLoad, this.#limits.requests.max)
    for (; opening * load < waiting.size && opening < this.#limits.throttle.maxConcurrent; opening++) {
      this.#limits.throttle.onConnect(nowMs)
      this.#connect()
    }
  }

  #connect(): void {
    const callbacks = {
      onReady: () => this.#onReady(connection),
      onChange: () => this.#onChange(connection),
      onAllRefused: () => this.#onAllRefused(connection),
      onStale: () => this.#retireIdle(),
      onClosed: (error: Error) => this.#onClosed(connection, error)
    }
    const connection: Http2Connection = new Http2Connection(this.#options, callbacks, this.#limits.requests)
    if (this.#options.lifetime) Object.assign(connection, lifetimeOf(this.#options.lifetime))
    this.#open.push(connection)
    this.#sweeper ??= setInterval(() => setImmediate(() => this.#sweep()), SWEEP_MS).unref()
  }

  #onReady(connection: Http2Connection): void {
    if (connection.maxLoad === 0) {
      // The backend accepts none for now (RFC 9113 section 6.5.2).
      const error = new RequestRefused(true)
      this.#onAllRefused(connection)
      this.#failWaiting(error)
      connection.fail(error)
      return
    }
    this.#maxLoad = connection.maxLoad
    this.#onChange(connection)
  }

  #onAllRefused({ load }: Http2Connection): void {
    // Without any request it is no failure.
    if (load > 0 || this.#waiting.size > 0) this.#limits.throttle.onFailure(performance.now())
  }

  #onChange(changed?: Http2Connection): void {
    if (changed?.hasAnswered && !changed.hasSucceeded) {
      changed.hasSucceeded = true
      this.#limits.throttle.onSuccess()
    }
    const index = changed?.isClosing ? this.#open.indexOf(changed) : -1
    if (index !== -1) {
      this.#open.splice(index, 1)
      this.#closing.add(changed!)
    }
    this.#serve()
    if (changed?.load === 0) {
      changed.idleSinceMs = performance.now()
      this.#idleTimeout.onReused(changed.idledMs)
    }
  }

  #onClosed(connection: Http2Connection, error: Error): void {
    const index = this.#open.indexOf(connection)
    if (index !== -1) this.#open.splice(index, 1)
    this.#closing.delete(connection)
    if (!connection.isReady) this.#failWaiting(error)
    else if (!connection.isClosing && !this.#closed) {
      // The backend closed it, maybe because it was idle.
      const nowMs = performance.now()
      this.#idleTimeout.onClosed(nowMs - connection.idleSinceMs, nowMs)
    }
    this.#serve()
  }

  /** A connection could not be established: fails the requests that it was opened for. */
  #failWaiting(error: Error): void {
    const isLast = this.#open.every(({ isReady }) => isReady)
    this.#waiting.fail(error, isLast ? this.#waiting.size : this.#maxLoad)
  }

  /** Sends waiting requests on connections with room, and opens connections for the others. */
  #serve(): void {
    this.#waiting.serve(this.#leastLoaded, this.#send)
    this.#openEnough()
    if (this.#closed) this.#closeIdle(Number.NEGATIVE_INFINITY)
  }

  /** Closes all idle connections: the backend has just closed one under its requests, and may close the others. */
  #retireIdle(): void {
    for (const connection of [...this.#open])
      if (connection.isReady && connection.load === 0) connection.close()
  }

  #sweep(): void {
    const nowMs = performance.now()
    this.#limits.requests.recover(nowMs)
    for (const connection of [...this.#open, ...this.#closing]) connection.checkKeepalive(nowMs)
    this.#retireSpent()
    this.#closeIdle(nowMs - this.#idleTimeout.limitMs(-1, nowMs))
    if (this.#open.length + this.#closing.size > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  /** Retires connections at their age limit; those that are still opening have requests waiting for them. */
  #retireSpent(): void {
    const nowMs = performance.now()
    for (const connection of this.#open.filter(({ isReady, retireMs }) => isReady && retireMs <= nowMs))
      connection.close()
  }

  /** Closes connections that have been idle since `sinceMs`; all idle ones if the pool closes. */
  #closeIdle(sinceMs: number): void {
    if (this.#closed && this.#waiting.size > 0) return
    for (const connection of [...this.#open])
      if (connection.load === 0 && connection.isReady && (this.#closed || connection.idleSinceMs <= sinceMs))
        connection.close()
    if (this.#closed && this.#open.length + this.#closing.size === 0) {
      clearInterval(this.#sweeper)
      this.#resolveClosed()
    }
  }
}
