import type { Server, Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { ConnectionListener } from '../connection-acceptor.js'
import type { AcceptPace } from './accept-pace.js'
import { isLightSocket } from './light-socket.js'

/** When connections are a burst, and how long one is held. */
export interface BurstLimits {
  /** So many turns of the event loop in a row that accept a connection begin a burst: others seem to wait to be accepted. */
  readonly turns: number
  /**
   * A burst is over when nothing has come for so long for each connection that is held. Serving one takes several times as
   * long, so that waiting delays them little.
   */
  readonly quietMsPerConnection: number
  /** The burst is served after that time even if it goes on, */
  readonly maxMs: number
  /** and so much later for each connection that is held. */
  readonly maxMsPerConnection: number
}

const LIMITS: BurstLimits = { turns: 3, quietMsPerConnection: 0.03, maxMs: 100, maxMsPerConnection: 0.2 }

/**
 * Holds the connections of a burst unread until all of them are accepted. libuv accepts one in a turn of the event loop, and
 * what is read makes turns long: if each were served at once, the last of 512 would wait for 512 turns with ever more
 * requests in them. Connections that come one by one are not held.
 */
export class BurstHold {
  readonly #server: Server & { pauseOnConnect?: boolean }
  readonly #accept: ConnectionListener
  readonly #limits: BurstLimits
  readonly #pace: AcceptPace | undefined
  #held: Socket[] = []
  #isHolding = false
  #sinceMs = 0
  #latestMs = 0
  #latestTurn = 0
  #turnsInRow = 0
  /** A connection was accepted in this turn. */
  #hasAccepted = false

  /**
   * @param accept called with each connection, as if it were accepted just then
   * @param pace of several threads that accept
   */
  constructor(server: Server, accept: ConnectionListener, limits = LIMITS, pace?: AcceptPace) {
    this.#server = server
    this.#accept = accept
    this.#limits = limits
    this.#pace = pace
  }

  /** Takes a connection that the server has accepted. */
  add(socket: Socket): void {
    if (this.#isHolding) {
      this.#pace?.record(false)
      this.#pace?.wait()
      this.#hasAccepted = true
      this.#latestMs = performance.now()
      this.#held.push(socket)
      return
    }
    const turn = performance.nodeTiming.uvMetricsInfo.loopCount
    this.#turnsInRow = turn - this.#latestTurn > 1 ? 1 : this.#turnsInRow + 1
    this.#latestTurn = turn
    this.#pace?.record(this.#turnsInRow === 1)
    if (this.#turnsInRow > 1) this.#pace?.wait()
    if (this.#turnsInRow >= this.#limits.turns) this.#begin()
    this.#accept(socket)
  }

  #begin(): void {
    this.#isHolding = this.#hasAccepted = true
    this.#sinceMs = this.#latestMs = performance.now()
    // What is paused as it is accepted costs no system call until it is served.
    this.#server.pauseOnConnect = true
    setImmediate(this.#onTurnEnd)
  }

  readonly #onTurnEnd = (): void => {
    const { quietMsPerConnection, maxMs, maxMsPerConnection } = this.#limits
    const { length } = this.#held
    const nowMs = performance.now()
    const quietMs = nowMs - this.#latestMs
    const isBurst = this.#hasAccepted || quietMs < length * quietMsPerConnection
    this.#hasAccepted = false
    if (isBurst && nowMs - this.#sinceMs < maxMs + length * maxMsPerConnection) setImmediate(this.#onTurnEnd)
    else this.#release()
  }

  #release(): void {
    this.#isHolding = false
    this.#turnsInRow = 0
    this.#server.pauseOnConnect = false
    const held = this.#held
    this.#held = []
    for (const socket of held) {
      if (!isLightSocket(socket)) unpause(socket)
      this.#accept(socket)
    }
  }
}

/** Makes a connection that was paused as it was accepted one that was not. */
function unpause(socket: Socket): void {
  ;(socket as { readableFlowing: boolean | null }).readableFlowing = null
  socket.read(0)
}
