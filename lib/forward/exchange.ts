import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Dispatcher, errors } from 'undici'
import type { Backend } from '../backend.js'
import { currentReading, type Reading } from '../backend-reader.js'
import { BackendCell, BalancerCell } from '../counters.js'
import type { LatencyWindow } from '../latency.js'
import type { Registry } from '../registry.js'
import { endJoined, whenClosed } from './client-response.js'
import { type AttemptFault, classify, type Failure } from './failure.js'
import { RequestBody } from './request-body.js'
import { reasonPhrase, responseFields, trailerFields } from './response-fields.js'
import type { Awaiting, ResponseTimeouts } from './response-timeouts.js'
import { MORE_TRIES, mayTryAgain } from './retry.js'
import { type Flushable, flushAfterTurn } from './turn.js'

const NO_HEADERS = Object.freeze({})

/** What reply-from is told: that a head is there. Status and fields go by it, from the exchange to the raw reply. */
export type HeadCallback = (
  error: null,
  response: { statusCode: number; headers: object; body: Exchange }
) => void

/** What all exchanges share. */
export interface Forwarding {
  readonly registry: Registry
  readonly latency: LatencyWindow
  readonly timeouts: ResponseTimeouts
  /** The next backend for a request that the `tried` ones could not take. */
  readonly select: (tried: readonly Backend[]) => Backend | undefined
}

/** The request as a backend is to get it. */
export interface OutgoingRequest {
  readonly target: string
  readonly fields: string[]
}

/**
 * One client request and its answer: the attempts at backends, the response streamed to the client, and the accounts.
 *
 * It is itself the handler that undici drives, in undici's older form: that one gets the raw header list, and makes
 * no object a request. The slot on a backend is held from selection to the end of the attempt; the place in the
 * balancer's own count until the client's side is closed. Each has one way back, which can be taken only once.
 */
export class Exchange implements Awaiting, Flushable {
  /** Why there will be no response from a backend, once that is certain. */
  failure: Failure | undefined

  armedMs = 0
  previous: Awaiting | undefined
  next: Awaiting | undefined

  readonly #req: IncomingMessage
  /** Taken at the start, as undici may take it off the request. */
  readonly #socket: Socket
  readonly #res: ServerResponse
  readonly #forwarding: Forwarding
  readonly #startMs = performance.now()
  /** The backend whose slot is held. */
  #backend: Backend | undefined
  #request: OutgoingRequest | undefined
  #onHead: HeadCallback | undefined
  #tried: Backend[] | undefined
  #abort: ((reason?: Error) => void) | undefined
  #resume: (() => void) | undefined
  #sent = false
  #sentWhole = false
  #movedMs = 0
  #answering = false
  #closed = false
  #bodyStarted = false
  #statusCode = 0
  #statusText = ''
  #rawFields: readonly Buffer[] = []
  /** Bytes of the body still to come, or less than 0 where its length is not declared. */
  #remaining = -1
  #bytesReceived = 0
  #bytesSent = 0
  #lastChunk: Buffer | undefined
  #reading: Reading | undefined

