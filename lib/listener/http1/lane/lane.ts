import type { Socket } from 'node:net'
import type { LightRequest } from '../../request/light-request.js'
import { type HeadLimits, HeadReader } from './head-reader.js'
import { type LaneAnswer, LaneConnection, type LaneOwner } from './lane-connection.js'

/** Limits of the connections of a lane; 0 for none, except of heads. */
export interface LaneLimits extends HeadLimits {
  /** Until the first byte of a connection. */
  readonly headTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly requestsPerSocket: number
  /** Between two reads of a body. */
  readonly bodyTimeoutMs: number
}

export interface LaneHandlers {
  /** Serves a request; its answer ends with a call of `connection.onAnswered`. */
  serve(req: LightRequest, connection: LaneConnection): LaneAnswer
  /** Serves a connection by Node's server. */
  serveByNode(socket: Socket): void
  /** No request has begun in time on a new connection. */
  onHeadTimeout(socket: Socket): void
}

/** A timeout is noticed late by at most this share of it, */
const SHARE = 0.1
/** between these bounds. */
const MIN_SWEEP_MS = 20
const MAX_SWEEP_MS = 1000

/**
 * The fast lane for plain requests of HTTP/1.1: it reads them off their connections itself, past Node's HTTP server, which
 * gets each connection whose next request is anything else. One timer serves all timeouts of all connections.
 */
export class Lane implements LaneOwner {
  readonly reader: HeadReader
  readonly maxHeadBytes: number
  readonly maxRequests: number
  tick = 0
  readonly serve: LaneHandlers['serve']
  readonly #limits: LaneLimits
  readonly #handlers: LaneHandlers
  readonly #connections = new Set<LaneConnection>()
  readonly #sweepMs: number
  readonly #timer: NodeJS.Timeout

  constructor(limits: LaneLimits, handlers: LaneHandlers) {
    this.reader = new HeadReader(limits)
    this.maxHeadBytes = limits.headBytes
    this.maxRequests = limits.requestsPerSocket
    this.serve = handlers.serve
    this.#limits = limits
    this.#handlers = handlers
    const timeouts = [limits.headTimeoutMs, limits.keepAliveTimeoutMs, limits.bodyTimeoutMs].filter(
      (ms) => ms > 0
    )
    this.#sweepMs = Math.min(Math.max(SHARE * Math.min(...timeouts), MIN_SWEEP_MS), MAX_SWEEP_MS)
    this.#timer = setInterval(() => this.#sweep(), this.#sweepMs).unref()
  }

  /** Reads the requests of a connection from its next byte on. */
  accept(socket: Socket): void {
    this.#connections.add(new LaneConnection(socket, this))
  }

  handOver(connection: LaneConnection): void {
    this.#connections.delete(connection)
    this.#handlers.serveByNode(connection.socket)
  }

  onClosed(connection: LaneConnection): void {
    this.#connections.delete(connection)
  }

  /** Stops its timer. */
  stop(): void {
    clearInterval(this.#timer)
  }

  #sweep(): void {
    this.tick++
    for (const connection of this.#connections) this.#check(connection)
  }

  #check(connection: LaneConnection): void {
    const { socket, upload, requests } = connection
    const { headTimeoutMs, keepAliveTimeoutMs } = this.#limits
    const quietMs = (this.tick - connection.movedTick) * this.#sweepMs
    if (upload) {
      if (connection.bodyTimeoutMs === 0 || quietMs <= connection.bodyTimeoutMs) return
      connection.movedTick = this.tick
      upload.emit('timeout')
    } else if (connection.isIdle) {
      if (requests === 0) {
        if (quietMs > headTimeoutMs) this.#handlers.onHeadTimeout(socket)
      } else if (keepAliveTimeoutMs > 0 && quietMs > keepAliveTimeoutMs) {
        socket.destroy()
      }
    }
  }
}
