import { Agent, get } from 'node:http'

/** How many requests of a second passed at each balancer, and how many were refused or failed. */
export interface Second {
  readonly passed: number[]
  refused: number
  failed: number
}

/** An open loop of requests from one client to several balancers, so many a second, whatever becomes of them. */
export class Clients {
  readonly seconds: Second[] = []
  readonly latenciesMs: number[] = []
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 200 })
  readonly #ports: readonly number[]
  readonly #perSecond: number
  readonly #startMs = performance.now()
  readonly #owed: number[]
  #shares: readonly number[]
  readonly #timer: NodeJS.Timeout
  #atMs = this.#startMs

  constructor(ports: readonly number[], perSecond: number, shares: readonly number[]) {
    this.#ports = ports
    this.#perSecond = perSecond
    this.#owed = ports.map(() => 0)
    this.#shares = shares
    this.#timer = setInterval(() => this.#send(), 5)
  }

  /** Sets which part of the requests goes to each balancer. */
  divide(shares: readonly number[]): void {
    this.#shares = shares
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#agent.destroy()
  }

  #send(): void {
    const nowMs = performance.now()
    const seconds = (nowMs - this.#atMs) / 1000
    this.#atMs = nowMs
    for (const [index, port] of this.#ports.entries()) {
      this.#owed[index]! += this.#perSecond * this.#shares[index]! * seconds
      for (; this.#owed[index]! >= 1; this.#owed[index]!--) this.#request(index, port)
    }
  }

  #request(index: number, port: number): void {
    const sentMs = performance.now()
    get({ host: '127.0.0.1', port, agent: this.#agent }, (response) => {
      const second = this.#second()
      if (response.statusCode === 200) second.passed[index]!++
      else if (response.statusCode === 429) second.refused++
      else second.failed++
      response.resume()
      this.latenciesMs.push(performance.now() - sentMs)
    }).on('error', () => this.#second().failed++)
  }

  #second(): Second {
    const index = Math.floor((performance.now() - this.#startMs) / 1000)
    while (this.seconds.length <= index)
      this.seconds.push({ passed: this.#ports.map(() => 0), refused: 0, failed: 0 })
    return this.seconds[index]!
  }
}
