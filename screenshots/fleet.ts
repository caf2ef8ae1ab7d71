import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { CommandProcess, freePort } from '../scenarios/processes.js'
import { Load } from './load.js'
import type { Plan } from './plans.js'

export const TOKEN = 'of-the-screenshots-alone'

/** Real processes: backends, a balancer before them, and clients. */
export class Fleet {
  readonly addresses: readonly string[]
  readonly url: string
  readonly #backends: CommandProcess[]
  readonly #balancer: CommandProcess
  readonly #load: Load

  private constructor(
    addresses: readonly string[],
    backends: CommandProcess[],
    balancer: CommandProcess,
    url: string,
    { targets }: Plan
  ) {
    this.addresses = addresses
    this.#backends = backends
    this.#balancer = balancer
    this.url = url
    this.#load = new Load(url, targets)
  }

  static async start(plan: Plan): Promise<Fleet> {
    const port = await freePort()
    const addresses = plan.backends.map(({ host }) => `${host}:${port}`)
    const backends = plan.backends.map(
      ({ host, flags }) => new CommandProcess('be', ['-a', host, '-p', `${port}`, ...flags])
    )
    await Promise.all(backends.map((backend) => backend.waitForOutput(/listening/)))
    const list = plan.backends.map(({ options }, index) => `${addresses[index]}${options}`)
    const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-fleet-'))
    const file = path.join(folder, 'lb.json')
    if (plan.file) writeFileSync(file, JSON.stringify(plan.file(list)))
    const where = plan.file ? ['--config', file] : ['-b', ...list]
    const balancer = new CommandProcess(
      'lb',
      ['-p', '0', ...where, '--health-check-url', '/health', '--health-check-period', '2'],
      { env: { LB_ADMIN_TOKEN: TOKEN } }
    )
    try {
      const [, listening] = await balancer.waitForOutput(/listening at http:\/\/[^"]*:(\d+)/)
      return new Fleet(addresses, backends, balancer, `http://127.0.0.1:${listening}`, plan)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  /** The backend of this number is no more. */
  kill(number: number): void {
    this.#backends[number]!.kill('SIGKILL')
  }

  /** Gives orders to the backend of this number. */
  async order(number: number, change: object): Promise<void> {
    const response = await fetch(`${this.url}/__lb/api/backends/${this.addresses[number]}`, {
      method: 'PATCH',
      headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(change)
    })
    if (!response.ok) throw new Error(await response.text())
  }

  async stop(): Promise<void> {
    this.#load.stop()
    await Promise.all([this.#balancer, ...this.#backends].map((child) => child.stop()))
  }
}
