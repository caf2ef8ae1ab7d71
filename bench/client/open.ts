import { setTimeout as sleep } from 'node:timers/promises'

import type { LoadReport } from '../load-report'
import { nowMs } from './clock'
import { Connection, type Target } from './connection'
import { startMetronome } from './metronome'
import { latenciesOf, Tally } from './tally'

const metronomeStartMs = 100
const finishWithinMs = 1000

/** Requests at a fixed rate; a latency counts from when the request was due, so that waiting for a connection counts. */
export async function openLoop(
  targets: Target[],
  connections: number,
  rate: number,
  seconds: number
): Promise<LoadReport> {
  const loop = new OpenLoop(targets, connections)
  await loop.opened
  return loop.run(rate, seconds)
}

class OpenLoop {
  /** Every connection has had an answer, or was lost. */
  readonly opened: Promise<void>
  readonly #free: OpenClient[] = []
  readonly #queueMs: number[] = []
  readonly #lagsMs: number[] = []
  readonly #clients: OpenClient[]
  #tally: Tally | undefined

  constructor(targets: Target[], connections: number) {
    let missing = connections
    let whenOpened = () => {}
    this.opened = new Promise((resolve) => {
      whenOpened = resolve
    })
    const released = (client: OpenClient) => {
      if (missing > 0 && --missing === 0) whenOpened()
      this.#free.push(client)
      this.#sendQueued()
    }
    this.#clients = Array.from(
      { length: connections },
      (_, index) => new OpenClient(targets[index % targets.length]!, () => this.#tally, released)
    )
  }

  async run(rate: number, seconds: number): Promise<LoadReport> {
    const startMs = nowMs() + metronomeStartMs
    const total = Math.floor(rate * seconds)
    let scheduled = 0
    const tally = new Tally(startMs)
    this.#tally = tally
    const schedule = (count: number) => {
      while (scheduled < Math.min(count, total)) this.#due(startMs + (++scheduled * 1000) / rate)
    }
    const metronome = startMetronome({ rate, startMs }, schedule)
    await sleep(metronomeStartMs + seconds * 1000)
    await metronome.terminate()
    // The last one is due at the very end.
    schedule(total)
    const report = { durationMicroseconds: seconds * 1e6, clientLagMs: latenciesOf(this.#lagsMs).p99 }
    for (const endMs = nowMs() + finishWithinMs; nowMs() < endMs && this.#isBusy; ) await sleep(10)
    for (const dueMs of this.#queueMs) tally.unanswered(nowMs() - dueMs)
    for (const client of this.#clients) client.end()
    return { ...tally.report(), ...report }
  }

  get #isBusy(): boolean {
    return this.#free.length < this.#clients.length
  }

  #due(dueMs: number): void {
    if (this.#free.length > 0) this.#lagsMs.push(nowMs() - dueMs)
    this.#queueMs.push(dueMs)
    this.#sendQueued()
  }

  #sendQueued(): void {
    while (this.#free.length > 0 && this.#queueMs.length > 0) this.#free.pop()!.send(this.#queueMs.shift()!)
  }
}

/** A connection that is opened anew, when it is needed again, after it was lost. */
class OpenClient {
  readonly #target: Target
  readonly #tally: () => Tally | undefined
  readonly #released: (client: OpenClient) => void
  #connection: Connection | undefined
  #dueMs: number | undefined = 0

  /**
   * @param tally where answers count, once the run has begun
   * @param released called when a request, the first of its own included, has ended
   */
  constructor(target: Target, tally: () => Tally | undefined, released: (client: OpenClient) => void) {
    this.#target = target
    this.#tally = tally
    this.#released = released
    this.#open()
  }

  send(dueMs: number): void {
    this.#dueMs = dueMs
    if (this.#connection) this.#connection.send()
    else this.#open()
  }

  end(): void {
    if (this.#dueMs !== undefined) this.#tally()?.unanswered(nowMs() - this.#dueMs)
    this.#connection?.close()
  }

  #open(): void {
    const connection = new Connection(this.#target, {
      connected: () => connection.send(),
      answered: (status) => {
        this.#tally()?.answered(status, nowMs() - this.#dueMs!)
        this.#release()
      },
      lost: (how) => {
        const tally = this.#tally()
        if (tally && this.#dueMs !== undefined) tally.failures[how]++
        this.#connection = undefined
        this.#release()
      }
    })
    this.#connection = connection
  }

  #release(): void {
    if (this.#dueMs === undefined) return
    this.#dueMs = undefined
    this.#released(this)
  }
}
