import type { IncomingMessage } from 'node:http'
import { expectsContinue } from '../../base/http/request-body.js'
import { BODY_TIMEOUT, BODY_TOO_LARGE, type Failure } from '../failure.js'

export interface UploadLimits {
  /** Of the body; 0 for no limit. */
  readonly maxBodyBytes: number
  /** Between two parts of the body; 0 for no limit. */
  readonly bodyTimeoutMs: number
}

/** The body of a client's request on its way to a backend: whose turn it is, and whether the client keeps to its limits. */
export class Upload {
  /** Sent in this attempt. */
  bytes = 0
  /** It has been sent to its end. */
  isWhole = false
  /** Whether the client was told to go on with the body that it waits with. */
  #isContinued = false
  /** The backend takes no more of it. */
  isAbandoned = false
  /** Something of it has come, in this attempt or before. */
  #isBegun = false
  /** The head of a response was written to the client. */
  #isAnswering = false
  #movedMs = 0
  #isWatching = false
  readonly #req: IncomingMessage
  readonly #limits: UploadLimits
  readonly #onBroken: (failure: Failure) => void

  /** @param onBroken called if the client breaks a limit */
  constructor(req: IncomingMessage, limits: UploadLimits, onBroken: (failure: Failure) => void) {
    this.#req = req
    this.#limits = limits
    this.#onBroken = onBroken
  }

  /** An attempt has begun, of which nothing is sent yet. */
  begin(nowMs: number): void {
    this.isWhole = this.isAbandoned = false
    this.#movedMs = nowMs
    const { bodyTimeoutMs } = this.#limits
    if (bodyTimeoutMs === 0) return
    if (!this.#isWatching) {
      this.#isWatching = true
      // Node closes the connection by itself if nobody listens here.
      this.#req.on('timeout', this.#onTimeout).once('end', this.end)
    }
    this.#req.setTimeout(bodyTimeoutMs)
  }

  /** What this attempt has sent; the next one counts anew. */
  takeBytes(): number {
    const { bytes } = this
    this.bytes = 0
    return bytes
  }

  add(bytes: number): void {
    this.#isBegun = true
    this.bytes += bytes
    this.#movedMs = performance.now()
    const { maxBodyBytes } = this.#limits
    if (maxBodyBytes > 0 && this.bytes > maxBodyBytes) this.#onBroken(BODY_TOO_LARGE)
  }

  complete(): void {
    this.isWhole = true
    this.#movedMs = performance.now()
  }

  /** The backend takes no more, and has answered already or is about to have failed. */
  abandon(): void {
    this.isAbandoned = true
    this.end()
    this.#discard()
  }

  /** A response is on its way to the client, and no other attempt will send this body. */
  onAnswering(): void {
    this.#isAnswering = true
    this.#discard()
  }

  /** Reads on what nobody takes: some clients read no answer before they have sent all. */
  #discard(): void {
    if (this.isAbandoned && this.#isAnswering) this.#req.resume()
  }

  /** The backend wants the body. Returns whether the client waits to be told so. */
  takeContinue(): boolean {
    if (!expectsContinue(this.#req) || this.#req.complete) return false
    this.#isContinued = true
    return true
  }

  /** When it was last the backend's turn: while the client's next bytes are awaited, it has nothing to answer. */
  lastMovedMs(nowMs: number): number {
    return this.isWhole || this.#req.isPaused() ? this.#movedMs : nowMs
  }

  /** Looks no more after the client. */
  readonly end = (): void => {
    // At the end of the exchange the time is Node's again, for which the connection may be idle.
    if (!this.#isWatching) return
    this.#isWatching = false
    this.#req.off('timeout', this.#onTimeout).off('end', this.end)
    this.#req.setTimeout(0)
  }

  readonly #onTimeout = (): void => {
    const req = this.#req
    const waitsForContinue = !this.#isBegun && expectsContinue(req) && !this.#isContinued
    // A backend that takes its time holds the client back, which then is not the one that is late.
    if (req.isPaused() || waitsForContinue) req.setTimeout(this.#limits.bodyTimeoutMs)
    else this.#onBroken(BODY_TIMEOUT)
  }
}
