import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { Statistics } from '../../lib/observe/statistics.js'
import { freePort } from '../../scenarios/processes.js'
import type { StageBalancer } from '../conformance/harness.js'
import { type Child, lb } from './child.js'
import type { Env } from './processes.js'
import { RawBackend } from './raw-backend.js'
import { atEnd, eventually, sleep } from './test.js'

/** For a thread to see that idle connections to its backend are closed: nothing tells when it has. */
const NOTICED_MS = 30

/** A process with several threads and its backend, for one test after the other: to start one takes longer than most tests. */
export class ThreadedBalancer implements StageBalancer {
  readonly backend: RawBackend
  readonly child: Child
  port = 0
  /** How often each thread was found with connections. */
  readonly found: number[] = []
  #serve: (socket: Socket) => void = () => {}
  #before: Statistics | undefined

  private constructor(backendPort: number, start: (address: string) => Child) {
    this.backend = new RawBackend((socket) => this.#serve(socket), backendPort)
    this.child = start(this.backend.address)
  }

  static async start(env: Env): Promise<ThreadedBalancer> {
    const balancer = new ThreadedBalancer(await freePort(), (address) =>
      lb(undefined, ['-p', '0', '-b', address], env)
    )
    balancer.port = await balancer.child.listening()
    return balancer
  }

  get log() {
    return this.child.log
  }

  /** Gives it to a test, which finds it idle and is to leave it so. */
  async lend(t: Test, serve: (socket: Socket) => void): Promise<void> {
    this.#serve = serve
    if (!this.backend.isListening) await this.backend.listen()
    for (const socket of this.backend.sockets) socket.destroy()
    await eventually(() => this.backend.sockets.size === 0)
    await sleep(NOTICED_MS)
    this.backend.connections = 0
    this.#before = undefined
    this.#before = await this.stats()
    atEnd(t, async () => {
      await this.#untilIdle().catch((error) => t.error(error, 'nothing is left in flight'))
    })
  }

  async stats(): Promise<Statistics> {
    const response = await fetch(`http://127.0.0.1:${this.port}/__lb/stats`, {
      headers: { connection: 'close' }
    })
    const now = (await response.json()) as Statistics
    for (const [thread, { openConnections }] of now.threads.entries())
      this.found[thread] = (this.found[thread] ?? 0) + Number(openConnections > 0)
    return this.#before ? since(this.#before, now) : now
  }

  /** Ends it. Returns its exit code. */
  async end(): Promise<number | string> {
    if (this.backend.isListening) await this.backend.stop()
    this.child.kill('SIGTERM')
    return this.child.untilEnded()
  }

  async #untilIdle(): Promise<void> {
    await eventually(async () => {
      const { requests, connections, backends } = await this.stats()
      return requests.inFlight === 0 && backends[0]!.active === 0 && connections.open === 0
    })
  }
}

/** The same with each number less what it was before. */
function since<T>(before: T, now: T): T {
  if (typeof now === 'number') return (now - Number(before)) as T
  if (typeof now !== 'object' || now === null) return now
  const entries = Object.entries(now).map(([key, value]) => [key, since(before?.[key as keyof T], value)])
  return (Array.isArray(now) ? entries.map(([, value]) => value) : Object.fromEntries(entries)) as T
}
