import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { isSecure } from '../listener/client/client-address.js'
import type { Backend } from '../pool/backend.js'
import { BalancerCell } from '../pool/counters.js'
import type { OutgoingRequest, ResponseHandler } from '../transport/backend-stream.js'
import type { ResponseHead } from '../transport/http1/response-head.js'
import { Attempt } from './attempt.js'
import { classify, type Failure } from './failure.js'
import type { Forwarding } from './forwarding.js'
import type { HeadCallback } from './head-callback.js'
import type { ForwardedBy } from './request/forwarding-fields.js'
import type { ClientStream } from './response/client-stream.js'
import { promiseLine } from './response/hsts.js'
import { SecondAttempt, type SecondAttemptOwner } from './retry/hedge.js'
import { Tries, type TryOwner } from './retry/retries.js'

const NO_HEADERS = Object.freeze({})

/**
 * One client request and its answer: the attempts at backends, the response streamed to the client, and the accounts.
 *
 * It is itself the handler that the connection to a backend tells of the response. The slot on a backend is held from
 * selection to the end of the attempt; the place in the balancer's own count until the client's side is closed. Each
 * has one way back, which can be taken only once.
 */
export class Exchange extends Attempt implements ResponseHandler, SecondAttemptOwner, TryOwner {
  readonly #socket: Socket
  #onHead: HeadCallback | undefined
  /** Once there is more than a first try that begins at once. */
  #tries: Tries | undefined
  /** While another backend is asked as well. */
  #second: SecondAttempt | undefined

