import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** A change that the balancer has been told of, and when that was answered, in milliseconds since 1970. */
export interface MemberChange {
  readonly kind: 'joins' | 'leaves'
  readonly host: string
  readonly at: number
}

/** The loopback address of a backend. */
export const hostOf = (index: number) => `127.1.${index >> 8}.${index & 255}`

/** Backends that register themselves, come and go. */
export class Churn {
  readonly changes: MemberChange[] = []
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 })
  readonly #port: number
  readonly #backendPort: number
  readonly #token: string
  readonly #first: number
  readonly #present: number[] = []
  #next = 0
  #isOver = false
  #running = Promise.resolve()

  /** @param first which address is the first of them */
  constructor(port: number, backendPort: number, token: string, first: number) {
    this.#port = port
    this.#first = first
    this.#backendPort = backendPort
    this.#token = token
  }

  /** Adds so many. */
  async fill(count: number): Promise<void> {
    while (this.#present.length < count) await this.#join()
  }

  /** From now on backends come and go in turn, so many changes a second. */
  start(changesPerSecond: number): void {
    this.#isOver = false
    this.#running = this.#run(1000 / changesPerSecond)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #run(everyMs: number): Promise<void> {
    let atMs = performance.now()
    for (let count = 0; !this.#isOver; count++) {
      await (count % 2 === 0 ? this.#join() : this.#leave())
      atMs += everyMs
      await sleep(Math.max(0, atMs - performance.now()))
    }
  }

  async #join(): Promise<void> {
    const index = this.#first + this.#next++
    await this.#send('PUT', index, JSON.stringify({ ttl: 300 }))
    this.#present.push(index)
    this.changes.push({ kind: 'joins', host: hostOf(index), at: Date.now() })
  }

  async #leave(): Promise<void> {
    const [index] = this.#present.splice(Math.floor(Math.random() * this.#present.length), 1)
    await this.#send('DELETE', index!)
    this.changes.push({ kind: 'leaves', host: hostOf(index!), at: Date.now() })
  }

  #send(method: string, index: number, body?: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const path = `/__lb/api/leases/${hostOf(index)}:${this.#backendPort}`
      const headers = {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      }
      const options = { host: '127.0.0.1', port: this.#port, method, path, agent: this.#agent, headers }
      request(options, (response) => {
        const { statusCode = 0 } = response
        response.resume().on('end', () => {
          if (statusCode < 300) resolve()
          else reject(new Error(`${method} ${path}: ${statusCode}`))
        })
      })
        .on('error', reject)
        .end(body)
    })
  }
}
