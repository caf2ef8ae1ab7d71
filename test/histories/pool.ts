import type { Backend } from '../../lib/pool/backend.js'
import type { BackendStream, ResponseHandler } from '../../lib/transport/backend-stream.js'
import { parseResponseHead, type ResponseHead } from '../../lib/transport/http1/response-head.js'
import type { Client } from './client.js'

/** A request that was given to a backend: what its connection would do, when the history says so. */
export class Attempt {
  isSent = false
  hasHead = false
  /** Told of by the connection. */
  hasEnded = false
  /** The backend says that it has not looked at the request. */
  isRefused = false
  isFailed = false
  /** Its connection broke, and had carried other requests before. */
  isStale = false
  /** Closed by the exchange. */
  isDropped = false
  readonly #handler: ResponseHandler

  constructor(
    readonly client: Client,
    readonly backend: Backend,
    handler: ResponseHandler,
    /** Whether it is the first of its request. */
    readonly isFirst: boolean,
    /** Whether another backend was still asked when it began. */
    readonly isSecond: boolean,
    readonly isReused: boolean
  ) {
    this.#handler = handler
  }

  /** Whether it holds a slot. */
  get isUnderWay(): boolean {
    return !this.hasEnded && !this.isDropped && !this.#handler.aborted
  }

  /** The connection stands, and the request is written. */
  send(): void {
    this.isSent = true
    this.#handler.onSending(this.#connection)
    if (!this.isDropped) this.#handler.onSent()
  }

  /** The head of a response comes. */
  head(status: number): void {
    this.hasHead = true
    this.#handler.onHead(headOf(status))
  }

  /** The response is whole. */
  end(): void {
    this.hasEnded = true
    this.#handler.onEnd([])
  }

  /** The response did not come in time. */
  timeOut(): void {
    ;(this.#handler as unknown as { onResponseTimeout(): void }).onResponseTimeout()
  }

  fail(error: Error): void {
    if (this.hasEnded || this.isDropped) return
    this.hasEnded = this.isFailed = true
    this.isRefused = error === errorOf(REFUSED_UNPROCESSED)
    this.isStale =
      this.isReused && this.isSent && !this.isRefused && LOSSES.has((error as { code?: string }).code!)
    this.#handler.onError(error)
  }

  /** Another attempt has answered: this one holds no slot from here on. */
  lose(): void {
    this.hasEnded = true
  }

  get #connection(): BackendStream {
    const drop = () => {
      this.isDropped = true
    }
    const { isReused } = this
    const unused = () => {}
    return {
      isReused,
      readsBulk: false,
      tunnel: undefined,
      destroy: drop,
      fail: (error: Error) => this.fail(error),
      pause: unused,
      resume: unused
    }
  }
}

/** Codes of a connection that broke. */
const LOSSES = new Set(['ECONNRESET', 'LB_CONNECTION_CLOSED'])

/** The code of what a backend of HTTP/2 may say of a request. */
export const REFUSED_UNPROCESSED = 'LB_REQUEST_REFUSED'

/** An error as Node has them; one of each is enough. */
export function errorOf(code: string): Error {
  const error = errors.get(code) ?? Object.assign(new Error(code), { code })
  errors.set(code, error)
  return error
}

const errors = new Map<string, Error>()

/** A head with an empty body. It is written to by nobody. */
function headOf(status: number): ResponseHead {
  let head = heads.get(status)
  if (!head) {
    head = parseResponseHead(`HTTP/1.1 ${status} x\r\nContent-Length: 0\r\n`)
    heads.set(status, head)
  }
  return head
}

const heads = new Map<number, ResponseHead>()
