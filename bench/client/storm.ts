import type { LoadReport } from '../load-report'
import { nowMs } from './clock'
import { Connection, type Target } from './connection'
import { latenciesOf, Tally } from './tally'

/** Connections that all come at once, each of which then asks again as soon as it has its answer. */
export function storm(target: Target, connections: number, seconds: number): Promise<LoadReport> {
  const tally = new Tally()
  const startMs = nowMs()
  const clients = Array.from({ length: connections }, () => new StormClient(target, tally))
  return new Promise((resolve) => {
    setTimeout(() => {
      for (const client of clients) client.end()
      const firstAnswerMs = latenciesOf(clients.flatMap(({ firstAnswerMs }) => firstAnswerMs ?? []))
      const clientSentMs = Math.max(...clients.map(({ sentMs }) => sentMs)) - startMs
      resolve({ ...tally.report(), firstAnswerMs, clientSentMs })
    }, seconds * 1000)
  })
}

class StormClient {
  readonly #connection: Connection
  readonly #tally: Tally
  readonly #startMs = nowMs()
  #askedMs = this.#startMs
  #isWaiting = true
  /** From the connection's start to its first answer, or to the end of the storm; none if it was lost before. */
  firstAnswerMs: number | undefined
  /** When the first request was sent; that of the start if it never was. */
  sentMs = this.#startMs

  constructor(target: Target, tally: Tally) {
    this.#tally = tally
    this.#connection = new Connection(target, {
      connected: () => {
        this.sentMs = nowMs()
        this.#connection.send()
      },
      answered: (status) => this.#answered(status),
      lost: (how) => {
        this.#isWaiting = false
        tally.failures[how]++
      }
    })
  }

  end(): void {
    // What is under way at the end of a closed loop is no failure, unless it was never answered at all.
    if (this.#isWaiting && this.firstAnswerMs === undefined) {
      this.firstAnswerMs = nowMs() - this.#startMs
      this.#tally.unanswered(this.firstAnswerMs)
    }
    this.#connection.close()
  }

  #answered(status: number): void {
    const currentMs = nowMs()
    // The first latency counts from the connection's start, with its handshakes.
    this.#tally.answered(status, currentMs - this.#askedMs)
    this.firstAnswerMs ??= currentMs - this.#startMs
    this.#askedMs = currentMs
    this.#connection.send()
  }
}
