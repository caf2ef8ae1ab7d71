import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { FIRST_FD, type HandedOn, handoverVariables } from './handed-sockets.js'
import type { PredecessorMessage, SuccessorMessage } from './handover-messages.js'

/** A command, as this process was started with it. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** A process that serves. */
export type Ready = Extract<SuccessorMessage, { kind: 'ready' }>

/**
 * Starts its arguments as a process that is not a child of this one, and tells its number on a descriptor. Whoever
 * supervises this process becomes the parent of that at once, and learns of its end.
 */
const script = (fd: number) => `"$@" <&0 ${fd}>&- & echo $! >&${fd}`

/** A process that is to take over from this one, and has its listening sockets. */
export class Successor {
  /** Resolves when it serves. Rejects with the reason if it will not, or does not in time. */
  readonly ready: Promise<Ready>
  #child: ChildProcess | undefined
  #pid: number | undefined
  #isAborted = false

  /**
   * @param limitMs for it to be ready
   * @param graceMs for what it has accepted when it is given up on, and then killed
   */
  constructor(
    command: Command,
    sockets: readonly HandedOn[],
    limitMs: number,
    private readonly graceMs: number
  ) {
    let timer: NodeJS.Timeout | undefined
    this.ready = new Promise<Ready>((resolve, reject) => {
      const child = this.#start(command, sockets)
      let reason = 'it ended before it was ready; what it has printed says why'
      child.on('error', (error) => reject(new Error(`it cannot be started: ${error.message}`)))
      child.on('message', (message: SuccessorMessage) => {
        if (message.kind === 'ready') resolve(message)
        else reason = message.reason
      })
      child.on('disconnect', () => reject(new Error(reason)))
      timer = setTimeout(() => {
        reject(new Error(`it was not ready after ${limitMs / 1000} s`))
        this.abort()
      }, limitMs)
    })
    this.ready.then(clearTimer, clearTimer)
    function clearTimer() {
      clearTimeout(timer)
    }
  }

  #start({ program, args, env }: Command, sockets: readonly HandedOn[]): ChildProcess {
    const fds = sockets.map(({ fd }) => fd)
    const pidFd = FIRST_FD + fds.length + 1
    const child = spawn('/bin/sh', ['-c', script(pidFd), 'sh', program, ...args], {
      env: { ...env, ...handoverVariables(sockets) },
      stdio: ['inherit', 'inherit', 'inherit', ...fds, 'ipc', 'pipe']
    })
    this.#child = child
    const output = child.stdio?.[pidFd] as Readable | null | undefined
    output?.once('data', (pid: Buffer) => {
      this.#pid = Number(pid)
      if (this.#isAborted) this.#kill('SIGTERM')
    })
    return child
  }

  /** Tells it that it is the one that serves from now on. */
  takeOver(): void {
    const message: PredecessorMessage = { kind: 'take over' }
    this.#child?.send(message, () => this.#child?.connected && this.#child.disconnect())
  }

  /** Ends it, after the requests that it has accepted. */
  abort(): void {
    this.#isAborted = true
    this.#kill('SIGTERM')
    setTimeout(() => this.#kill('SIGKILL'), this.graceMs).unref()
  }

  /** While the channel is open, the number is its own. */
  #kill(signal: NodeJS.Signals): void {
    if (this.#pid === undefined || !this.#child?.connected) return
    try {
      process.kill(this.#pid, signal)
    } catch {
      // It has just ended.
    }
  }
}
