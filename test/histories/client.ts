import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Backend } from '../../lib/backend.js'
import type { Exchange } from '../../lib/forward/exchange.js'
import type { Attempt } from './pool.js'

/** Name of the cookie that keeps clients on backends. */
export const COOKIE = 'lb'

const SET_COOKIE = new RegExp(`^Set-Cookie: ${COOKIE}=([^;]+)`, 'm')

/** A client of one request, as far as an exchange looks at it: no socket, no bytes. */
export class Client {
  readonly req: IncomingMessage
  readonly res: ServerResponse
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

  /** @param keptOn the backend whose cookie it sends */
  constructor(
    readonly id: number,
    readonly method: string,
    readonly keptOn: Backend | undefined,
    cookie: string | undefined
  ) {
    const socket = { destroyed: false, remoteAddress: '127.0.0.1', localPort: 80, cork() {}, uncork() {} }
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
    this.res = this.#response(socket) as unknown as ServerResponse
  }

  get isAsking(): boolean {
    return this.attempts.some((attempt) => attempt.isUnderWay)
  }

  /** Whether it was told how its request ended. */
  get isAnswered(): boolean {
    return this.status > 0
  }

  /** The cookie that it was given. */
  get cookieGiven(): string | undefined {
    return SET_COOKIE.exec((this.res as unknown as { _header: string })._header)?.[1]
  }

  /** Its side is over, whether it has its answer or not. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.res.emit('close')
  }

  #answer(status: number): void {
    if (this.status > 0) throw new Error(`client ${this.id} is answered twice`)
    this.status = status
  }

  #response(socket: object): EventEmitter {
    const client = this
    return Object.assign(new EventEmitter(), {
      socket,
      req: this.req,
      shouldKeepAlive: true,
      writableLength: 0,
      writableHighWaterMark: 16_384,
      writableFinished: true,
      _hasBody: true,
      _header: '',
      _headerSent: true,
      _keepAliveTimeout: 0,
      writeHead(status: number) {
        client.#answer(status)
      },
      end(body?: string) {
        if (client.status === 0) client.#answer((this as unknown as { statusCode: number }).statusCode)
        if (body) client.code = (JSON.parse(body) as { code: string }).code
        client.isEnding = true
      },
      destroy() {
        client.status = -1
        client.isCut = client.isEnding = true
      }
    })
  }
}
