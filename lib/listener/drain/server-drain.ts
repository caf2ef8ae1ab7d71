import type { Server as HttpServer, ServerResponse } from 'node:http'
import { Server, type Socket } from 'node:net'
import { currentResponse, isUntrackedIdle } from '../http1/client-connection.js'

const SWEEP_MS = 50
/** How long a connection is idle before it is closed: its next request may be on its way. */
const IDLE_MS = 100
/** For the head of a request, at the most. */
const MAX_HEAD_TIMEOUT_MS = 5000

export interface DrainLimits {
  /** For the head of a request, if that is shorter than the few seconds that it has in a drain, in milliseconds. */
  readonly headTimeoutMs: number
  /** For a whole request, if that is to be shorter in a drain than before it, in milliseconds. */
  readonly requestTimeoutMs?: number
  /** After which the rest is cut, in milliseconds. */
  readonly drainTimeoutMs: number
}

/**
 * Ends a server of HTTP/1.1: it listens no more, connections are closed as they go idle, and the limits of a request's
 * time act to the last, other than with Node's `server.close()`, which ends the check of them.
 */
export class ServerDrain {
  readonly #server: HttpServer
  readonly #connections: ReadonlySet<Socket>
  readonly #limits: DrainLimits
  readonly #onTimeout: () => void
  /** Answers begun without a word of their connection's end. */
  readonly #startedResponses = new Map<Socket, ServerResponse>()
  /** When the last of them ended, or the drain began. */
  #quietSinceMs = 0
  readonly #idleSinceMs = new WeakMap<Socket, number>()
  #timers: NodeJS.Timeout[] = []
  #isClosed = false

  /**
   * @param connections of the server, with those on which something else comes before HTTP
   * @param onTimeout called before what is left is cut, when idle connections are closed already
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

  /** Begins. What listens is closed with the next call of the server's `close()`, which ends nothing else. */
  start(): void {
    const server = this.#server
    const { headTimeoutMs, drainTimeoutMs } = this.#limits
    for (const socket of this.#connections) {
      const response = currentResponse(socket)
      if (response?.headersSent) this.#startedResponses.set(socket, response)
    }
    this.#quietSinceMs = performance.now()
    // Node looks once a second for those that are late, and a late one is to be answered before the rest is cut.
    const limitMs = Math.max(1, Math.min(headTimeoutMs, MAX_HEAD_TIMEOUT_MS, drainTimeoutMs / 2))
    this.#timers = [
      // What has come meanwhile is read first: a process that was held up would find everybody idle.
      setInterval(() => setImmediate(() => this.#sweep(performance.now())), SWEEP_MS),
      // Heads that have begun have as long from now on as those that begin now.
      setTimeout(() => this.#shorten(limitMs), limitMs),
      setTimeout(() => this.#closeAll(), drainTimeoutMs)
    ]
    server.close = (done) => Server.prototype.close.call(server, done) as HttpServer
    server.once('close', () => {
      this.#isClosed = true
      this.#endIfEmpty()
    })
  }

  /** Connections may have come by another server, which closes when it likes. */
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
    for (const [socket, response] of this.#startedResponses) {
      if (currentResponse(socket) === response) continue
      this.#startedResponses.delete(socket)
      this.#quietSinceMs = nowMs
    }
    // Node tells neither which connections are idle nor since when.
    if (nowMs - this.#quietSinceMs >= IDLE_MS) this.#server.closeIdleConnections()
    for (const socket of this.#connections) if (this.#isLongIdle(socket, nowMs)) socket.destroy()
    this.#endIfEmpty()
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
    // Node does not know of those that have changed to another protocol.
    for (const socket of this.#connections) socket.destroy()
  }
}

/** Ends Node's timer for the limits of a request's time, which would keep the server in memory. */
function stopChecking(server: HttpServer): void {
  const key = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === 'http.server.connectionsCheckingInterval'
  )
  if (key) clearInterval((server as unknown as Record<symbol, NodeJS.Timeout>)[key])
}
