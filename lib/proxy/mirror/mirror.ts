import type { Backend } from '../../pool/backend.js'
import { EvenSequence } from '../../routing/filters/even-sequence.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import type { Forwarding } from '../forwarding.js'
import type { MirrorCounts } from './mirror-counts.js'
import type { RequestMirror } from './request-mirror.js'
import { Shadow } from './shadow.js'

/** So many requests of a route are under way at its mirror at most, and so much of their bodies is held. */
const MAX_SHADOWS = 1000
const MAX_HELD_BYTES = 16_777_216
/** How long one takes at most, if the pool has no response timeout. */
const DEFAULT_TIMEOUT_MS = 30_000
/** How long a backend gets no copies that could not be reached, and is not taken out as there is no other. */
const UNREACHABLE_MS = 1000

/**
 * Sends a share of a route's requests to a further pool as well, and drops the answers. The client notices nothing of it:
 * a copy is made when a backend has the whole request, nobody waits for it, and what is under way is bounded in number,
 * size and time. For the backends of the pool they are requests like others, but for retries: there are none.
 */
export class Mirror implements RequestMirror {
  readonly #forwarding: Forwarding
  readonly #share: number
  readonly #counts: MirrorCounts
  readonly #sequence: EvenSequence
  /** In the order of their start, with the bytes that each holds. */
  readonly #shadows = new Map<Shadow, number>()
  #heldBytes = 0
  #timer: NodeJS.Timeout | undefined
  #unreachable: Backend | undefined
  #unreachableMs = 0

  /**
   * @param forwarding of the pool that gets the copies
   * @param percent of the requests
   */
  constructor(forwarding: Forwarding, percent: number, counts: MirrorCounts, sequence = new EvenSequence()) {
    this.#forwarding = forwarding
    this.#share = percent / 100
    this.#counts = counts
    this.#sequence = sequence
  }

  isDue(): boolean {
    return this.#sequence.next() < this.#share
  }

  send(request: OutgoingRequest): void {
    const { body, retryBuffer, client } = request
    const bytes = retryBuffer?.bytes ?? 0
    const isWhole = !body || (retryBuffer?.isComplete && retryBuffer.isEnded)
    const hasRoom = this.#shadows.size < MAX_SHADOWS && this.#heldBytes + bytes <= MAX_HELD_BYTES
    const mayStart = isWhole && hasRoom && !this.#forwarding.isStopped
    const backend = mayStart ? this.#forwarding.selector.select(client!) : undefined
    if (!backend || this.#wasUnreachable(backend) || !backend.acquire()) {
      this.#counts.countMirror('skipped')
      return
    }
    const shadow: Shadow = new Shadow(this.#forwarding, request, backend, (isAnswered, isSent) => {
      this.#counts.countMirror(isAnswered ? 'answered' : 'failed')
      if (!isSent) this.#avoid(backend)
      this.#remove(shadow)
    })
    this.#forwarding.onShadowBegin()
    this.#shadows.set(shadow, bytes)
    this.#heldBytes += bytes
    this.#timer ??= this.#wakeIn(this.#timeoutMs)
    shadow.start()
  }

  /** Cuts off what has taken too long at this time, on the clock of `performance.now()`. */
  sweep(nowMs: number): void {
    this.#clearTimer()
    for (const shadow of this.#shadows.keys()) {
      const leftMs = shadow.startMs + this.#timeoutMs - nowMs
      if (leftMs > 0) {
        this.#timer = this.#wakeIn(Math.ceil(leftMs))
        return
      }
      this.#cutOff(shadow)
    }
  }

  /** Cuts off what is under way. */
  stop(): void {
    this.#clearTimer()
    for (const shadow of this.#shadows.keys()) this.#cutOff(shadow)
  }

  #avoid(backend: Backend): void {
    this.#unreachable = backend
    this.#unreachableMs = performance.now()
  }

  #wasUnreachable(backend: Backend): boolean {
    return backend === this.#unreachable && performance.now() - this.#unreachableMs < UNREACHABLE_MS
  }

  get #timeoutMs(): number {
    return this.#forwarding.timeouts.timeoutMs || DEFAULT_TIMEOUT_MS
  }

  #wakeIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.sweep(performance.now()), ms).unref()
  }

  #clearTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #cutOff(shadow: Shadow): void {
    this.#counts.countMirror('failed')
    this.#remove(shadow)
    shadow.giveUp()
  }

  #remove(shadow: Shadow): void {
    this.#heldBytes -= this.#shadows.get(shadow) ?? 0
    this.#shadows.delete(shadow)
    // A timer keeps what it is of: the pool too, when a reload has replaced it.
    if (this.#shadows.size === 0) this.#clearTimer()
    this.#forwarding.onShadowEnd()
  }
}
