import type { IncomingMessage } from 'node:http'
import type { Backend } from '../pool/backend.js'
import type { OutgoingRequest } from '../transport/backend-stream.js'
import type { ResponseHead } from '../transport/http1/response-head.js'
import { Attempt, type AttemptOwner } from './attempt.js'
import type { EndedRequest } from './ended-request.js'
import { classify, type Failure } from './failure.js'
import type { Forwarding } from './forwarding.js'
import { announceOutcome, type HeadCallback } from './head-callback.js'
import { beginRelay } from './relay/begin-relay.js'
import type { Relay } from './relay/relay.js'
import type { ForwardedBy } from './request/forwarding-fields.js'
import { Upload } from './request/upload.js'
import type { ClientStream } from './response/client-stream.js'
import { Hedge, isHedgeDue } from './retry/hedge.js'
import { Retries, type RetriesOwner } from './retry/retries.js'
import { openTunnel } from './tunnel/tunnel.js'

/**
 * One client's request and its answer. It owns the attempt under way, and the retries and the hedge once there are any;
 * the attempts tell it of heads, data, ends and failures, and it decides what the client gets.
 */
export class Exchange implements AttemptOwner, RetriesOwner, EndedRequest {
  readonly upload: Upload | undefined
  readonly startMs = performance.now()
  failure: Failure | undefined
  answeredBy: Backend | undefined
  durationMs = 0
  backendMs = -1
  attempts = 0
  bytesIn = 0
  bytesOut = 0
  readonly #request: OutgoingRequest
  #onHead: HeadCallback | undefined
  #attempt: Attempt | undefined
  #retries: Retries | undefined
  #hedge: Hedge | undefined
  /** The head of the response that the client gets. */
  #head: ResponseHead | undefined
  /** Set once the head was written to the client. */
  #relay: Relay | undefined
  /** The client's side is over. */
  #isClosed = false

