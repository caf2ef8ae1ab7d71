import { networkErrorCode } from '../../base/network-error.js'
import type { Backend } from '../../pool/backend.js'
import { Exchange } from '../../proxy/exchange.js'
import { requestTo } from '../../proxy/request/request-host.js'
import type { SecondAttempt } from '../../proxy/retry/hedge.js'
import type { ResponseHandler } from '../../transport/backend-stream.js'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import type { AttemptSpan, RequestSpan } from './request-span.js'

/** An exchange whose request is recorded as a span, and each attempt as one below it. */
export class TracedExchange extends Exchange {
  /** Of the attempts under way, no two of which are at the same backend. */
  readonly #attempts = new Map<Backend, AttemptSpan>()

  get #span(): RequestSpan {
    return this.by.trace as RequestSpan
  }

  protected override dispatch(backend: Backend, handler: ResponseHandler): void {
    const span = this.#span.attempt(backend, this.attempts)
    this.attempts++
    if (span) this.#attempts.set(backend, span)
    const request = requestTo(backend, this.request)
    backend.pool.dispatch(span ? span.requestOf(request) : request, handler)
  }

  override onHead(head: ResponseHead): void {
    this.#attemptAt(this.backend)?.onStatus(head.statusCode)
    super.onHead(head)
  }

  override onSecondHead(second: SecondAttempt, head: ResponseHead): void {
    this.#attemptAt(second.backend)?.onStatus(head.statusCode)
    super.onSecondHead(second, head)
  }

  override onError(error: Error): void {
    this.#attemptAt(this.backend)?.onError(networkErrorCode(error))
    super.onError(error)
  }

  override onSecondError(second: SecondAttempt, error: Error): void {
    this.#attemptAt(second.backend)?.onError(networkErrorCode(error))
    super.onSecondError(second, error)
  }

  /** With the slot an attempt ends, however it does. */
  protected override giveSlot(backend: Backend): void {
    this.#attempts.get(backend)?.end()
    this.#attempts.delete(backend)
    super.giveSlot(backend)
  }

  protected override onEnded(): void {
    super.onEnded()
    this.#span.end(this)
  }

  #attemptAt(backend: Backend | undefined): AttemptSpan | undefined {
    return backend && this.#attempts.get(backend)
  }
}
