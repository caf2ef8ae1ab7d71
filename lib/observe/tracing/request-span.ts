import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api'
import type { Backend } from '../../pool/backend.js'
import type { EndedRequest } from '../../proxy/ended-request.js'
import type { AttemptTrace, TraceContext } from '../../proxy/request/forwarding-fields.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import { authorityOf } from '../../transport/origin.js'
import { type RequestTrace, type TraceParent, traceParentLine } from './trace-context.js'

/** Constants of the packages, which are only loaded if there are spans. */
export const CLIENT_KIND = 2
export const ERROR_STATUS = 2

/** Methods that a span may be named after (HTTP semantic conventions); any other is the client's choice. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'])
const OTHER_METHOD = '_OTHER'

/** The name of a span, and the attributes of its method. */
export function methodOf(method: string): { name: string; attributes: Attributes } {
  if (METHODS.has(method)) return { name: method, attributes: { 'http.request.method': method } }
  return {
    name: 'HTTP',
    attributes: { 'http.request.method': OTHER_METHOD, 'http.request.method_original': method }
  }
}

/** The span of a request, from its head to the end of the response. */
export class RequestSpan implements RequestTrace {
  readonly traceId: string
  readonly line: string
  readonly replaced: readonly string[]
  readonly #span: Span
  readonly #context: Context
  readonly #tracer: Tracer
  readonly #method: string
  readonly #url: string

  /**
   * @param own what a backend is sent, where attempts are not recorded
   * @param context of the spans below it
   * @param url the path and query, without secrets
   */
  constructor(own: TraceContext, span: Span, context: Context, tracer: Tracer, method: string, url: string) {
    this.traceId = own.traceId
    this.line = own.line
    this.replaced = own.replaced
    this.#span = span
    this.#context = context
    this.#tracer = tracer
    this.#method = method
    this.#url = url
  }

  /**
   * Starts the span of an attempt, if it is recorded.
   * @param before number of earlier attempts
   */
  beginAttempt(backend: Backend, before: number): AttemptSpan | undefined {
    if (!this.#span.isRecording()) return undefined
    const { name, attributes } = methodOf(this.#method)
    const { protocol, hostname, port, socketPath } = backend.config
    attributes['server.address'] = socketPath ?? hostname
    if (socketPath === undefined) attributes['server.port'] = port
    attributes['url.full'] = `${protocol}//${authorityOf(backend.config)}${this.#url}`
    attributes['network.protocol.version'] = backend.config.h2 ? '2' : '1.1'
    if (before > 0) attributes['http.request.resend_count'] = before
    const span = this.#tracer.startSpan(name, { kind: CLIENT_KIND, attributes }, this.#context)
    return new AttemptSpan(span, this.line)
  }

  end({ statusCode, failure, res, changesProtocol, by: { route } }: EndedRequest): void {
    const span = this.#span
    if (route) span.setAttribute('fairlead.route', route.route)
    if (route?.pool !== undefined) span.setAttribute('fairlead.pool', route.pool)
    if (statusCode > 0) span.setAttribute('http.response.status_code', statusCode)
    const isAborted = !res.writableFinished && !changesProtocol
    if (failure || statusCode >= 500 || isAborted)
      span.setAttribute('error.type', failure?.code ?? (statusCode >= 500 ? `${statusCode}` : 'aborted'))
    // A fault of the client is no error of the server, nor is a client that leaves.
    if (statusCode >= 500 || (failure && isAborted)) {
      const message = failure?.message
      span.setStatus(message === undefined ? { code: ERROR_STATUS } : { code: ERROR_STATUS, message })
    }
    span.end()
  }
}

/** The span of an attempt at a backend, from its choice to the end of its response. */
export class AttemptSpan implements AttemptTrace {
  readonly #span: Span
  readonly #parentLine: string

  constructor(span: Span, parentLine: string) {
    this.#span = span
    this.#parentLine = parentLine
  }

  /** The request with this span as the parent of the backend's. */
  requestOf(request: OutgoingRequest): OutgoingRequest {
    const { traceId, spanId, traceFlags: flags } = this.#span.spanContext()
    const own: TraceParent = { traceId, spanId, flags }
    return { ...request, head: request.head.replace(this.#parentLine, traceParentLine(own)) }
  }

  onStatus(statusCode: number): void {
    this.#span.setAttribute('http.response.status_code', statusCode)
    if (statusCode >= 400) this.onError(`${statusCode}`)
  }

  onError(type: string): void {
    this.#span.setAttribute('error.type', type)
    this.#span.setStatus({ code: ERROR_STATUS })
  }

  end(): void {
    this.#span.end()
  }
}