  /**
   * Takes a place in the balancer's count.
   * @param backend on which a slot is already taken, that passes to the exchange; or undefined if it is to be waited for
   */
  constructor(
    req: IncomingMessage,
    res: ClientStream,
    request: OutgoingRequest,
    backend: Backend | undefined,
    by: ForwardedBy,
    forwarding: Forwarding
  ) {
    super(req, res, request, backend, by, forwarding)
    this.#socket = req.socket
    const { counters } = forwarding.registry
    counters.add(BalancerCell.inFlight, 1)
    counters.addTotal(BalancerCell.total, 1)
    res.whenOver(() => this.#onClientClosed())
  }

  /** Sends the request. `onHead` is called once: when the head of the response is there, or `failure` is set. */
  start(onHead: HeadCallback): void {
    this.#onHead = onHead
    this.forwarding.deadlines.add(this)
    if (this.backend) this.attemptAt(this.backend)
    else this.#allTries().begin()
  }

  get needsNewConnection(): boolean {
    return this.#tries?.needsNewConnection ?? false
  }

  /** Writes status and fields to the client; the body streams after them. */
  writeHead(): void {
    const { registry, sessions, trusted } = this.forwarding
    const cookieLine = sessions?.setCookieLine(this.req, this.backend!, isSecure(this.req, trusted)) ?? ''
    const lines = promiseLine(this.#socket, this.head!.text) + cookieLine
    this.writeHeadOf(this.head!, registry.draining, lines)
    // What follows is no HTTP any more, and may take days.
    if (this.changesProtocol) this.count(performance.now() - this.startMs)
  }

  attemptAt(backend: Backend): void {
    this.backend = backend
    this.sent = false
    this.dispatch(backend, this)
  }

  onNoMoreTries(failure: Failure): void {
    this.#tellFailure(failure)
  }

  #allTries(): Tries {
    this.#tries ??= new Tries(this, this.forwarding, this.req, this.request)
    return this.#tries
  }

  // --- the side of the connection to a backend

  onInterim(head: ResponseHead): void {
    this.countResponse(head.statusCode)
    // Nobody waits for a 100 that was not asked for, or that comes after the body.
    if (head.statusCode === 100 && !this.upload?.takeContinue()) return
    this.res.sendInterim(head)
  }

  onHead(head: ResponseHead): void {
    this.countResponse(head.statusCode)
    this.forwarding.timeouts.remove(this)
    const isRetried = this.forwarding.isRetriedStatus(head.statusCode)
    if (isRetried && this.#second) {
      // The other one that is asked may do better.
      this.#allTries().passOver(this.backend!)
      this.#drop()
      return
    }
    if (this.#second) this.#leaveSecond()
    if (isRetried && this.#allTries().insteadOf(this.backend!, () => this.#drop())) return
    this.#takeHead(head)
  }

  #takeHead(head: ResponseHead): void {
    this.#tries?.end()
    this.head = head
    this.answeredBy = this.backend
    this.#tellHead()
  }

  /** Gives the attempt up while its response comes. */
  #drop(): void {
    this.connection!.destroy()
    this.leaveBackend()
  }

  override onEnd(trailers: readonly string[]): void {
    this.forwarding.onComplete(this.backend!, this.head!.statusCode)
    super.onEnd(trailers)
    this.leaveBackend()
  }

  onError(error: Error): void {
    if (this.closed || this.#socket.destroyed) {
      this.leaveBackend()
      return
    }
    const backend = this.backend
    if (!backend) return
    const isReused = this.connection?.isReused ?? false
    this.leaveBackend()
    this.#afterFault(backend, error, this.sent, isReused)
  }

  #afterFault(backend: Backend, error: Error, sent: boolean, isReused: boolean): void {
    const fault = classify(error, sent)
    this.forwarding.onFault(backend, fault, isReused)
    if (this.answering) this.breakOff(fault.failure, fault.inTrailers)
    // The other one that is asked goes on.
    else if (this.#second || this.backend) this.#allTries().passOver(backend, fault, isReused)
    else if (!this.#allTries().afterFault(backend, fault, sent, isReused)) this.#tellFailure(fault.failure)
  }

  override onLate(nowMs: number): void {
    const backend = this.backend
    const { unresponsiveDetector, hedgeAfterMs, sessions } = this.forwarding
    if (!backend) return
    const waitedMs = nowMs - this.lastMovedMs(nowMs)
    unresponsiveDetector?.onLate(backend, waitedMs)
    const { body, replayable, upgrade } = this.request
    if (this.#second || body || !replayable || upgrade !== undefined) return
    // A session stays where it is as long as it can.
    const isHedged = hedgeAfterMs > 0 && waitedMs >= hedgeAfterMs && !sessions?.backendOf(this.req)
    if (!isHedged && !unresponsiveDetector?.isUnresponsive(backend)) return
    this.#second = SecondAttempt.begin(
      this,
      this.forwarding,
      this.req,
      this.#tries?.and(backend) ?? [backend]
    )
    if (this.#second) this.dispatch(this.#second.backend, this.#second)
  }

  onSecondHead(second: SecondAttempt, head: ResponseHead): void {
    const first = this.connection
    this.leaveBackend()
    first?.destroy()
    this.takeOver(second.backend, second.connection, second.sentMs)
    this.#second = undefined
    second.settle()
    this.countResponse(head.statusCode)
    this.#takeHead(head)
  }

  onSecondError(second: SecondAttempt, error: Error): void {
    const isReused = second.connection?.isReused ?? false
    this.#leaveSecond()
    if (!this.closed) this.#afterFault(second.backend, error, second.sentMs >= 0, isReused)
  }

  /** Gives the other attempt up, and its slot back. */
  #leaveSecond(): void {
    const second = this.#second!
    this.#second = undefined
    second.abandon()
    this.giveSlot(second.backend)
  }

  /** The client breaks its limits: it is told so if that is still possible, and its connection is closed. */
  override giveUp(failure: Failure): void {
    if (this.closed) return
    this.destroy()
    if (this.answering) this.breakOff(failure)
    else this.#tellFailure(failure)
  }

  #tellFailure(failure: Failure): void {
    this.#tries?.end()
    this.failure = failure
    // The others are the client's.
    if (failure.statusCode >= 500 && failure.statusCode !== 503)
      this.forwarding.registry.counters.addTotal(BalancerCell.failed, 1)
    this.#tellHead()
  }

  /** Breaks the attempt off, if there is one. */
  destroy(): void {
    this.connection?.destroy()
    this.leaveBackend()
    if (this.#second) this.#leaveSecond()
    this.#tries?.end()
  }

  #tellHead(): void {
    this.#onHead!(null, { statusCode: 200, headers: NO_HEADERS, body: this })
  }

  // --- the client's side

  #onClientClosed(): void {
    if (this.closed) return
    this.closed = true
    this.upload?.end()
    const { registry, latency } = this.forwarding
    registry.counters.add(BalancerCell.inFlight, -1)
    const endMs = performance.now()
    this.durationMs = endMs - this.startMs
    if (this.res.writableFinished) latency.record(this.durationMs, endMs)
    if (!this.changesProtocol) this.count(this.durationMs)
    this.destroy()
    this.onEnded()
  }
}
