import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { atEnd } from './test.js'

/** A request as a server of HTTP/2 sees it. */
export interface StreamRequest {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn. */
  readonly raw: readonly string[]
}

/** A backend that is Node's server of HTTP/2. */
export class Http2Backend {
  readonly requests: StreamRequest[] = []
  readonly sessions = new Set<ServerHttp2Session>()
  /** Connections so far. */
  connections = 0
  readonly server: Http2Server
  readonly #isSecure: boolean

  constructor(server: Http2Server, isSecure: boolean, answer: (request: StreamRequest) => void) {
    this.server = server
    this.#isSecure = isSecure
    server.on('session', (session) => {
      this.connections++
      this.sessions.add(session)
      session.on('close', () => this.sessions.delete(session)).on('error', () => {})
    })
    const onStream = (
      stream: ServerHttp2Stream,
      headers: IncomingHttpHeaders,
      _flags: number,
      raw: string[]
    ) => {
      stream.on('error', () => {})
      const request = { stream, headers, raw }
      this.requests.push(request)
      answer(request)
    }
    // The types do not know of the last of its arguments.
    server.on('stream', onStream as never)
    server.on('sessionError', () => {})
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** As `LB_BACKENDS` has it. */
  get address(): string {
    return this.#isSecure ? `https://localhost:${this.port};h2` : `127.0.0.1:${this.port};h2`
  }

  /** Closes at once. */
  kill(): void {
    for (const session of this.sessions) session.destroy()
    this.server.close()
  }
}

export async function http2Backend(
  t: Test,
  answer: (request: StreamRequest) => void,
  options: ServerOptions = {}
): Promise<Http2Backend> {
  return listening(t, new Http2Backend(createServer(options), false, answer))
}

export async function secureHttp2Backend(
  t: Test,
  answer: (request: StreamRequest) => void,
  options: SecureServerOptions
): Promise<Http2Backend> {
  return listening(t, new Http2Backend(createSecureServer(options) as never, true, answer))
}

async function listening(t: Test, backend: Http2Backend): Promise<Http2Backend> {
  await new Promise<void>((resolve) => backend.server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => backend.kill())
  return backend
}

/** The body of a request, once it has come. */
export async function bodyOf({ stream }: StreamRequest): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts)
}

/** Answers with these fields and this body. */
export function answering(body: string | Buffer = 'ok', fields: Record<string, string | string[]> = {}) {
  return ({ stream }: StreamRequest): void => {
    stream.respond({ ':status': 200, ...fields })
    stream.end(body)
  }
}
