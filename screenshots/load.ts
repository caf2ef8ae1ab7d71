import { Agent, request } from 'node:http'
import type { Target } from './plans.js'

const TICK_MS = 20
/** Requests a second: they rise and fall, as those of people do. */
const MEAN = 90
const SWING = 35
const PERIOD_MS = 170_000
const NOISE = 0.35

/** Clients of a balancer, far from what it could bear. */
export class Load {
  readonly #url: string
  readonly #targets: readonly Target[]
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  readonly #timer: NodeJS.Timeout
  #due = 0
  #atMs = performance.now()

  constructor(url: string, targets: readonly Target[]) {
    this.#url = url
    this.#targets = targets
    this.#timer = setInterval(() => this.#send(), TICK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#agent.destroy()
  }

  #send(): void {
    const nowMs = performance.now()
    const wave = Math.sin((nowMs / PERIOD_MS) * 2 * Math.PI) + 0.4 * Math.sin((nowMs / 23_000) * 2 * Math.PI)
    const rate = (MEAN + SWING * wave) * (1 + NOISE * (2 * Math.random() - 1))
    this.#due += (rate * (nowMs - this.#atMs)) / 1000
    this.#atMs = nowMs
    for (; this.#due >= 1; this.#due--) {
      const { path, host } = this.#targets[Math.floor(Math.random() * this.#targets.length)]!
      const headers = host === undefined ? {} : { host }
      // What a client sees of a failure is not what is looked at here.
      request(`${this.#url}${path}`, { agent: this.#agent, headers }, (response) => response.resume())
        .on('error', () => {})
        .end()
    }
  }
}
