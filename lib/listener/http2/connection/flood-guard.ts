import { ConnectionError } from '../../../base/http2/frames/connection-error.js'
import { ErrorCode } from '../../../base/http2/frames/frames.js'
import { FrameBudget } from './frame-budget.js'

/**
 * Streams that a client may reset, or have reset by what it sends, at once and per second (CVE-2023-44487, "Rapid Reset";
 * CVE-2025-8671, "MadeYouReset").
 */
const RESET_BURST = 1000
const RESETS_PER_S = 33
/** Codes of resets that the client has provoked. */
const FORCED: ReadonlySet<number> = new Set([
  ErrorCode.protocolError,
  ErrorCode.flowControlError,
  ErrorCode.streamClosed,
  ErrorCode.frameSizeError
])
/** Frames that carry nothing: SETTINGS, PING, PRIORITY, WINDOW_UPDATE, DATA without data, and unknown ones. */
const CONTROL_BURST = 4000
const CONTROLS_PER_S = 400
/** Such frames that come with a request, and with a frame of DATA that was sent. */
const CONTROLS_PER_REQUEST = 16
const CONTROLS_PER_DATA = 4

/** Bounds what a client makes the balancer do for nothing. */
export class FloodGuard {
  readonly #resets: FrameBudget
  readonly #controls: FrameBudget

  constructor(nowMs: number) {
    this.#resets = new FrameBudget(RESET_BURST, RESETS_PER_S, nowMs)
    this.#controls = new FrameBudget(CONTROL_BURST, CONTROLS_PER_S, nowMs)
  }

  /**
   * A stream was reset by the client, or for what it has sent.
   * @throws {ConnectionError} if there are too many
   */
  onReset(): void {
    spend(this.#resets)
  }

  /**
   * A stream was reset by us. With a code that a client provokes that is done only while its frames are read.
   * @throws {ConnectionError} if the client has provoked too many
   */
  onResetByUs(errorCode: number): void {
    if (FORCED.has(errorCode)) spend(this.#resets)
  }

  /**
   * A frame has come that carries nothing.
   * @throws {ConnectionError} if there are too many
   */
  onControlFrame(): void {
    spend(this.#controls)
  }

  onRequest(): void {
    this.#controls.add(CONTROLS_PER_REQUEST)
  }

  onDataSent(): void {
    this.#controls.add(CONTROLS_PER_DATA)
  }
}

function spend(budget: FrameBudget): void {
  if (!budget.spend()) throw new ConnectionError('flood', ErrorCode.enhanceYourCalm)
}
