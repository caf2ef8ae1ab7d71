import { nowMs } from '../clock.js'
import { Client } from './client.js'
import type { Recorder } from './samples.js'

// People and programs wait before they try again; without it a proxy that fails fast would be asked most often.
const pauseAfterFailureMs = 10
const sweepMs = 100
const dueMs = 2

/** What load to put on a proxy. */
export interface LoadSetting {
  port: number
  connections: number
  /** Requests per second; without it each connection asks again as soon as it has its answer. */
  rate: number | undefined
  /** Only counts outcomes. */
  isTallied?: boolean
}

/** Load until it is stopped; then it resolves once every request has ended. */
export interface Load {
  stop(): Promise<void>
}

/** Starts to send requests, each with a target of its own. */
export function startLoad({ port, connections, rate }: LoadSetting, recorder: Recorder): Load {
  return rate === undefined
    ? new ClosedLoop(port, connections, recorder)
    : new OpenLoop(port, connections, recorder, rate)
}

abstract class Loop implements Load {
  protected readonly clients: Client[]
  #sent = 0
  #whenIdle: (() => void) | undefined
  readonly #sweep: NodeJS.Timeout

  constructor(port: number, connections: number, recorder: Recorder) {
    this.clients = Array.from(
      { length: connections },
      () =>
        new Client(port, recorder, (client, outcome) => {
          if (outcome === 'ok') this.answered(client)
          else setTimeout(() => this.answered(client), pauseAfterFailureMs)
          this.#checkIdle()
        })
    )
    this.#sweep = setInterval(() => {
      for (const client of this.clients) client.expire(nowMs())
    }, sweepMs)
  }

  async stop(): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#whenIdle = resolve
    })
    this.#checkIdle()
    await idle
    clearInterval(this.#sweep)
    for (const client of this.clients) client.close()
  }

  protected get isStopping(): boolean {
    return this.#whenIdle !== undefined
  }

  /** Whether requests are still to be sent although the load is stopping. */
  protected abstract hasWaiting(): boolean

  /** A client may send again. */
  protected abstract answered(client: Client): void

  protected send(client: Client, startMs: number): void {
    client.send(`/r/${++this.#sent}`, startMs)
  }

  #checkIdle(): void {
    if (this.#whenIdle && !this.hasWaiting() && this.clients.every(({ isBusy }) => !isBusy)) this.#whenIdle()
  }
}

class ClosedLoop extends Loop {
  constructor(port: number, connections: number, recorder: Recorder) {
    super(port, connections, recorder)
    for (const client of this.clients) this.answered(client)
  }

  protected hasWaiting(): boolean {
    return false
  }

  protected answered(client: Client): void {
    if (!this.isStopping) this.send(client, nowMs())
  }
}

class OpenLoop extends Loop {
  readonly #free: Client[]
  readonly #dueTimesMs: number[] = []
  readonly #timer: NodeJS.Timeout

  constructor(port: number, connections: number, recorder: Recorder, rate: number) {
    super(port, connections, recorder)
    this.#free = [...this.clients]
    const beginMs = nowMs()
    let scheduled = 0
    this.#timer = setInterval(() => {
      const currentMs = nowMs()
      for (let atMs = beginMs; ; scheduled++) {
        atMs = beginMs + (scheduled * 1000) / rate
        if (atMs > currentMs) break
        this.#dueTimesMs.push(atMs)
      }
      this.#sendDue()
    }, dueMs)
  }

  override stop(): Promise<void> {
    clearInterval(this.#timer)
    return super.stop()
  }

  protected hasWaiting(): boolean {
    return this.#dueTimesMs.length > 0
  }

  protected answered(client: Client): void {
    this.#free.push(client)
    this.#sendDue()
  }

  #sendDue(): void {
    while (this.#free.length > 0 && this.#dueTimesMs.length > 0) {
      this.send(this.#free.pop()!, this.#dueTimesMs.shift()!)
    }
  }
}
