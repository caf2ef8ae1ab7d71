import type { IncomingMessage } from 'node:http'
import type { Backend } from '../../pool/backend.js'
import type { OutgoingRequest } from '../../transport/backend-stream.js'
import type { ResponseHead } from '../../transport/http1/response-head.js'
import { Attempt, type AttemptOwner } from '../attempt.js'
import { classify } from '../failure.js'
import type { Forwarding } from '../forwarding.js'
import { Upload } from '../request/upload.js'

const NO_ROUTE = { route: undefined, mirror: undefined }
const NO_LIMITS = { maxBodyBytes: 0, bodyTimeoutMs: 0 }

/** A request that is sent to a further backend, once, and whose answer nobody gets. */
export class Shadow implements AttemptOwner {
  readonly by = NO_ROUTE
  readonly needsNewConnection = false
  readonly upload: Upload | undefined
  readonly startMs = performance.now()
  aborted = false
  #statusCode = 0
  readonly #attempt: Attempt
  readonly #request: OutgoingRequest
  readonly #onEnd: (isAnswered: boolean, isSent: boolean) => void

  /**
   * @param request that another backend was sent whole
   * @param backend on which a slot is held, that passes to this
   * @param onEnd called once, unless it is cut off
   */
  constructor(
    readonly forwarding: Forwarding,
    request: OutgoingRequest,
    backend: Backend,
    onEnd: (isAnswered: boolean, isSent: boolean) => void
  ) {
    const body = request.body && sentBody(request.body)
    this.#request = { ...request, body, replayable: false }
    this.upload = body && new Upload(body, NO_LIMITS, undefined, this)
    this.#attempt = new Attempt(this, backend)
    this.#onEnd = onEnd
  }

  start(): void {
    this.#attempt.start(this.#request, undefined)
  }

  /** Ends it without an answer. */
  giveUp(): void {
    this.aborted = true
    this.#attempt.stream?.destroy()
    this.#attempt.end()
  }

  onInterim(): void {}

  onHead(_attempt: Attempt, { statusCode }: ResponseHead): void {
    this.#statusCode = statusCode
  }

  onData(): void {}

  onReadEnd(): void {}

  onLate(): void {}

  onEnd(attempt: Attempt): void {
    this.forwarding.onComplete(attempt.backend, this.#statusCode)
    this.#end(true, true)
  }

  onFailure(attempt: Attempt, error: Error): void {
    const { backend, isSent, isReused } = attempt
    this.#end(false, isSent)
    // It is not the backend that has closed the connection.
    if (!this.forwarding.isStopped) this.forwarding.onFault(backend, classify(error, isSent), isReused)
  }

  #end(isAnswered: boolean, isSent: boolean): void {
    this.aborted = true
    this.#attempt.end()
    this.#onEnd(isAnswered, isSent)
  }
}

/** What sends a body needs of one that has been read to its end; all of it comes from the buffer. */
function sentBody({ headers, rawTrailers }: IncomingMessage): IncomingMessage {
  const body = {
    headers,
    rawTrailers,
    readableEnded: true,
    complete: true,
    isPaused: () => true,
    on: () => body,
    off: () => body,
    pause: () => body,
    resume: () => body
  }
  return body as unknown as IncomingMessage
}
