import { statusClass } from '../base/http/status-class.js'
import { networkErrorCode } from '../base/network-error.js'
import type { Backend } from '../pool/backend.js'
import { BackendCell, responsesCell } from '../pool/cells.js'
import type { BackendStream, OutgoingRequest, ResponseHandler } from '../transport/backend-stream.js'
import type { ResponseHead } from '../transport/http1/response-head.js'
import type { Forwarding } from './forwarding.js'
import type { AttemptTrace, ForwardedBy } from './request/forwarding-fields.js'
import { requestTo } from './request/request-host.js'
import type { Upload } from './request/upload.js'
import { type Awaiting, ResponseTimeout, type ResponseTimeouts } from './response-timeouts.js'
import type { TunnelProgress } from './tunnel/tunnel.js'

/** Who makes an attempt, and is told what comes of it. */
export interface AttemptOwner {
  readonly forwarding: Forwarding
  readonly by: Pick<ForwardedBy, 'route' | 'mirror'>
  /** Undefined if the request has no body. */
  readonly upload: Upload | undefined
  /** Whether nobody waits for a response any more. */
  readonly aborted: boolean
  /** Whether the request is not to go on a connection that has carried others. */
  readonly needsNewConnection: boolean
  onInterim(attempt: Attempt, head: ResponseHead): void
  /** @param latencyMs from the end of the request to this head */
  onHead(attempt: Attempt, head: ResponseHead, latencyMs: number): void
  onData(chunk: Buffer): void
  /** All that came in one read has been told. */
  onReadEnd(): void
  onEnd(attempt: Attempt, trailers: readonly string[]): void
  onFailure(attempt: Attempt, error: Error): void
  /** No head has come for a while, at this tick. */
  onLate(attempt: Attempt, nowMs: number): void
}

/**
 * One attempt of a request at one backend: the slot, which is held from selection to the end, the time that it takes,
 * and the backend's accounts. What the connection tells of the response passes through here to the owner.
 */
export class Attempt implements ResponseHandler, Awaiting, TunnelProgress {
  readonly backend: Backend
  /** Once the request is being sent. */
  stream: BackendStream | undefined
  /** Of the body of the response, and what came through a tunnel. */
  bytesReceived = 0
  /** Of the body of the request, and what went through a tunnel; known at the end. */
  bytesSent = 0
  /** When it was last put on the list of timeouts: as the request was sent, or as its body last moved. */
  armedMs = 0
  previous: Awaiting | undefined
  next: Awaiting | undefined
  readonly #owner: AttemptOwner
  /** If it is to be mirrored. */
  #request: OutgoingRequest | undefined
  #trace: AttemptTrace | undefined
  #isOver = false

  /** @param backend on which a slot is held, that passes to the attempt */
  constructor(owner: AttemptOwner, backend: Backend) {
    this.#owner = owner
    this.backend = backend
  }

  /** Sends the request. */
  start(request: OutgoingRequest, trace: AttemptTrace | undefined): void {
    this.#trace = trace
    if (this.#owner.by.mirror) this.#request = request
    const own = requestTo(this.backend, request)
    this.backend.pool.dispatch(trace ? trace.requestOf(own) : own, this)
  }

  /** Whether the request was written to a connection. */
  get isSent(): boolean {
    return this.stream !== undefined
  }

  /** Whether that had carried requests before. */
  get isReused(): boolean {
    return this.stream?.isReused ?? false
  }

  /** Gives the slot back. What comes later is not told. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { backend, bytesReceived } = this
    const { counters } = backend
    const { forwarding, upload } = this.#owner
    this.#timeouts.remove(this)
    if (upload) this.bytesSent += upload.takeBytes()
    if (bytesReceived > 0) counters.addTotal(BackendCell.bytesReceived, bytesReceived)
    if (this.bytesSent > 0) counters.addTotal(BackendCell.bytesSent, this.bytesSent)
    this.#trace?.end()
    backend.release()
    const { queue } = forwarding
    if (!queue.isEmpty) queue.serve()
  }

  /** When it was last the backend's turn: while the client's body is awaited, it has nothing to answer. */
  lastMovedMs(nowMs: number): number {
    return this.#owner.upload?.lastMovedMs(nowMs) ?? this.armedMs
  }

  onLate(nowMs: number): void {
    this.#owner.onLate(this, nowMs)
  }

  onResponseTimeout(): void {
    this.stream?.fail(new ResponseTimeout())
  }

  // --- told by the connection to the backend

  get aborted(): boolean {
    return this.#isOver || this.#owner.aborted
  }

  get needsNewConnection(): boolean {
    return this.#owner.needsNewConnection
  }

  onSending(stream: BackendStream): void {
    if (this.aborted) {
      stream.destroy()
      return
    }
    const nowMs = performance.now()
    this.stream = stream
    this.#timeouts.add(this, nowMs)
    this.#owner.upload?.begin(nowMs)
  }

  onBodySent(bytes: number): void {
    this.#owner.upload!.add(bytes)
  }

  onSent(): void {
    const { by, upload } = this.#owner
    upload?.complete()
    const { mirror } = by
    if (!mirror) return
    // No other attempt has it mirrored again.
    by.mirror = undefined
    mirror.send(this.#request!)
  }

  onSendingFailed(): void {
    this.#owner.upload?.abandon()
  }

  onInterim(head: ResponseHead): void {
    this.#countResponse(head.statusCode)
    this.#owner.onInterim(this, head)
  }

  onHead(head: ResponseHead): void {
    const { statusCode } = head
    const { forwarding } = this.#owner
    this.#countResponse(statusCode)
    this.#trace?.onStatus(statusCode)
    this.#timeouts.remove(this)
    const nowMs = performance.now()
    const latencyMs = nowMs - this.lastMovedMs(nowMs)
    forwarding.onAnswer(this.backend, statusCode, latencyMs, nowMs)
    this.#owner.onHead(this, head, latencyMs)
  }

  onData(chunk: Buffer): void {
    this.bytesReceived += chunk.length
    this.#owner.onData(chunk)
  }

  onReadEnd(): void {
    this.#owner.onReadEnd()
  }

  onEnd(trailers: readonly string[]): void {
    this.#owner.onEnd(this, trailers)
  }

  onError(error: Error): void {
    if (this.#isOver) return
    this.#trace?.onError(networkErrorCode(error))
    this.#owner.onFailure(this, error)
  }

  onTunnelSent(bytes: number): void {
    this.bytesSent += bytes
  }

  onTunnelReceived(bytes: number): void {
    this.bytesReceived += bytes
  }

  get #timeouts(): ResponseTimeouts {
    const { by, forwarding } = this.#owner
    const timeoutMs = by.route?.timeoutMs
    return timeoutMs === undefined ? forwarding.timeouts : forwarding.timeouts.of(timeoutMs)
  }

  #countResponse(statusCode: number): void {
    this.backend.counters.addTotal(responsesCell(statusClass(statusCode)), 1)
  }
}
