import type { FrameWriter } from '../../../base/http2/frame-writer.js'
import type { Http2Options } from '../options.js'
import type { ServerStreams } from './server-streams.js'
import { StalledStreams } from './stalled-streams.js'

const NEVER = -1

/** How long a client's connection may have no stream, take for a head, or hold up what it is sent. */
export class ConnectionTimeouts {
  readonly #options: Http2Options
  readonly #stalled: StalledStreams
  #idleSinceMs: number
  /** Since when a head has been coming in parts. */
  #headSinceMs = NEVER

  constructor(options: Http2Options, nowMs: number) {
    this.#options = options
    this.#stalled = new StalledStreams(options.sendTimeoutMs, nowMs)
    this.#idleSinceMs = nowMs
  }

  /** The last stream has closed. */
  onIdle(): void {
    this.#idleSinceMs = performance.now()
  }

  /** @param isInHead whether a head has begun to come, and not ended */
  onRead(isInHead: boolean): void {
    if (!isInHead) this.#headSinceMs = NEVER
    else if (this.#headSinceMs === NEVER) this.#headSinceMs = performance.now()
  }

  /**
   * Enforces those of streams. Returns what the connection is at the end of, if it is.
   * @param hasRequests whether it has carried any
   */
  check(
    streams: ServerStreams,
    writer: FrameWriter,
    hasRequests: boolean,
    nowMs: number
  ): 'head' | 'idle' | undefined {
    const { headTimeoutMs, keepAliveTimeoutMs } = this.#options
    for (const stream of streams.all()) stream.body.checkPause(nowMs)
    this.#stalled.sweep(streams.all(), writer, nowMs)
    if (this.#headSinceMs !== NEVER && nowMs - this.#headSinceMs > headTimeoutMs) return 'head'
    if (streams.size > 0) return undefined
    // It has had no stream for too long, whatever other frames it has sent.
    const limitMs = hasRequests ? keepAliveTimeoutMs : headTimeoutMs
    return limitMs > 0 && nowMs - this.#idleSinceMs >= limitMs ? 'idle' : undefined
  }
}
