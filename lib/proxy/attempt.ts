import type { IncomingMessage } from 'node:http'
import { isGrpcHead } from '../base/grpc/call.js'
import type { Backend } from '../pool/backend.js'
import { NO_BACKEND_ID } from '../pool/backend-id.js'
import { BackendCell, BalancerCell } from '../pool/counters.js'
import type { BackendStream, OutgoingRequest, ResponseHandler } from '../transport/backend-stream.js'
import type { ResponseHead } from '../transport/http1/response-head.js'
import type { EndedRequest } from './ended-request.js'
import type { Failure } from './failure.js'
import type { Forwarding } from './forwarding.js'
import { Relay } from './relay.js'
import type { ForwardedBy } from './request/forwarding-fields.js'
import { requestTo } from './request/request-host.js'
import { Upload } from './request/upload.js'
import type { ClientStream } from './response/client-stream.js'
import { grpcTrailers } from './response/grpc-answer.js'
import { type Awaiting, ResponseTimeout } from './response-timeouts.js'
import { Tunnel, type TunnelProgress } from './tunnel/tunnel.js'

const NO_ANSWER = { statusCode: 0 }

/**
 * The attempt at a backend that is under way, one after another: the slot that it holds from selection to its end, what
 * was sent and when, and the backend's accounts of it.
 */
export abstract class Attempt extends Relay implements Awaiting, TunnelProgress, EndedRequest {
  armedMs = 0
  previous: Awaiting | undefined
  next: Awaiting | undefined

  /** Why there will be no response from a backend, or not the rest of it, once that is certain. */
  failure: Failure | undefined
  /** The backend whose answer was taken. */
  answeredBy: Backend | undefined
  readonly startMs = performance.now()
  /** From the head of the request to the end of the response, once that is there. */
  durationMs = 0
  /** So far, those at a second backend included. */
  attempts = 0
  /** From the end of the request to the head of the response, in milliseconds; -1 before that. */
  backendMs = -1
  /** Of the body of the request, as sent in the latest attempt, and all that a tunnel has sent. */
  bytesIn = 0
  /** Of the body of the response, as it came from the backend, and all that came through a tunnel. */
  bytesOut = 0

  readonly by: ForwardedBy
  protected readonly forwarding: Forwarding
  protected readonly request: OutgoingRequest
  protected readonly upload: Upload | undefined
  /** The backend whose slot is held. */
  protected backend: Backend | undefined
  protected sent = false
  #movedMs = 0
  #tunnelBytesSent = 0

  constructor(
    req: IncomingMessage,
    res: ClientStream,
    request: OutgoingRequest,
    backend: Backend | undefined,
    by: ForwardedBy,
    forwarding: Forwarding
  ) {
    super(req, res)
    this.request = request
    this.by = by
    this.backend = backend
    this.forwarding = forwarding
    if (request.body) this.upload = new Upload(req, forwarding, (failure) => this.giveUp(failure))
  }

  /** Of the answer, or 0 while there is none. */
  get statusCode(): number {
    return (this.head ?? this.failure ?? NO_ANSWER).statusCode
  }

  /** Counts the request, which has taken so long, in milliseconds. */
  protected count(durationMs: number): void {
    const answeredBy = this.answeredBy?.id ?? NO_BACKEND_ID
    this.forwarding.metrics.count(this.req.method!, this.statusCode, answeredBy, durationMs)
  }

  /** All about it is known. */
  protected onEnded(): void {
    this.forwarding.deadlines.remove(this)
    this.forwarding.accessLog?.record(this)
  }

  /**
   * Ends a response that has begun, and has no end.
   * @param inTrailers whether that is all that it lacks
   */
  protected breakOff(failure: Failure, inTrailers = false): void {
    this.failure = failure
    // A client of gRPC has all messages, and is told why it does not learn what became of the call.
    if (inTrailers && this.takesTrailers && isGrpcHead(this.head!.text)) this.endWith(grpcTrailers(failure))
    else this.res.cutOff()
  }

  /** The client breaks its limits. */
  abstract giveUp(failure: Failure): void

