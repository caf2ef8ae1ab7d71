import type { IncomingMessage } from 'node:http'
import type { Backend } from '../../pool/backend.js'
import { BackendCell } from '../../pool/counters.js'
import type { BackendStream, ResponseHandler } from '../../transport/backend-stream.js'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import type { Forwarding } from '../forwarding.js'
import { type Awaiting, ResponseTimeout } from '../response-timeouts.js'

/** What is told of a second attempt. */
export interface SecondAttemptOwner
  extends Pick<ResponseHandler, 'needsNewConnection' | 'onData' | 'onReadEnd' | 'onEnd' | 'onError'> {
  /** The head of its response is there: from now on it is the attempt. */
  onSecondHead(second: SecondAttempt, head: ResponseHead): void
  /** It failed before that. */
  onSecondError(second: SecondAttempt, error: Error): void
}

/**
 * The same request sent to another backend, while the first one that was asked is silent. Whichever sends the head of
 * a response first has answered; the other connection is closed.
 */
export class SecondAttempt implements ResponseHandler, Awaiting {
  readonly backend: Backend
  connection: BackendStream | undefined
  sentMs = -1
  /** It was given up. */
  aborted = false

  armedMs = 0
  previous: Awaiting | undefined
  next: Awaiting | undefined

  readonly #owner: SecondAttemptOwner
  readonly #forwarding: Forwarding
  #hasWon = false

  /**
   * Takes a slot on another backend than those that were `tried`, which its owner gives back, and a place in the retry
   * budget; undefined if one of them is not to be had. The request is for the owner to send.
   */
  static begin(
    owner: SecondAttemptOwner,
    forwarding: Forwarding,
    req: IncomingMessage,
    tried: readonly Backend[]
  ): SecondAttempt | undefined {
    const backend = forwarding.selector.select(req, tried)
    if (!backend || !forwarding.budget.take()) return undefined
    backend.acquire()
    backend.counters.addTotal(BackendCell.hedges, 1)
    return new SecondAttempt(backend, owner, forwarding)
  }

  private constructor(backend: Backend, owner: SecondAttemptOwner, forwarding: Forwarding) {
    this.backend = backend
    this.#owner = owner
    this.#forwarding = forwarding
  }

  /** Closes its connection; it tells nothing more. */
  abandon(): void {
    this.aborted = true
    this.connection?.destroy()
    this.settle()
  }

  /** It is no second attempt any more. */
  settle(): void {
    const { timeouts, budget } = this.#forwarding
    timeouts.remove(this)
    budget.give()
  }

  onSending(connection: BackendStream): void {
    if (this.aborted) {
      connection.destroy()
      return
    }
    this.connection = connection
    this.sentMs = performance.now()
    this.#forwarding.timeouts.add(this, this.sentMs)
  }

  onBodySent(): void {}

  onSent(): void {}

  /** Interim responses are the first attempt's to pass on, lest they come twice. */
  onInterim(): void {}

  onHead(head: ResponseHead): void {
    this.#hasWon = true
    this.#owner.onSecondHead(this, head)
  }

  onData(chunk: Buffer): void {
    this.#owner.onData(chunk)
  }

  onReadEnd(): void {
    if (this.#hasWon) this.#owner.onReadEnd()
  }

  onEnd(trailers: readonly string[]): void {
    this.#owner.onEnd(trailers)
  }

  onError(error: Error): void {
    if (this.#hasWon) this.#owner.onError(error)
    else if (!this.aborted) this.#owner.onSecondError(this, error)
  }

  get needsNewConnection(): boolean {
    return this.#owner.needsNewConnection ?? false
  }

  lastMovedMs(): number {
    return this.sentMs
  }

  onLate(): void {}

  onResponseTimeout(): void {
    this.connection?.fail(new ResponseTimeout())
  }
}
