import type { Socket } from 'node:net'
import { ServerConnection } from './connection/server-connection.js'
import type { Http2Options, ServeStream } from './options.js'

/** A timeout is noticed late by at most this share of it, */
const SHARE = 0.1
/** between these bounds. */
const MIN_SWEEP_MS = 20
const MAX_SWEEP_MS = 1000

/** Serves HTTP/2 on connections that were accepted elsewhere. */
export class Http2Acceptor {
  /** Handles the requests. */
  serve: ServeStream | undefined
  readonly #options: Http2Options
  readonly #connections = new Set<ServerConnection>()
  readonly #sweepMs: number
  #sweeper: NodeJS.Timeout | undefined
  #isDraining = false

  constructor(options: Http2Options) {
    this.#options = options
    const { headTimeoutMs, keepAliveTimeoutMs, bodyTimeoutMs, sendTimeoutMs } = options
    const timeouts = [headTimeoutMs, keepAliveTimeoutMs, bodyTimeoutMs, sendTimeoutMs].filter((ms) => ms > 0)
    this.#sweepMs = Math.min(Math.max(SHARE * Math.min(...timeouts), MIN_SWEEP_MS), MAX_SWEEP_MS)
  }

  /** Serves a connection from its next byte on. */
  accept(socket: Socket): void {
    // Unlike in HTTP/1.1, the end of the client's side ends the connection.
    socket.allowHalfOpen = false
    const connection = new ServerConnection(socket, this.#options, this.#serve, this.#onClosed)
    this.#connections.add(connection)
    this.#sweeper ??= setInterval(() => this.#sweep(), this.#sweepMs).unref()
    if (this.#isDraining) connection.drain()
  }

  /** Drains all connections, and those still to come (RFC 9113 section 6.8). */
  drain(): void {
    this.#isDraining = true
    for (const connection of this.#connections) connection.drain()
  }

  /** Closes the connections without streams. */
  closeIdle(): void {
    for (const connection of this.#connections) connection.closeIdle()
  }

  readonly #serve: ServeStream = (stream, head, decoded) => this.serve!(stream, head, decoded)

  readonly #onClosed = (connection: ServerConnection): void => {
    this.#connections.delete(connection)
    if (this.#connections.size > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  #sweep(): void {
    const nowMs = performance.now()
    for (const connection of this.#connections) connection.sweep(nowMs)
  }
}
