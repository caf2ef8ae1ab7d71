import { Agent, get } from 'node:http'
import { sleep } from '../test.js'
import type { Pods } from './pods.js'

/** Between two requests of one visitor. */
const PAUSE_MS = 15

interface Answer {
  readonly status: number
  readonly body: string
  readonly cookie: string | undefined
}

/** Clients that ask one after the other request, half of them in sessions. What should not happen is kept. */
export class Visitors {
  readonly faults: string[] = []
  requests = 0
  /** How often a session has moved, as its pod did not serve any more. */
  moves = 0
  readonly #started = new Map<string, number>()
  readonly #port: number
  readonly #pods: Pods
  readonly #agent = new Agent({ keepAlive: true })
  #isStopped = false
  readonly #running: Promise<void>[]

  constructor(port: number, pods: Pods, count: number) {
    this.#port = port
    this.#pods = pods
    this.#running = Array.from({ length: count }, (_, i) => this.#visit(i % 2 === 0))
  }

  /** How many sessions have begun on a pod. */
  startedOn(pod: string): number {
    return this.#started.get(pod) ?? 0
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#running)
    this.#agent.destroy()
  }

  async #visit(hasSession: boolean): Promise<void> {
    let cookie: string | undefined
    let pod: string | undefined
    while (!this.#isStopped) {
      const { status, body, cookie: given } = await this.#ask(cookie)
      this.requests++
      if (given !== undefined) this.#started.set(body, this.startedOn(body) + 1)
      if (status !== 200) this.faults.push(`status ${status}: ${body}`)
      else if (hasSession) {
        if (pod !== undefined && body !== pod) {
          this.moves++
          if (this.#pods.isServing(pod))
            this.faults.push(`a session moved from ${pod}, which serves, to ${body}`)
        }
        pod = body
        cookie = given ?? cookie
      } else if (given === undefined) this.faults.push('an answer to somebody without a session began none')
      await sleep(PAUSE_MS)
    }
  }

  #ask(cookie: string | undefined): Promise<Answer> {
    const headers = cookie === undefined ? {} : { cookie }
    return new Promise((resolve) => {
      const failed = (error: Error) => resolve({ status: 0, body: error.message, cookie: undefined })
      get({ port: this.#port, agent: this.#agent, headers }, (res) => {
        let body = ''
        res.setEncoding('utf8').on('error', failed)
        res.on('data', (text) => {
          body += text
        })
        res.on('end', () => {
          const [set] = res.headers['set-cookie'] ?? []
          resolve({ status: res.statusCode!, body, cookie: set?.split(';')[0] })
        })
      }).on('error', failed)
    })
  }
}
