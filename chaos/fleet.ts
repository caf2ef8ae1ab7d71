import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'

import { compiled } from '../bench/project.js'
import { freePort } from '../scenarios/processes.js'
import { type BackendMessage, type Behaviour, Entry, wellBehaved } from './backend-control.js'

/** How many backends every proxy has. */
export const fleetSize = 4

/** The indices of all backends. */
export const everyBackend = Array.from({ length: fleetSize }, (_, index) => index)

/** How often each entry is in a ledger. */
export type Account = Record<keyof typeof Entry, number>

/** The backends of one run: processes that are killed, frozen, restarted and made to misbehave. */
export class Fleet {
  /** Each `host:port`; a restarted backend keeps its own. */
  readonly addresses: string[]
  /** Requests that each backend got, by bins of `arrivalBinMs` of the clock. */
  readonly arrivals: Map<number, number>[] = everyBackend.map(() => new Map())
  readonly #ports: number[]
  readonly #ledgers: string[]
  readonly #processes: (ChildProcess | undefined)[] = everyBackend.map(() => undefined)

  private constructor(ports: number[], ledgers: string[]) {
    this.#ports = ports
    this.#ledgers = ledgers
    this.addresses = ports.map((port) => `127.0.0.1:${port}`)
    process.once('exit', () => this.#killAll())
  }

  /**
   * Starts all backends and waits until they listen.
   * @param ledgerFolder where they keep exact accounts, if they are to
   */
  static async start(ledgerFolder?: string): Promise<Fleet> {
    // A backend that is down must find its port free again: outgoing connections take none of these.
    const ports = new Set<number>()
    while (ports.size < fleetSize) ports.add(await freePort())
    const ledgers =
      ledgerFolder === undefined ? [] : everyBackend.map((i) => path.join(ledgerFolder, `ledger-${i}`))
    const fleet = new Fleet([...ports], ledgers)
    await fleet.restore()
    return fleet
  }

  /** Starts a backend that is not there, and waits until it listens. */
  async startBackend(index: number): Promise<void> {
    const ledger = this.#ledgers[index]
    const args = [String(index), String(this.#ports[index]), ...(ledger === undefined ? [] : [ledger])]
    const backend = fork(compiled('chaos/backend.js'), args, {
      env: { PATH: process.env.PATH },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    })
    this.#processes[index] = backend
    backend.on('message', (message: BackendMessage) => {
      if (message.type === 'arrivals') this.#count(index, message.counts)
    })
    await untilTold(backend, 'listening')
  }

  /** Ends the process of a backend, if there is one, and waits for its end. */
  async stopBackend(index: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const backend = this.#processes[index]
    if (!isAlive(backend)) return
    const exited = once(backend, 'exit')
    backend.kill(signal)
    await exited
  }

  /** Freezes a backend (SIGSTOP): the kernel still accepts connections for it, and nothing answers. */
  freeze(index: number): void {
    this.#processes[index]!.kill('SIGSTOP')
  }

  /** Resumes a frozen backend (SIGCONT). */
  thaw(index: number): void {
    this.#processes[index]!.kill('SIGCONT')
  }

  /** Changes how a backend behaves, and waits until it does. */
  async set(index: number, behaviour: Partial<Behaviour>): Promise<void> {
    const backend = this.#processes[index]!
    const adopted = untilTold(backend, 'set')
    backend.send({ ...wellBehaved, ...behaviour } satisfies Behaviour)
    await adopted
  }

  /** Has every backend run and behave normally, and clears the recorded arrivals. */
  async restore(): Promise<void> {
    await Promise.all(
      everyBackend.map(async (index) => {
        if (!isAlive(this.#processes[index])) return this.startBackend(index)
        this.thaw(index)
        await this.set(index, wellBehaved)
      })
    )
    for (const counts of this.arrivals) counts.clear()
  }

  /** Counts of the entries in a backend's ledger since the start, over all its processes. */
  account(index: number): Account {
    const counts = new Array<number>(128).fill(0)
    for (const character of readFileSync(this.#ledgers[index]!)) counts[character]!++
    const of = (entry: keyof typeof Entry) => counts[Entry[entry].charCodeAt(0)]!
    return { arrived: of('arrived'), ok: of('ok'), error: of('error'), broken: of('broken') }
  }

  /** Ends all backends. */
  async stop(): Promise<void> {
    await Promise.all(everyBackend.map((index) => this.stopBackend(index, 'SIGKILL')))
  }

  #count(index: number, counts: [number, number][]): void {
    const known = this.arrivals[index]!
    for (const [bin, count] of counts) known.set(bin, (known.get(bin) ?? 0) + count)
  }

  #killAll(): void {
    for (const backend of this.#processes) backend?.kill('SIGKILL')
  }
}

function isAlive(backend: ChildProcess | undefined): backend is ChildProcess {
  return backend !== undefined && backend.exitCode === null && backend.signalCode === null
}

/** Waits for a message; rejects when the backend ends without having sent it. */
function untilTold(backend: ChildProcess, type: BackendMessage['type']): Promise<void> {
  return new Promise((resolve, reject) => {
    const listen = (message: BackendMessage) => {
      if (message.type !== type) return
      forget()
      resolve()
    }
    const fail = () => {
      forget()
      reject(new Error(`a backend ended before it was ${type === 'set' ? 'told what to do' : type}`))
    }
    const forget = () => {
      backend.off('message', listen)
      backend.off('exit', fail)
    }
    backend.on('message', listen)
    backend.once('exit', fail)
  })
}