  /**
   * Counts as in flight until the client's side is closed.
   * @param backend on which a slot is held, that passes to the exchange; or undefined if one is to be waited for
   */
  constructor(
    readonly req: IncomingMessage,
    readonly res: ClientStream,
    request: OutgoingRequest,
    backend: Backend | undefined,
    readonly by: ForwardedBy,
    readonly forwarding: Forwarding
  ) {
    this.upload = request.body && new Upload(req, forwarding, by.route?.maxBodyBytes, this)
    this.#request = request
    this.#attempt = backend && new Attempt(this, backend)
    forwarding.onBegin()
    res.whenOver(() => this.#onClientClosed())
  }

  /** Sends the request. `onHead` is called once there is a head or a `failure`, unless the client leaves before. */
  start(onHead: HeadCallback): void {
    if (this.#isClosed) return
    this.#onHead = onHead
    this.forwarding.deadlines.add(this)
    if (this.#attempt) this.#send(this.#attempt)
    else this.#allRetries().begin()
  }

  /** Writes status and fields to the client; the body streams after them. */
  writeHead(): void {
    this.#relay = beginRelay(this, this.#head!, this.#attempt!)
    this.upload?.onAnswering()
    // What follows is no HTTP any more, and may take days.
    if (this.changesProtocol) this.forwarding.count(this, performance.now() - this.startMs)
  }

  /** Passes bytes on in both directions; first those that the client has sent `early`, behind its request. */
  startTunnel(early: Buffer): void {
    openTunnel(this.res, this.#attempt!, this.forwarding, early)
  }

  /** The client breaks its limits: it is told so if that is still possible, and its connection is closed. */
  giveUp(failure: Failure): void {
    if (this.#isClosed) return
    this.destroy()
    if (this.#relay) this.#breakOff(failure)
    else if (this.failure) this.res.cutOff()
    else this.fail(failure)
  }

  /** Ends whatever is under way at backends. */
  destroy(): void {
    this.#relay?.stop()
    this.#cancelAllBut(undefined)
    this.#retries?.end()
  }

  get statusCode(): number {
    return this.#head?.statusCode ?? this.failure?.statusCode ?? 0
  }

  get changesProtocol(): boolean {
    return this.#head?.statusCode === 101
  }

  fail(failure: Failure): void {
    this.#retries?.end()
    // A response that could not be passed on is not the client's.
    this.#head = this.answeredBy = undefined
    this.failure = failure
    this.forwarding.onFailure(failure)
    announceOutcome(this.#onHead!)
  }

  attemptAt(backend: Backend): void {
    this.#attempt = new Attempt(this, backend)
    this.#send(this.#attempt)
  }

  get aborted(): boolean {
    return this.#isClosed || this.failure !== undefined
  }

  get needsNewConnection(): boolean {
    return this.#retries?.needsNewConnection ?? false
  }

  onInterim(attempt: Attempt, head: ResponseHead): void {
    // From a hedge it would come twice.
    if (attempt !== this.#attempt) return
    // Nobody waits for a 100 that was not asked for, or that comes after the body.
    if (head.statusCode === 100 && !this.upload?.takeContinue()) return
    this.res.sendInterim(head)
  }

  onHead(attempt: Attempt, head: ResponseHead, latencyMs: number): void {
    if (this.forwarding.isRetriedStatus(head.statusCode)) {
      if (this.#hedge && this.#attempt) {
        // The other attempt may do better.
        this.#allRetries().exclude(attempt.backend)
        this.#cancel(attempt)
        return
      }
      if (this.#allRetries().insteadOf(attempt.backend, () => this.#cancel(attempt))) return
    }
    this.#cancelAllBut(attempt)
    this.#retries?.end()
    this.#head = head
    this.answeredBy = attempt.backend
    this.backendMs = latencyMs
    announceOutcome(this.#onHead!)
    // Nobody has taken it: the client has left, which shows here later.
    if (!this.#relay) this.destroy()
  }

  onData(chunk: Buffer): void {
    this.#relay!.onData(chunk)
  }

  onReadEnd(): void {
    this.#relay?.onReadEnd()
  }

  onEnd(attempt: Attempt, trailers: readonly string[]): void {
    this.forwarding.onComplete(attempt.backend, this.#head!.statusCode)
    this.#relay!.onEnd(trailers)
    this.#end(attempt)
  }

  onFailure(attempt: Attempt, error: Error): void {
    const { backend, isSent, isReused } = attempt
    this.#end(attempt)
    if (this.#isClosed || this.req.socket.destroyed) return
    const fault = classify(error, isSent)
    this.forwarding.onFault(backend, fault, isReused)
    if (this.#relay) this.#breakOff(fault.failure, fault.inTrailers)
    // The other attempt goes on.
    else if (this.#hedge || this.#attempt) this.#allRetries().exclude(backend, fault, isReused)
    else if (!this.#allRetries().afterFault(backend, fault, isSent, isReused)) this.fail(fault.failure)
  }

  onLate(attempt: Attempt, nowMs: number): void {
    if (attempt !== this.#attempt) return
    const { backend } = attempt
    const waitedMs = nowMs - attempt.lastMovedMs(nowMs)
    this.forwarding.unresponsiveDetector?.onLate(backend, waitedMs)
    if (this.#hedge || !isHedgeDue(this.#request, this.req, backend, waitedMs, this.forwarding)) return
    this.#hedge = Hedge.begin(this, this.req, this.#retries?.and(backend) ?? [backend])
    if (this.#hedge) this.#send(this.#hedge.attempt)
  }

  #send(attempt: Attempt): void {
    const trace = this.by.trace?.beginAttempt?.(attempt.backend, this.attempts)
    this.attempts++
    attempt.start(this.#request, trace)
  }

  #allRetries(): Retries {
    this.#retries ??= new Retries(this, this.forwarding, this.req, this.#request)
    return this.#retries
  }

  /** Gives the slot of an attempt back, and takes over its accounts. */
  #end(attempt: Attempt): void {
    if (attempt === this.#attempt) this.#attempt = undefined
    else this.#endHedge()
    attempt.end()
    this.bytesIn = attempt.bytesSent
    this.bytesOut += attempt.bytesReceived
  }

  #cancel(attempt: Attempt): void {
    attempt.stream?.destroy()
    this.#end(attempt)
  }

  /** One attempt is left to answer, or none. */
  #cancelAllBut(winner: Attempt | undefined): void {
    const hedged = this.#hedge?.attempt
    if (hedged && hedged !== winner) this.#cancel(hedged)
    if (this.#attempt && this.#attempt !== winner) this.#cancel(this.#attempt)
    this.#endHedge()
    this.#attempt = winner
  }

  #endHedge(): void {
    this.#hedge?.end()
    this.#hedge = undefined
  }

  /** Ends a response that has begun, and has no end; `inTrailers` if they are all that it lacks. */
  #breakOff(failure: Failure, inTrailers = false): void {
    this.failure = failure
    this.#relay!.breakOff(this.req, this.#head!, failure, inTrailers)
  }

  #onClientClosed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.upload?.end()
    this.forwarding.deadlines.remove(this)
    this.durationMs = performance.now() - this.startMs
    this.destroy()
    this.forwarding.onEnd(this)
  }
}
