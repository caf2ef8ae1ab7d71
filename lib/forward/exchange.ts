import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Backend } from '../backend.js'
import { BackendCell, BalancerCell } from '../counters.js'
import type { Connection, OutgoingRequest, ResponseHandler } from '../http1/connection.js'
import type { ResponseHead } from '../http1/response-head.js'
import { whenClosed } from './client-response.js'
import { type AttemptFault, classify, type Failure } from './failure.js'
import type { Forwarding } from './forwarding.js'
import { Relay } from './relay.js'
import { writeInterim } from './response-start.js'
import type { Awaiting } from './response-timeouts.js'
import { MORE_TRIES, mayTryAgain } from './retry.js'
import { Tunnel, type TunnelProgress } from './tunnel.js'
import { Upload } from './upload.js'

const NO_HEADERS = Object.freeze({})

/** What reply-from is told: that a head is there. Status and fields go by it, from the exchange to the raw reply. */
export type HeadCallback = (
  error: null,
  response: { statusCode: number; headers: object; body: Exchange }
) => void

/** The head of the response did not come in time. */
class ResponseTimeout extends Error {
  readonly code = 'LB_RESPONSE_TIMEOUT'
}

/**
 * One client request and its answer: the attempts at backends, the response streamed to the client, and the accounts.
 *
 * It is itself the handler that the connection to a backend tells of the response. The slot on a backend is held from
 * selection to the end of the attempt; the place in the balancer's own count until the client's side is closed. Each
 * has one way back, which can be taken only once.
 */
export class Exchange extends Relay implements Awaiting, ResponseHandler, TunnelProgress {
  /** Why there will be no response from a backend, once that is certain. */
  failure: Failure | undefined

  armedMs = 0
  previous: Awaiting | undefined
  next: Awaiting | undefined

  readonly #socket: Socket
  readonly #forwarding: Forwarding
  readonly #startMs = performance.now()
  /** The backend whose slot is held. */
  #backend: Backend | undefined
  readonly #request: OutgoingRequest
  #onHead: HeadCallback | undefined
  #tried: Backend[] | undefined
  #sent = false
  #movedMs = 0
  readonly #upload: Upload | undefined
  #tunnelBytesSent = 0

