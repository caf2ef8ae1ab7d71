import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders
} from 'node:http2'
import { connect as connectPlain } from 'node:net'
import type { Test } from 'tap'
import { securePorts } from './secure-ports.js'
import { atEnd, eventually } from './test.js'

/** What came back on a stream. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly trailers: IncomingHttpHeaders
  /** Statuses of interim responses. */
  readonly interim: number[]
  /** How the stream ended, 0 if well. */
  readonly code: number
}

/** A session of HTTP/2 with a balancer, over TLS where that speaks it. */
export class Http2Client {
  private constructor(readonly session: ClientHttp2Session) {}

  /** @param before what is sent on the connection first, which is not over TLS then */
  static async open(
    t: Test,
    port: number,
    before?: string,
    more: ClientSessionOptions = {}
  ): Promise<Http2Client> {
    const tls = securePorts.get(port)
    const opened = () => {
      const socket = connectPlain({ host: '127.0.0.1', port })
      socket.write(Buffer.from(before!, 'latin1'))
      return socket
    }
    const options = before === undefined ? { ...tls, ...more } : { createConnection: opened, ...more }
    const session = connect(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`, options)
    session.on('error', () => {})
    atEnd(t, () => session.destroy())
    await once(session, 'remoteSettings')
    return new Http2Client(session)
  }

  /** Begins a request; its head alone if no more is to come. */
  begin(headers: OutgoingHttpHeaders, hasMore = false, waitForTrailers = false): ClientHttp2Stream {
    const stream = this.session.request(
      { ':authority': 'a.test', ...headers },
      { endStream: !hasMore, waitForTrailers }
    )
    stream.on('error', () => {})
    return stream
  }

  /** Sends a request, and waits for the end of the answer. */
  ask(headers: OutgoingHttpHeaders, body?: Buffer | string): Promise<Answer> {
    const stream = this.begin(headers, body !== undefined)
    if (body !== undefined) stream.end(body)
    return answerOn(stream)
  }

  get(path: string): Promise<Answer> {
    return this.ask({ ':path': path })
  }
}

/** What comes on a stream, up to its end. */
export async function answerOn(stream: ClientHttp2Stream, timeoutMs = 10_000): Promise<Answer> {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  const interim: number[] = []
  const parts: Buffer[] = []
  stream.on('headers', (fields) => interim.push(Number(fields[':status'])))
  stream.on('continue', () => interim.push(100))
  stream.on('response', (fields) => {
    headers = fields
  })
  stream.on('trailers', (fields) => {
    trailers = fields
  })
  stream.on('data', (part) => parts.push(part))
  await eventually(() => stream.closed && stream.destroyed, timeoutMs)
  return {
    status: Number(headers[':status'] ?? 0),
    headers,
    body: Buffer.concat(parts).toString('latin1'),
    trailers,
    interim,
    code: stream.rstCode ?? 0
  }
}
