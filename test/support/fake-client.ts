import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { ClientStream, ClientTunnel } from '../../lib/proxy/response/client-stream.js'
import type { ResponseHead } from '../../lib/transport/http1/response-head.js'

/** The client's side of one request, without a socket: it records what it is sent. */
export class FakeClient implements ClientStream {
  readonly req: IncomingMessage
  statusCode = 0
  writableLength = 0
  readonly writableHighWaterMark = 10
  takesBulk = false
  writableFinished = false
  /** What it was sent, in order. */
  readonly sent: string[] = []
  #onTaken: (() => void) | undefined
  readonly #closers: (() => void)[] = []

  constructor(method = 'GET', headers: Record<string, string> = {}) {
    const socket = Object.assign(new EventEmitter(), {
      destroyed: false,
      remoteAddress: '192.0.2.1',
      localPort: 80
    })
    this.req = {
      method,
      url: '/',
      headers: { host: 'a.test', ...headers },
      rawHeaders: ['Host', 'a.test'],
      httpVersion: '1.1',
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      complete: true,
      socket
    } as unknown as IncomingMessage
  }

  /** The response is written to its end, or the client leaves. */
  close(): void {
    this.writableFinished = this.sent.some((what) => what === 'end' || what.startsWith('answer'))
    for (const close of this.#closers) close()
  }

  /** The client closes its connection. */
  leave(): void {
    ;(this.req.socket as { destroyed: boolean }).destroyed = true
    this.close()
  }

  /** The client takes all that it was sent. */
  take(): void {
    this.writableLength = 0
    this.#onTaken?.()
  }

  whenOver(callback: () => void): void {
    this.#closers.push(callback)
  }

  whenTaken(callback: () => void): void {
    this.#onTaken = callback
  }

  sendInterim(head: ResponseHead): void {
    this.sent.push(`interim ${head.statusCode}`)
  }

  begin(head: ResponseHead): void {
    this.statusCode = head.statusCode
    this.sent.push(`head ${head.statusCode}`)
  }

  sendPart(part: Buffer): void {
    this.writableLength += part.length
    this.sent.push(`part ${part}`)
  }

  flush(): void {
    this.sent.push('flush')
  }

  finish(last: Buffer | undefined, trailers: readonly string[]): void {
    if (last) this.sent.push(`last ${last}`)
    if (trailers.length > 0) this.sent.push(`trailers ${trailers.join(' ')}`)
    this.sent.push('end')
  }

  cutOff(): void {
    this.sent.push('cut off')
  }

  answer(statusCode: number): void {
    this.statusCode = statusCode
    this.sent.push(`answer ${statusCode}`)
  }

  clientTunnel(): ClientTunnel {
    throw new Error('opens no tunnel')
  }
}