  /** Takes a place in the balancer's count. The slot on `backend` is already taken, and passes to the exchange. */
  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    request: OutgoingRequest,
    backend: Backend,
    forwarding: Forwarding
  ) {
    super(req, res)
    this.#request = request
    this.#socket = req.socket
    this.#backend = backend
    this.#forwarding = forwarding
    if (request.body) this.#upload = new Upload(req, forwarding, (failure) => this.#giveUp(failure))
    const { counters } = forwarding.registry
    counters.add(BalancerCell.inFlight, 1)
    counters.addTotal(BalancerCell.total, 1)
    whenClosed(req, res, () => this.#onClientClosed())
  }

  /** Sends the request. `onHead` is called once: when the head of the response is there, or `failure` is set. */
  start(onHead: HeadCallback): void {
    this.#onHead = onHead
    this.#attempt()
  }

  /** Whether nobody waits for the response any more. */
  get abandoned(): boolean {
    return this.closed
  }

  /** Writes status and fields to the client; the body streams after them. */
  writeHead(): void {
    this.writeHeadOf(this.head!, this.#forwarding.registry.draining)
  }

  #attempt(): void {
    this.#sent = false
    this.#backend!.pool.dispatch(this.#request, this)
  }

  // --- the side of the connection to a backend

  onSending(connection: Connection): void {
    if (this.closed) {
      connection.destroy()
      return
    }
    this.connection = connection
    this.#sent = true
    this.#movedMs = performance.now()
    this.#forwarding.timeouts.add(this, this.#movedMs)
    this.#upload?.begin(this.#movedMs)
  }

  onBodySent(bytes: number): void {
    this.#upload!.add(bytes)
  }

  onSent(): void {
    this.#upload?.complete()
  }

  onInterim(head: ResponseHead): void {
    this.#countResponse(head.statusCode)
    // Nobody waits for a 100 that was not asked for, or that comes after the body.
    if (head.statusCode === 100 && !this.#upload?.takeContinue()) return
    if (this.req.httpVersionMinor > 0) writeInterim(this.res, head)
  }

  onHead(head: ResponseHead): void {
    this.#countResponse(head.statusCode)
    this.#forwarding.timeouts.remove(this)
    this.head = head
    this.#tellHead()
  }

  override onEnd(trailers: readonly string[]): void {
    super.onEnd(trailers)
    this.#leaveBackend()
  }

  onError(error: Error): void {
    if (this.closed || this.#socket.destroyed) {
      this.#leaveBackend()
      return
    }
    const backend = this.#backend
    if (!backend) return
    const fault = classify(error, this.#sent)
    this.#leaveBackend()
    if (fault.ofBackend) {
      this.#forwarding.registry.reportFailure(backend, fault.failure.code, fault.detail, fault.unreachable)
    }
    if (this.answering) this.cutOff()
    else if (!this.#retry(backend, fault)) this.#tellFailure(fault.failure)
  }

  lastMovedMs(nowMs: number): number {
    return this.#upload ? this.#upload.lastMovedMs(nowMs) : this.#movedMs
  }

  onResponseTimeout(): void {
    this.connection?.fail(new ResponseTimeout())
  }

  /** The client breaks its limits: it is told so if that is still possible, and its connection is closed. */
  #giveUp(failure: Failure): void {
    if (this.closed) return
    this.destroy()
    if (this.answering) this.cutOff()
    else this.#tellFailure(failure)
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
    const { registry } = this.#forwarding
    registry.counters.add(BalancerCell.tunnels, 1)
    this.res.once('close', () => registry.counters.add(BalancerCell.tunnels, -1))
    new Tunnel(this.connection!, this.#socket, this, idleMs).start(early)
  }

  onTunnelSent(bytes: number): void {
    this.#tunnelBytesSent += bytes
  }

  onTunnelReceived(bytes: number): void {
    this.bytesReceived += bytes
  }

  #tellFailure(failure: Failure): void {
    this.failure = failure
    // The others are the client's.
    if (failure.statusCode >= 500) this.#forwarding.registry.counters.addTotal(BalancerCell.failed, 1)
    this.#tellHead()
  }

  /** Breaks the attempt off, if there is one. */
  destroy(): void {
    this.connection?.destroy()
    this.#leaveBackend()
  }

  #retry(failed: Backend, fault: AttemptFault): boolean {
    if (!mayTryAgain(this.#request.repeatable, fault, this.#sent)) return false
    this.#tried ??= []
    const tried = this.#tried
    tried.push(failed)
    if (tried.length > MORE_TRIES) return false
    const next = this.#forwarding.select(tried)
    if (!next) return false
    failed.counters.addTotal(BackendCell.retries, 1)
    next.acquire()
    this.#backend = next
    this.#attempt()
    return true
  }

  /** Gives the slot back, with the bytes of the attempt. */
  #leaveBackend(): void {
    const backend = this.#backend
    if (!backend) return
    this.#backend = undefined
    this.connection = undefined
    this.#forwarding.timeouts.remove(this)
    backend.release()
    if (this.bytesReceived > 0) backend.counters.addTotal(BackendCell.bytesReceived, this.bytesReceived)
    const bytesSent = (this.#upload?.bytes ?? 0) + this.#tunnelBytesSent
    if (bytesSent > 0) backend.counters.addTotal(BackendCell.bytesSent, bytesSent)
    this.bytesReceived = 0
  }

  #countResponse(statusCode: number): void {
    const statusClass = Math.min(Math.floor(statusCode / 100), 5)
    this.#backend!.counters.addTotal(BackendCell.responses + 2 * (statusClass - 1), 1)
  }

  #tellHead(): void {
    this.#onHead!(null, { statusCode: 200, headers: NO_HEADERS, body: this })
  }

  // --- the client's side

  #onClientClosed(): void {
    if (this.closed) return
    this.closed = true
    this.#upload?.end()
    const { registry, latency } = this.#forwarding
    registry.counters.add(BalancerCell.inFlight, -1)
    const endMs = performance.now()
    if (this.res.writableFinished) latency.record(endMs - this.#startMs, endMs)
    this.destroy()
  }
}
