import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import path from 'node:path'

const STOP_GRACE_MS = 2000
// Below the ranges that systems take ports of outgoing connections from, so that none of those gets in the way.
const FIRST_PORT = 20_000
const PORT_COUNT = 10_000

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface StartOptions {
  /** Added to the environment; settings of the balancer and of Fastify in it are not passed on, but for `LB_THREADS`. */
  readonly env?: Readonly<Record<string, string>>
  /** Prints where this process prints, in place of being read by it. */
  readonly inherit?: boolean
  /** A process group of its own, so that ctrl-C in a terminal reaches this process alone. */
  readonly detached?: boolean
}

const alive = new Set<CommandProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** One of this package's commands, run as a process of its own. It does not outlive the process that started it. */
export class CommandProcess {
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  readonly #waiting = new Set<() => void>()
  #output = ''
  #exit: Exit | undefined

  /** @param name of the command, such as `lb` */
  constructor(name: string, args: readonly string[], options: StartOptions = {}) {
    this.#child = spawn(process.execPath, [path.join(__dirname, '..', 'bin', `${name}.js`), ...args], {
      env: { ...cleanEnvironment(), ...options.env },
      stdio: options.inherit ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
      detached: options.detached ?? false
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
        this.#wake()
      })
    }
    alive.add(this)
    this.exited = new Promise((resolve) => {
      // Not `exit`: output may still come after that.
      this.#child.once('close', (code, signal) => {
        alive.delete(this)
        this.#exit = { code, signal }
        resolve(this.#exit)
        this.#wake()
      })
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** What it printed so far, to stdout and stderr. */
  get output(): string {
    return this.#output
  }

  get running(): boolean {
    return this.#exit === undefined
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Ends it, by force if it takes too long. */
  async stop(): Promise<Exit> {
    this.kill('SIGTERM')
    const force = setTimeout(() => this.kill('SIGKILL'), STOP_GRACE_MS)
    const exit = await this.exited
    clearTimeout(force)
    return exit
  }

  /** Waits until the output matches. Rejects when the process ends or the time is over before it does. */
  async waitForOutput(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      const match = pattern.exec(this.#output)
      if (match) return match
      if (!this.running || performance.now() >= deadlineMs) {
        const what = this.running ? `no ${pattern} within ${timeoutMs} ms` : `it ended before ${pattern}`
        throw new Error(`${this.#child.spawnargs.slice(1).join(' ')}: ${what}\n${this.#output}`)
      }
      await this.#nextOutput(deadlineMs - performance.now())
    }
  }

  async #nextOutput(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      const wake = () => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
    })
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => name === 'LB_THREADS' || !/^(?:LB_|FASTIFY_|PORT$)/.test(name)
    )
  )
}

/** Whether a server could listen on a port of all interfaces. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT)
    if (await isPortFree(port)) return port
  }
}