  /** Takes a place in the balancer's count. The slot on `backend` is already taken, and passes to the exchange. */
  constructor(req: IncomingMessage, res: ServerResponse, backend: Backend, forwarding: Forwarding) {
    this.#req = req
    this.#socket = req.socket
    this.#res = res
    this.#backend = backend
    this.#forwarding = forwarding
    const { counters } = forwarding.registry
    counters.add(BalancerCell.inFlight, 1)
    counters.addTotal(BalancerCell.total, 1)
    whenClosed(req, res, () => this.#onClientClosed())
  }

  /** Sets what is sent, when it is known. */
  set request(request: OutgoingRequest) {
    this.#request = request
  }

  /** Sends the request. `onHead` is called once: when the head of the response is there, or `failure` is set. */
  start(onHead: HeadCallback): void {
    this.#onHead = onHead
    this.#attempt()
  }

  /** Whether nobody waits for the response any more. */
  get abandoned(): boolean {
    return this.#closed
  }

  /** Writes status and fields to the client, and streams the body after them. Throws if the backend's are not valid. */
  writeHead(): void {
    const { list, contentLength } = responseFields(this.#rawFields)
    // What is left unread of a request would be taken for the next one.
    const closes = this.#forwarding.registry.draining || !this.#req.complete
    if (closes) list.push('Connection', 'close')
    this.#remaining = contentLength
    this.#res.writeHead(this.#statusCode, reasonPhrase(this.#statusText), list)
    this.#answering = true
  }

  /** Sends the head by itself, unless something of the body has taken it along. */
  flush(): void {
    if (!this.#bodyStarted && !this.#closed) this.#res.flushHeaders()
  }

  #attempt(): void {
    const { target, fields } = this.#request!
    this.#sent = this.#sentWhole = false
    const backend = this.#backend!
    const options = {
      path: target,
      method: this.#req.method as Dispatcher.HttpMethod,
      headers: fields,
      body: RequestBody.existsOn(this.#req) ? new RequestBody(this.#req) : null,
      // undici would otherwise close the connection after HEAD and after a GET with a body.
      reset: false,
      // Fixed, as undici reconnects when it changes, and would else take the client's Host.
      servername: backend.config.hostname
    }
    backend.pool.dispatch(
      options as Dispatcher.DispatchOptions,
      this as unknown as Dispatcher.DispatchHandler
    )
  }

  // --- undici's side: an attempt at a backend

  onConnect(abort: (reason?: Error) => void): void {
    if (this.#closed) {
      abort()
      return
    }
    this.#abort = abort
    this.#sent = true
    this.#movedMs = performance.now()
    this.#forwarding.timeouts.add(this, this.#movedMs)
  }

  onRequestSent(): void {
    this.#sentWhole = true
    if (this.#bytesSent > 0) this.#movedMs = performance.now()
  }

  onResponseStarted(): void {
    this.#reading = currentReading()
    this.#reading.partial = true
  }

  onHeaders(statusCode: number, rawFields: Buffer[], resume: () => void, statusText: string): boolean {
    const reading = this.#reading!
    reading.partial = false
    this.#backend!.counters.addTotal(
      BackendCell.responses + 2 * (Math.min(Math.floor(statusCode / 100), 5) - 1),
      1
    )
    if (statusCode < 200) return true
    reading.inBody = true
    this.#forwarding.timeouts.remove(this)
    this.#statusCode = statusCode
    this.#statusText = statusText
    this.#rawFields = rawFields
    this.#resume = resume
    this.#tellHead()
    if (!this.#answering) return true
    // What has no declared length may end in trailers.
    reading.partial = this.#remaining < 0
    if (statusCode === 304 || statusCode === 204) {
      // The head is all of it. undici would take a length beside it for that of a body, and fail for its lack.
      this.onComplete([])
    } else if (this.#remaining !== 0) {
      flushAfterTurn(this)
    }
    return true
  }

  onData(chunk: Buffer): boolean {
    this.#bytesReceived += chunk.length
    this.#bodyStarted = true
    if (this.#remaining > 0) {
      this.#remaining -= chunk.length
      if (this.#remaining === 0) {
        // The last chunk goes out with the end of the message, in one write.
        this.#lastChunk = chunk
        return true
      }
    }
    const res = this.#res
    const isTaken = res.write(this.#lasting(chunk))
    // Node holds a write back to the end of the tick; let go at once, mostly the kernel takes it whole.
    res.socket?.uncork()
    if (res.writableLength === 0) return true
    this.#reading!.kept = true
    if (!isTaken) res.once('drain', this.#resume!)
    return isTaken
  }

  onComplete(rawTrailers: Buffer[]): void {
    const reading = this.#reading!
    reading.partial = reading.inBody = false
    this.#leaveBackend()
    this.#bodyStarted = true
    const res = this.#res
    const chunk = this.#lastChunk
    if (rawTrailers.length > 0) res.addTrailers(trailerFields(rawTrailers))
    if (chunk === undefined) {
      res.end()
    } else if (!endJoined(res, chunk)) {
      res.end(this.#lasting(chunk))
      if (res.writableLength > 0) reading.kept = true
    }
  }

  /** A chunk in memory that lasts until it is written. */
  #lasting(chunk: Buffer): Buffer {
    return this.#reading!.borrowed ? Buffer.from(chunk) : chunk
  }

  onBodySent(chunk: Buffer): void {
    this.#bytesSent += chunk.length
    this.#movedMs = performance.now()
  }

  onError(error: Error): void {
    if (this.#closed || this.#socket.destroyed) {
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
    if (this.#answering) {
      // Cut off: ended in good order, the client would take what it has for the whole.
      this.#res.destroy()
    } else if (!this.#retry(backend, fault)) {
      this.fail(fault.failure)
      this.#tellHead()
    }
  }

  /** While the client's next bytes are awaited, the backend has nothing to answer. */
  lastMovedMs(nowMs: number): number {
    return this.#sentWhole || this.#req.isPaused() ? this.#movedMs : nowMs
  }

  onResponseTimeout(): void {
    this.#abort?.(new errors.HeadersTimeoutError())
  }

  /** Notes that there will be no response from a backend. */
  fail(failure: Failure): void {
    this.failure = failure
    // A request that no backend could be sent is the client's failure.
    if (failure.statusCode >= 500) this.#forwarding.registry.counters.addTotal(BalancerCell.failed, 1)
  }

  /** Breaks the attempt off, if there is one. */
  destroy(): void {
    this.#abort?.()
    this.#leaveBackend()
  }

  #retry(failed: Backend, fault: AttemptFault): boolean {
    if (!mayTryAgain(this.#req, fault, this.#sent)) return false
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
    this.#abort = undefined
    this.#forwarding.timeouts.remove(this)
    backend.release()
    if (this.#bytesReceived > 0) backend.counters.addTotal(BackendCell.bytesReceived, this.#bytesReceived)
    if (this.#bytesSent > 0) backend.counters.addTotal(BackendCell.bytesSent, this.#bytesSent)
    this.#bytesReceived = this.#bytesSent = 0
  }

  #tellHead(): void {
    this.#onHead!(null, { statusCode: 200, headers: NO_HEADERS, body: this })
  }

  // --- the client's side

  #onClientClosed(): void {
    if (this.#closed) return
    this.#closed = true
    const { registry, latency } = this.#forwarding
    registry.counters.add(BalancerCell.inFlight, -1)
    const endMs = performance.now()
    if (this.#res.writableFinished) latency.record(endMs - this.#startMs, endMs)
    this.destroy()
  }
}
