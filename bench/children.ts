import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A program, its arguments, and what is added to its environment. */
export interface Launch {
  command: string
  args: string[]
  env?: NodeJS.ProcessEnv
}

/** A started process; everything that it prints goes to a file. */
export interface Child {
  name: string
  pid: number
  hasExited(): boolean
  exited: Promise<void>
  output(): string
}

/** Which CPU a process gets under `--pin`. */
export type Side = 'proxy' | 'load'

const cpuOfSide: Record<Side, string> = { proxy: '0', load: '1' }
const stopGraceMilliseconds = 3000

// What a developer has set for the project or for Node must not change what is measured.
const foreignSettings = /^(LB_|FASTIFY_|PORT$|NODE_OPTIONS$)/

/** The processes of one run and its temporary folder: all gone when this process ends, however it ends. */
export class Children {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'fairlead-bench-'))
  readonly #taskset: string | undefined
  readonly #running = new Set<Child>()
  #started = 0

  /** @param taskset the command that pins processes to CPUs; without it nothing is pinned */
  constructor(taskset?: string) {
    this.#taskset = taskset
    process.once('exit', () => this.#killAll())
    process.once('SIGINT', () => process.exit(130))
    process.once('SIGHUP', () => process.exit(129))
    process.once('SIGTERM', () => process.exit(143))
    // A test that takes too long is ended by this one.
    process.once('SIGALRM', () => process.exit(142))
    if (taskset) execFileSync(taskset, ['-cp', cpuOfSide.load, String(process.pid)], { stdio: 'ignore' })
  }

  /** Starts a process with the CPU of its side. */
  start(name: string, side: Side, launch: Launch): Child {
    const log = path.join(this.folder, `${++this.#started}-${name}.log`)
    const command = this.#taskset ?? launch.command
    const args = this.#taskset ? ['-c', cpuOfSide[side], launch.command, ...launch.args] : launch.args
    const descriptor = openSync(log, 'a')
    // Its own process group, so that one signal reaches nginx' workers too and Ctrl-C only this process.
    const spawned = spawn(command, args, {
      detached: true,
      stdio: ['ignore', descriptor, descriptor],
      env: { ...cleanEnvironment(), ...launch.env }
    })
    closeSync(descriptor)
    if (spawned.pid === undefined) throw new Error(`${command} could not be started`)
    return this.#track(name, spawned, log)
  }

  /** Ends a process and its children: politely, then by force. */
  async stop(child: Child): Promise<void> {
    signalGroup(child, 'SIGTERM')
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), stopGraceMilliseconds)
    await child.exited
    clearTimeout(timer)
    signalGroup(child, 'SIGKILL')
  }

  #track(name: string, spawned: ChildProcess, log: string): Child {
    const child: Child = {
      name,
      pid: spawned.pid!,
      hasExited: () => spawned.exitCode !== null || spawned.signalCode !== null,
      exited: new Promise((resolve) => spawned.once('exit', () => resolve())),
      output: () => readFileSync(log, 'utf8')
    }
    this.#running.add(child)
    child.exited.then(() => this.#running.delete(child))
    return child
  }

  #killAll(): void {
    for (const child of this.#running) signalGroup(child, 'SIGKILL')
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

function signalGroup(child: Child, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid, signal)
  } catch {
    // the whole group is gone already
  }
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreignSettings.test(name)))
}
