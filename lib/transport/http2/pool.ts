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

/** A server says that it closes, and what it has not looked at is sent again: so connections may be kept for longer. */
const IDLE_MS = 60_000
const SWEEP_MS = 500

/**
 * Connections of HTTP/2 to one backend, each with as many requests at a time as the backend takes. A request goes on the
 * one that has the fewest; among equals on the oldest, so that the surplus of a burst falls idle and closes.
 */
export class Http2Pool extends ClosingDispatcher {
  readonly #options: Http2ConnectionOptions
  readonly #upgrades: Http1Pool
  /** Those that take requests, or will when they stand, the oldest first. */
  readonly #open: Http2Connection[] = []
  readonly #closing = new Set<Http2Connection>()
  /** For a connection that is to come, or for room on one. */
  readonly #waiting = new WaitingRequests<Http2Connection>()
  readonly #idleTimeout = new IdleTimeout(IDLE_MS)
  readonly #limits: BackendLimits
  /** What a connection is expected to carry. */
  #maxLoad = MAX_STREAMS
  #sweeper: NodeJS.Timeout | undefined
  #closed: Promise<unknown> | undefined
  #resolveClosed = () => {}

  /** @param upgrades takes requests for a change of protocol, which HTTP/2 does not have */
  constructor(options: Http2ConnectionOptions, upgrades: Http1Pool, known = new BackendLimits()) {
    super()
    this.#options = options
    this.#upgrades = upgrades
    this.#limits = known
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

  /** Retires the connections to addresses that are not among these: they take no more requests, and close after theirs. */
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

  /** Opens as many connections as it takes for those that wait, few at once; or turns them away for a while. */
  #openEnough(): void {
    const waiting = this.#waiting
    if (waiting.size === 0) return
    let coming = 0
    for (const { isReady } of this.#open) if (!isReady) coming++
    const nowMs = performance.now()
    if (this.#limits.throttle.isPaused(nowMs)) {
      if (coming > 0) return
      waiting.fail(new RequestRefused(true))
      return
    }
    const load = Math.min(this.#maxLoad, this.#limits.requests.max)
    for (; coming * load < waiting.size && coming < this.#limits.throttle.maxConcurrent; coming++) {
      this.#limits.throttle.onConnect(nowMs)
      this.#connect()
    }
  }

  #connect(): void {
    const owner = {
      onReady: () => this.#onReady(connection),
      onChange: () => this.#onChange(connection),
      onAllRefused: () => this.#onAllRefused(connection),
      onStale: () => this.#retireIdle(),
      onClosed: (error: Error) => this.#onClosed(connection, error)
    }
    const connection: Http2Connection = new Http2Connection(this.#options, owner, this.#limits.requests)
    if (this.#options.lifetime) Object.assign(connection, lifetimeOf(this.#options.lifetime))
    this.#open.push(connection)
    this.#sweeper ??= setInterval(() => setImmediate(() => this.#sweep()), SWEEP_MS).unref()
  }

  #onReady(connection: Http2Connection): void {
    if (connection.maxLoad === 0) {
      // It may take some later, over another connection (RFC 9113 section 6.5.2).
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
    // One that nobody wanted anything of has refused nobody.
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
      // The backend has closed it, maybe as it was idle.
      const nowMs = performance.now()
      this.#idleTimeout.onClosed(nowMs - connection.idleSinceMs, nowMs)
    }
    this.#serve()
  }

  /** A connection could not be opened: neither are those served that it was for. */
  #failWaiting(error: Error): void {
    const isLast = this.#open.every(({ isReady }) => isReady)
    this.#waiting.fail(error, isLast ? this.#waiting.size : this.#maxLoad)
  }

  /** Gives those that wait to connections with room, and opens what it takes for the rest. */
  #serve(): void {
    this.#waiting.serve(this.#leastLoaded, this.#send)
    this.#openEnough()
    if (this.#closed) this.#closeIdle(Number.NEGATIVE_INFINITY)
  }

  /** Closes all that lie idle: the backend may be closing them, as it closed one that was in use. */
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

  /** Those that are being made are there for somebody, and come later. */
  #retireSpent(): void {
    const nowMs = performance.now()
    for (const connection of this.#open.filter(({ isReady, retireMs }) => isReady && retireMs <= nowMs))
      connection.close()
  }

  /** Closes what has been idle since then; and all, if it closes by itself. */
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
