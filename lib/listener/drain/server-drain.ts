import type { Server as HttpServer, ServerResponse } from 'node:http'
import { Server, type Socket } from 'node:net'
import { currentResponse, isUntrackedIdle } from '../http1/client-connection.js'

const SWEEP_MS = 50
/** Idle time before a connection is closed: its next request may be on the way. */
const IDLE_MS = 100
/** Upper bound of the time for the head of a request. */
const MAX_HEAD_TIMEOUT_MS = 5000

/** Limits of a drain. */
export interface DrainLimits {
  /** For the head of a request; at most 5 seconds in a drain. */
  readonly headTimeoutMs: number
  /** For a whole request, if shorter than before the drain. */
  readonly requestTimeoutMs?: number
  /** After which the remaining connections are closed, requests or not. */
  readonly drainTimeoutMs: number
  /** Whether idle connections stay until their own time is over, and heads have as long as ever. */
  readonly isPatient?: boolean
}

/**
 * Drains an HTTP/1.1 server: it stops listening, and its connections are closed as they become idle, unless the drain is
 * patient. Unlike Node's `server.close()`, it keeps enforcing the timeouts of requests to the end.
 */
export class ServerDrain {
  readonly #server: HttpServer
  readonly #connections: ReadonlySet<Socket>
  readonly #limits: DrainLimits
  readonly #onTimeout: () => void
  /** Responses whose heads were sent before the drain, without `Connection: close`. */
  readonly #startedResponses = new Map<Socket, ServerResponse>()
  /** When the latest of them ended, or the drain began. */
  #quietSinceMs = 0
  readonly #idleSinceMs = new WeakMap<Socket, number>()
  #timers: NodeJS.Timeout[] = []
  #isClosed = false

  /**
   * @param connections of the server, including those on which HTTP has not begun
   * @param onTimeout called when the drain times out, after idle connections were closed and before all others are
   */
  constructor(
    server: HttpServer,
    connections: ReadonlySet<Socket>,
    limits: DrainLimits,
    onTimeout: () => void = () => {}
  ) {
    this.#server = server
    this.#connections = connections
    this.#limits = limits
    this.#onTimeout = onTimeout
  }

  /** Starts the drain. The next call of the server's `close()` stops it listening, and closes no connection. */
  start(): void {
    const server = this.#server
    const { headTimeoutMs, drainTimeoutMs, isPatient } = this.#limits
    for (const socket of this.#connections) {
      const response = currentResponse(socket)
      if (response?.headersSent) this.#startedResponses.set(socket, response)
    }
    this.#quietSinceMs = performance.now()
    // Node checks timeouts once a second, and a late request is to be answered before all connections are closed.
    const limitMs = Math.max(1, Math.min(headTimeoutMs, MAX_HEAD_TIMEOUT_MS, drainTimeoutMs / 2))
    this.#timers = [
      // Reads what has arrived first: after a pause of the process all connections would look idle.
      setInterval(() => setImmediate(() => this.#sweep(performance.now())), SWEEP_MS),
      // Heads that have begun to arrive have as long as those that begin now.
      ...(isPatient ? [] : [setTimeout(() => this.#shorten(limitMs), limitMs)]),
      setTimeout(() => this.#closeAll(), drainTimeoutMs)
    ]
    server.close = (done) => Server.prototype.close.call(server, done) as HttpServer
    server.once('close', () => {
      this.#isClosed = true
      this.#endIfEmpty()
    })
  }

  /** Connections may come from another server, which closes independently. */
  #endIfEmpty(): void {
    if (!this.#isClosed || this.#connections.size > 0) return
    for (const timer of this.#timers) clearTimeout(timer)
    stopChecking(this.#server)
  }

  #shorten(headTimeoutMs: number): void {
    const server = this.#server
    const { requestTimeoutMs } = this.#limits
    server.headersTimeout = Math.min(server.headersTimeout, headTimeoutMs)
    if (requestTimeoutMs)
      server.requestTimeout = Math.min(server.requestTimeout || Infinity, requestTimeoutMs)
  }

  #sweep(nowMs: number): void {
    if (!this.#limits.isPatient) this.#closeIdle(nowMs)
    this.#endIfEmpty()
  }

  #closeIdle(nowMs: number): void {
    for (const [socket, response] of this.#startedResponses) {
      if (currentResponse(socket) === response) continue
      this.#startedResponses.delete(socket)
      this.#quietSinceMs = nowMs
    }
    // Node exposes neither which connections are idle nor since when.
    if (nowMs - this.#quietSinceMs >= IDLE_MS) this.#server.closeIdleConnections()
    for (const socket of this.#connections) if (this.#isLongIdle(socket, nowMs)) socket.destroy()
  }

  #isLongIdle(socket: Socket, nowMs: number): boolean {
    if (!isUntrackedIdle(socket)) {
      this.#idleSinceMs.delete(socket)
      return false
    }
    const sinceMs = this.#idleSinceMs.get(socket) ?? nowMs
    this.#idleSinceMs.set(socket, sinceMs)
    return nowMs - sinceMs >= IDLE_MS
  }

  #closeAll(): void {
    const server = this.#server
    server.closeIdleConnections()
    for (const socket of this.#connections) if (isUntrackedIdle(socket)) socket.destroy()
    this.#onTimeout()
    server.closeAllConnections()
    // Node no longer tracks upgraded connections.
    for (const socket of this.#connections) socket.destroy()
  }
}

/** Stops Node's timer for request timeouts, which would keep the server in memory. */
function stopChecking(server: HttpServer): void {
  const key = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === 'http.server.connectionsCheckingInterval'
  )
  if (key) clearInterval((server as unknown as Record<symbol, NodeJS.Timeout>)[key])
}
