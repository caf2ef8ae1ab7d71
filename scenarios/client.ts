import { Agent, type IncomingHttpHeaders, request } from 'node:http'

const TIMEOUT_MS = 30_000

/** A whole answer. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Call {
  readonly method?: string
  readonly body?: string
}

/** An HTTP client of one server that keeps its connections open. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true })

  constructor(readonly port: number) {}

  /** Sends a request. Rejects if there is no whole answer. */
  send(path: string, { method = 'GET', body }: Call = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: this.port,
        path,
        method,
        agent: this.#agent,
        timeout: TIMEOUT_MS
      }
      const req = request(options, (res) => {
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('error', reject)
        res.on('end', () =>
          resolve({ status: res.statusCode!, headers: res.headers, body: Buffer.concat(chunks).toString() })
        )
      })
      req.on('timeout', () => req.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
      req.on('error', reject)
      req.end(body)
    })
  }

  /** The parsed answer to a GET. */
  async json<T>(path: string): Promise<T> {
    const { status, body } = await this.send(path)
    if (status !== 200) throw new Error(`GET ${path} was answered ${status}: ${body}`)
    return JSON.parse(body) as T
  }

  /** Closes its connections. */
  close(): void {
    this.#agent.destroy()
  }
}
