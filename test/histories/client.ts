import type { IncomingMessage } from 'node:http'
import type { Backend } from '../../lib/pool/backend.js'
import type { Exchange } from '../../lib/proxy/exchange.js'
import type { ClientStream, ClientTunnel } from '../../lib/proxy/response/client-stream.js'
import type { ResponseHead } from '../../lib/transport/http1/response-head.js'
import type { Attempt } from './pool.js'

/** Name of the cookie that keeps clients on backends. */
export const COOKIE = 'lb'

const SET_COOKIE = new RegExp(`^Set-Cookie: ${COOKIE}=([^;]+)`, 'm')

const nothing = () => {}

/** A client of one request, as far as an exchange looks at it: no socket, no bytes. */
export class Client implements ClientStream {
  readonly req: IncomingMessage
  exchange: Exchange | undefined
  /** All that were made for it, the ones under way last. */
  readonly attempts: Attempt[] = []
  /** Since when nothing is asked for it while it is open. */
  idleSinceMs = 0
  /** Of an answer of the balancer's own. */
  code = ''
  status = 0
  /** Its answer was cut off. */
  isCut = false
  /** The answer is whole, and not yet written to the end. */
  isEnding = false
  isClosed = false
  /** No backend could be used when it came. */
  isStranded = false
  /** The cookie that it was given. */
  cookieGiven: string | undefined
  readonly writableLength = 0
  readonly writableHighWaterMark = 16_384
  readonly takesBulk = false
  readonly writableFinished = true
  readonly #closers: (() => void)[] = []
  #begunWith = 0

  /** @param keptOn the backend whose cookie it sends */
  constructor(
    readonly id: number,
    readonly method: string,
    readonly keptOn: Backend | undefined,
    cookie: string | undefined
  ) {
    const socket = { destroyed: false, remoteAddress: '127.0.0.1', localPort: 80 }
    const headers: Record<string, string> = { host: 'a.test' }
    if (cookie !== undefined) headers.cookie = `${COOKIE}=${cookie}`
    const request = {
      method,
      url: `/${id}`,
      headers,
      rawHeaders: ['Host', 'a.test'],
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      complete: true,
      socket
    }
    this.req = request as unknown as IncomingMessage
  }

  get isAsking(): boolean {
    return this.attempts.some((attempt) => attempt.isUnderWay)
  }

  /** Whether it was told how its request ended. */
  get isAnswered(): boolean {
    return this.status > 0
  }

  /** Its side is over, whether it has its answer or not. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    for (const closed of this.#closers) closed()
  }

  get statusCode(): number {
    return this.status
  }

  whenOver(callback: () => void): void {
    this.#closers.push(callback)
  }

  begin(head: ResponseHead, lines: string): void {
    this.#begunWith = head.statusCode
    this.cookieGiven = SET_COOKIE.exec(lines)?.[1]
  }

  finish(): void {
    this.#take(this.#begunWith)
    this.isEnding = true
  }

  answer(statusCode: number, _phrase: string, _fields: readonly string[], body: string): void {
    this.#take(statusCode)
    this.code = (JSON.parse(body) as { code: string }).code
    this.isEnding = true
  }

  cutOff(): void {
    this.status = -1
    this.isCut = this.isEnding = true
  }

  readonly whenTaken = nothing
  readonly sendInterim = nothing
  readonly sendPart = nothing
  readonly flush = nothing

  clientTunnel(): ClientTunnel {
    throw new Error('no history has tunnels')
  }

  #take(status: number): void {
    if (this.status > 0) throw new Error(`client ${this.id} is answered twice`)
    this.status = status
  }
}
