import type { IncomingMessage } from 'node:http'
import { expectsContinue } from '../../base/http/request-body.js'
import { BODY_TIMEOUT, BODY_TOO_LARGE, type Failure } from '../failure.js'

export interface UploadLimits {
  /** Largest body; 0 for no limit. */
  readonly maxBodyBytes: number
  /** Longest pause between two parts of the body; 0 for no limit. */
  readonly bodyTimeoutMs: number
}

/** Whose body it is. */
export interface UploadOwner {
  giveUp(failure: Failure): void
}

/** The body of a request on its way to a backend: who waits for whom, and whether the client keeps to its limits. */
export class Upload {
  /** Bytes sent in this attempt. */
  bytes = 0
  /** Whether this attempt has sent all of it. */
  isWhole = false
  /** Whether the client was sent the `100 Continue` that it waits for. */
  #isContinued = false
  /** Whether the backend reads no more of it. */
  isAbandoned = false
  /** Whether any of it has come, in this attempt or an earlier one. */
  #isBegun = false
  /** Whether the head of a response was written to the client. */
  #isAnswering = false
  #movedMs = 0
  #isWatching = false
  readonly #req: IncomingMessage
  readonly #maxBytes: number
  readonly #timeoutMs: number
  readonly #owner: UploadOwner

  /**
   * @param maxBytes in place of the limit of all
   * @param owner told when the client breaks a limit
   */
  constructor(
    req: IncomingMessage,
    { maxBodyBytes, bodyTimeoutMs }: UploadLimits,
    maxBytes: number | undefined,
    owner: UploadOwner
  ) {
    this.#req = req
    this.#maxBytes = maxBytes ?? maxBodyBytes
    this.#timeoutMs = bodyTimeoutMs
    this.#owner = owner
  }

  /** An attempt begins, which has sent nothing so far. */
  begin(nowMs: number): void {
    this.isWhole = this.isAbandoned = false
    this.#movedMs = nowMs
    if (this.#timeoutMs === 0) return
    if (!this.#isWatching) {
      this.#isWatching = true
      // Without a listener Node closes the connection itself.
      this.#req.on('timeout', this.#onTimeout).once('end', this.end)
    }
    this.#req.setTimeout(this.#timeoutMs)
  }

  /** The bytes that this attempt has sent; the next one starts from 0. */
  takeBytes(): number {
    const { bytes } = this
    this.bytes = 0
    return bytes
  }

  add(bytes: number): void {
    this.#isBegun = true
    this.bytes += bytes
    this.#movedMs = performance.now()
    if (this.#maxBytes > 0 && this.bytes > this.#maxBytes) this.#owner.giveUp(BODY_TOO_LARGE)
  }

  complete(): void {
    this.isWhole = true
    this.#movedMs = performance.now()
  }

  /** The backend reads no more: it has answered already, or is about to fail. */
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

  /** Reads and drops the rest: some clients read no response before they have sent everything. */
  #discard(): void {
    if (this.isAbandoned && this.#isAnswering) this.#req.resume()
  }

  /** The backend asks for the body. Returns whether the client is waiting for a `100 Continue`. */
  takeContinue(): boolean {
    if (!expectsContinue(this.#req) || this.#req.complete) return false
    this.#isContinued = true
    return true
  }

  /** Since when the backend has had all that there is. While the client's next bytes are awaited, that is now. */
  lastMovedMs(nowMs: number): number {
    return this.isWhole || this.#req.isPaused() ? this.#movedMs : nowMs
  }

  /** Stops watching the client. */
  readonly end = (): void => {
    // After the exchange the timeout of the socket is Node's again, which limits how long it may be idle.
    if (!this.#isWatching) return
    this.#isWatching = false
    this.#req.off('timeout', this.#onTimeout).off('end', this.end)
    this.#req.setTimeout(0)
  }

  readonly #onTimeout = (): void => {
    const req = this.#req
    const waitsForContinue = !this.#isBegun && expectsContinue(req) && !this.#isContinued
    // While a slow backend holds the client back, the client is not the one that is late.
    if (req.isPaused() || waitsForContinue) req.setTimeout(this.#timeoutMs)
    else this.#owner.giveUp(BODY_TIMEOUT)
  }
}
