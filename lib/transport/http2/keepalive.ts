/** Time without a byte after which a connection with streams is sent a PING, and the time to answer it. */
const PING_AFTER_MS = 10_000
const PING_TIMEOUT_MS = 20_000
/**
 * Minimal time between two PINGs without stream activity. gRPC servers close a connection with more than one in 5 minutes
 * (gRPC proposal A8), and a stream may be silent for long.
 */
const PING_INTERVAL_MS = 310_000

/** Keep-alive of a connection by PING frames (RFC 9113 section 6.7). It writes none itself. */
export class Keepalive {
  #hasReceived = false
  #sinceMs = 0
  /** When the unanswered PING was sent, or -1. */
  #pingMs = -1
  /** When the latest PING was sent, unless there was stream activity since. */
  #lastPingMs = Number.NEGATIVE_INFINITY

  /** Bytes were received. */
  onReceived(): void {
    this.#hasReceived = true
  }

  /** A request was sent, or a part of a response was received. */
  onStreamActivity(): void {
    this.#lastPingMs = Number.NEGATIVE_INFINITY
  }

  /**
   * To be called regularly. Returns `ping` if a PING is to be sent, and `dead` if one was not answered in time.
   * @param hasStreams whether a response is awaited
   */
  check(nowMs: number, hasStreams: boolean): 'alive' | 'ping' | 'dead' {
    if (this.#hasReceived || !hasStreams || this.#sinceMs === 0) {
      this.#hasReceived = false
      this.#sinceMs = nowMs
      this.#pingMs = -1
      return 'alive'
    }
    if (this.#pingMs >= 0) return nowMs - this.#pingMs >= PING_TIMEOUT_MS ? 'dead' : 'alive'
    if (nowMs - this.#sinceMs < PING_AFTER_MS || nowMs - this.#lastPingMs < PING_INTERVAL_MS) return 'alive'
    this.#pingMs = this.#lastPingMs = nowMs
    return 'ping'
  }
}