  abstract onLate(nowMs: number): void

  /** Whether nobody waits for the response any more: the client has left, or has been told of a failure. */
  get aborted(): boolean {
    return this.closed || this.failure !== undefined
  }

  onSending(connection: BackendStream): void {
    if (this.aborted) {
      connection.destroy()
      return
    }
    this.connection = connection
    this.sent = true
    this.#movedMs = performance.now()
    this.forwarding.timeouts.add(this, this.#movedMs)
    this.upload?.begin(this.#movedMs)
  }

  onBodySent(bytes: number): void {
    this.upload!.add(bytes)
  }

  onSent(): void {
    this.upload?.complete()
  }

  onSendingFailed(): void {
    this.upload?.abandon()
    if (this.answering) this.#discardUpload()
  }

  protected override writeHeadOf(head: ResponseHead, closing: boolean, lines?: string): void {
    super.writeHeadOf(head, closing, lines)
    if (this.upload?.isAbandoned) this.#discardUpload()
  }

  /** Reads on what nobody takes: some clients read no answer before they have sent all. */
  #discardUpload(): void {
    this.req.resume()
  }

  lastMovedMs(nowMs: number): number {
    return this.upload ? this.upload.lastMovedMs(nowMs) : this.#movedMs
  }

  onResponseTimeout(): void {
    this.connection?.fail(new ResponseTimeout())
  }

  /** Whether the response is that the backend changes to a protocol that it was offered. */
  get changesProtocol(): boolean {
    return this.head?.statusCode === 101
  }

  /**
   * Passes bytes on in both directions, from now to the end.
   * @param early what the client has sent behind its request
   */
  startTunnel(early: Buffer, idleMs: number): void {
    const { registry } = this.forwarding
    registry.counters.add(BalancerCell.tunnels, 1)
    this.res.whenOver(() => registry.counters.add(BalancerCell.tunnels, -1))
    new Tunnel(this.connection!.tunnel!, this.res.clientTunnel(), this, idleMs).start(early)
  }

  onTunnelSent(bytes: number): void {
    this.#tunnelBytesSent += bytes
  }

  onTunnelReceived(bytes: number): void {
    this.bytesReceived += bytes
  }

  /** Takes the place of an attempt that was left: the slot and the connection, on which the request was sent then. */
  protected takeOver(backend: Backend, connection: BackendStream | undefined, sentMs: number): void {
    this.backend = backend
    this.connection = connection
    this.#movedMs = sentMs
  }

  protected countResponse(statusCode: number): void {
    const backend = this.backend!
    const statusClass = Math.min(Math.floor(statusCode / 100), 5)
    backend.counters.addTotal(BackendCell.responses + 2 * (statusClass - 1), 1)
    if (statusCode < 200) return
    const nowMs = performance.now()
    this.backendMs = nowMs - this.lastMovedMs(nowMs)
    this.forwarding.onAnswer(backend, statusCode, this.backendMs, nowMs)
  }

  /** Has a backend, on which a slot is held, asked. */
  protected dispatch(backend: Backend, handler: ResponseHandler): void {
    this.attempts++
    backend.pool.dispatch(requestTo(backend, this.request), handler)
  }

  /** Gives the slot back, with the bytes of the attempt. */
  protected leaveBackend(): void {
    const { backend, forwarding } = this
    if (!backend) return
    this.backend = undefined
    this.connection = undefined
    forwarding.timeouts.remove(this)
    if (this.bytesReceived > 0) backend.counters.addTotal(BackendCell.bytesReceived, this.bytesReceived)
    const bytesSent = (this.upload?.takeBytes() ?? 0) + this.#tunnelBytesSent
    if (bytesSent > 0) backend.counters.addTotal(BackendCell.bytesSent, bytesSent)
    this.bytesIn = bytesSent
    this.bytesOut += this.bytesReceived
    this.bytesReceived = 0
    this.giveSlot(backend)
  }

  protected giveSlot(backend: Backend): void {
    backend.release()
    const { queue } = this.forwarding
    if (!queue.isEmpty) queue.serve()
  }
}
