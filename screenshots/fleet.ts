import { CommandProcess, freePort } from '../scenarios/processes.js'
import { Load } from './load.js'

export const TOKEN = 'of-the-screenshots-alone'

/** A fleet as one could have it: addresses are of Linux, where all of 127.0.0.0/8 is this machine. */
const BACKENDS = [
  { host: '127.0.10.11', options: ';weight=3', flags: ['--latency', '8', '--jitter', '14', '--size', '4k'] },
  { host: '127.0.10.12', options: ';weight=3', flags: ['--latency', '8', '--jitter', '18', '--size', '4k'] },
  { host: '127.0.10.13', options: ';weight=2', flags: ['--latency', '12', '--jitter', '30', '--size', '3k'] },
  { host: '127.0.20.21', options: ';weight=2;max=40', flags: ['--latency', '20', '--jitter', '60'] },
  { host: '127.0.20.22', options: '', flags: ['--latency', '30', '--jitter', '90', '--fail-rate', '0.02'] },
  { host: '127.0.30.31', options: ';backup', flags: ['--latency', '40'] }
] as const

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
    url: string
  ) {
    this.addresses = addresses
    this.#backends = backends
    this.#balancer = balancer
    this.url = url
    this.#load = new Load(url)
  }

  static async start(): Promise<Fleet> {
    const port = await freePort()
    const addresses = BACKENDS.map(({ host }) => `${host}:${port}`)
    const backends = BACKENDS.map(
      ({ host, flags }) => new CommandProcess('be', ['-a', host, '-p', `${port}`, ...flags])
    )
    await Promise.all(backends.map((backend) => backend.waitForOutput(/listening/)))
    const list = BACKENDS.map(({ options }, index) => `${addresses[index]}${options}`)
    const balancer = new CommandProcess(
      'lb',
      ['-p', '0', '-b', ...list, '--health-check-url', '/health', '--health-check-period', '2'],
      { env: { LB_ADMIN_TOKEN: TOKEN } }
    )
    const [, listening] = await balancer.waitForOutput(/listening at http:\/\/[^"]*:(\d+)/)
    return new Fleet(addresses, backends, balancer, `http://127.0.0.1:${listening}`)
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
