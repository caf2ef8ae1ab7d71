import { setTimeout as delay } from 'node:timers/promises'
import type { Statistics } from '../lib/observe/statistics.js'
import { Client } from './client.js'
import { CommandProcess, freePort } from './processes.js'

const POLL_MS = 20

/** A scenario: starts real processes, does something to them, and checks the results. */
export interface Scenario {
  readonly name: string
  readonly summary: string
  run(harness: Harness): Promise<void>
}

/** Where the results of checks go. */
export interface Reporter {
  check(passed: boolean, what: string, detail: string | undefined): void
  note(text: string): void
}

/** A line of the balancer's log. */
export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly backend?: string
  readonly to?: string
  readonly reason?: string
}

/** A running `be`. */
export class BackendUnderTest {
  readonly address: string
  readonly client: Client

  constructor(
    readonly process: CommandProcess,
    readonly port: number
  ) {
    this.address = `127.0.0.1:${port}`
    this.client = new Client(port)
  }

  /** Requests it got, health checks apart. */
  async requests(): Promise<number> {
    return (await this.client.json<{ requests: number }>('/__be/stats')).requests
  }

  /** Changes how it answers. */
  async set(settings: Record<string, unknown>): Promise<void> {
    const { status, body } = await this.client.send('/__be/set', {
      method: 'POST',
      body: JSON.stringify(settings)
    })
    if (status !== 200) throw new Error(`the backend refused ${JSON.stringify(settings)}: ${body}`)
  }
}

/** A running `lb`. */
export class BalancerUnderTest {
  readonly client: Client

  constructor(
    readonly process: CommandProcess,
    readonly port: number
  ) {
    this.client = new Client(port)
  }

  stats(): Promise<Statistics> {
    return this.client.json<Statistics>('/__lb/stats')
  }

  /** The statistics of one backend. */
  async statsOf(address: string): Promise<Statistics['backends'][number]> {
    const stats = (await this.stats()).backends.find((backend) => backend.address === address)
    if (!stats) throw new Error(`the balancer knows no backend ${address}`)
    return stats
  }

  /** Time until a backend has a state, or undefined if it takes too long. */
  untilState(address: string, state: string, timeoutMs: number): Promise<number | undefined> {
    return until(async () => (await this.statsOf(address)).state === state, timeoutMs)
  }

  /** The log so far. */
  logs(): LogLine[] {
    const lines = this.process.output.split('\n').filter((line) => line.startsWith('{'))
    return lines.map((line) => JSON.parse(line) as LogLine)
  }
}

/** What a scenario works with. Whatever it starts is stopped when the scenario is over. */
export class Harness {
  readonly #reporter: Reporter
  readonly #processes: CommandProcess[] = []
  readonly #clients: Client[] = []

  constructor(
    reporter: Reporter,
    /** Whether shorter periods and fewer requests are wanted. */
    readonly quick: boolean
  ) {
    this.#reporter = reporter
  }

  /** Reports whether something holds; the detail is for when it does not. */
  check(passed: boolean, what: string, detail?: string): void {
    this.#reporter.check(passed, what, detail)
  }

  /** Reports something worth knowing. */
  note(text: string): void {
    this.#reporter.note(text)
  }

  /** Starts `be` and waits until it listens. */
  async startBackend(args: readonly string[] = [], port?: number): Promise<BackendUnderTest> {
    const chosen = port ?? (await freePort())
    const process = new CommandProcess('be', ['-p', String(chosen), '-a', '127.0.0.1', ...args])
    this.#processes.push(process)
    await process.waitForOutput(/ listening on /)
    const backend = new BackendUnderTest(process, chosen)
    this.#clients.push(backend.client)
    return backend
  }

  /** Starts `lb` with settings from the environment and waits until it listens. */
  async startBalancer(
    backends: readonly string[],
    env: Readonly<Record<string, string>> = {}
  ): Promise<BalancerUnderTest> {
    const port = await freePort()
    const args = ['-p', String(port), '--health-check-url', '/health', '-b', ...backends]
    const process = new CommandProcess('lb', args, { env })
    this.#processes.push(process)
    await process.waitForOutput(/Server listening at http:/)
    const balancer = new BalancerUnderTest(process, port)
    this.#clients.push(balancer.client)
    return balancer
  }

  /** A client that is closed when the scenario is over. */
  client(port: number): Client {
    const client = new Client(port)
    this.#clients.push(client)
    return client
  }

  /** Stops everything that was started. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.close()
    for (const process of this.#processes) process.kill('SIGKILL')
    await Promise.all(this.#processes.map((process) => process.exited))
  }

  /** The last lines that the started processes printed. */
  lastOutput(lineCount: number): string[] {
    return this.#processes.flatMap((process) => process.output.trimEnd().split('\n').slice(-lineCount))
  }
}

/** Asks until the answer is yes. Returns how long that took, or undefined if the time was over before. */
export async function until(ask: () => Promise<boolean>, timeoutMs: number): Promise<number | undefined> {
  const startMs = performance.now()
  for (;;) {
    const yes = await ask()
    const elapsedMs = performance.now() - startMs
    if (yes) return elapsedMs
    if (elapsedMs > timeoutMs) return undefined
    await delay(POLL_MS)
  }
}
