import { Agent, get } from 'node:http'
import { hostOf, type Sizes, targetOf } from './file'

/** Clients that send one request after another to all routes in turn. */
export class SteadyLoad {
  readonly #agent: Agent
  readonly #port: number
  readonly #sizes: Sizes
  readonly #clients: Promise<void>[]
  readonly #failures: string[] = []
  #answered = 0
  #next = 0
  #isOver = false

  constructor(port: number, sizes: Sizes, connections: number) {
    this.#port = port
    this.#sizes = sizes
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
    this.#clients = Array.from({ length: connections }, () => this.#client())
  }

  async stop(): Promise<{ readonly answered: number; readonly failures: readonly string[] }> {
    this.#isOver = true
    await Promise.all(this.#clients)
    this.#agent.destroy()
    return { answered: this.#answered, failures: this.#failures }
  }

  async #client(): Promise<void> {
    while (!this.#isOver) {
      const failure = await this.#request(this.#next++ % this.#sizes.routes)
      if (failure === undefined) this.#answered++
      else this.#failures.push(failure)
    }
  }

  #request(route: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      const options = {
        host: '127.0.0.1',
        port: this.#port,
        agent: this.#agent,
        path: targetOf(route),
        headers: { host: hostOf(route, this.#sizes) }
      }
      get(options, (response) => {
        let body = ''
        response.setEncoding('latin1').on('data', (part) => {
          body += part
        })
        response.on('end', () =>
          resolve(response.statusCode === 200 ? undefined : `${response.statusCode} ${body}`)
        )
        response.on('error', (error) => resolve(error.message))
      }).on('error', (error) => resolve(error.message))
    })
  }
}
