import { type ChildProcess, spawn } from 'node:child_process'
import type { Test } from 'tap'
import type { LogRecord } from '../helper.js'
import { type Env, FASTIFY, LB, plainNode, ROOT } from './processes.js'
import { everywhere } from './secure-ports.js'
import { atEnd, eventually } from './test.js'

/** Starting takes most of a second of a processor, and others may want it too. */
const START_MS = 20_000
const END_MS = 10_000

/** A process of Node, or of another program, in the project's folder, or another one, with an environment of its own. */
export class Child {
  output = ''
  /** Its exit code, or the signal that ended it. */
  ended: number | string | undefined
  readonly #process: ChildProcess
  readonly #threads: number

  /** @param t at whose end it is killed; without one that is at the end of this process */
  constructor(
    t: Test | undefined,
    args: readonly string[],
    env: Env = {},
    {
      program,
      cwd = ROOT,
      fds = []
    }: { program?: string; cwd?: string /** Its descriptors from 3 on. */; fds?: readonly number[] } = {}
  ) {
    const [command, commandArgs] = program ? [program, [...args]] : plainNode(args, env)
    this.#process = spawn(command, commandArgs, {
      cwd,
      env: { PATH: process.env.PATH!, ...env },
      stdio: ['pipe', 'pipe', 'pipe', ...fds]
    })
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    }
    this.#process.once('close', (code, signal) => {
      this.ended = code ?? signal!
    })
    this.#threads = Number(env.LB_THREADS ?? 1)
    if (t)
      atEnd(t, async () => {
        this.kill('SIGKILL')
        await this.untilEnded()
      })
    else process.once('exit', () => this.kill('SIGKILL'))
  }

  get pid(): number {
    return this.#process.pid!
  }

  get log(): LogRecord[] {
    return this.output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Gives it input, as from a keyboard. */
  type(text: string): void {
    this.#process.stdin!.write(text)
  }

  /** From now on nobody reads what it prints. */
  closeOutput(): void {
    this.#process.stdout!.destroy()
    this.#process.stderr!.destroy()
  }

  async untilPrinted(text: string | RegExp, timeoutMs = START_MS): Promise<void> {
    await eventually(() => this.output.search(text) >= 0 || this.ended !== undefined, timeoutMs)
    if (this.output.search(text) < 0) throw new Error(`ended with ${this.ended}: ${this.output}`)
  }

  async untilEnded(timeoutMs = END_MS): Promise<number | string> {
    await eventually(() => this.ended !== undefined, timeoutMs)
    return this.ended!
  }

  /** The port that it listens on, once all its threads do. */
  async listening(): Promise<number> {
    const port = await this.firstListening()
    for (let thread = 2; thread <= this.#threads; thread++)
      await this.untilPrinted(`Thread ${thread} of ${this.#threads} accepts connections too`)
    return port
  }

  /** The same, once its first thread does. */
  async firstListening(): Promise<number> {
    const line = /Server listening at https?:\/\/[^"]*:(\d+)"/
    await this.untilPrinted(line)
    return Number(line.exec(this.output)![1])
  }
}

export function lb(t: Test | undefined, args: readonly string[], env?: Env): Child {
  return new Child(t, [LB, ...args], inThreads(env))
}

/** `fastify start app`, as the project's readers are told to start it. */
export function fastifyStart(t: Test, args: readonly string[], env?: Env): Child {
  return new Child(t, [FASTIFY, 'start', ...args, 'app'], inThreads(env))
}

const inThreads = (env?: Env): Env | undefined =>
  everywhere.threads ? { LB_THREADS: `${everywhere.threads}`, ...env } : env
