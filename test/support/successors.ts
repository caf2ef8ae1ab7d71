import type { Test } from 'tap'
import type { Child } from './child.js'
import { atEnd, eventually } from './test.js'

/** A start takes most of a second of a processor, and others may want it too. */
const START_MS = 30_000
const TAKEN_OVER = /"successor":(\d+)/g

/** The processes that take over from a child, one after the other. They print where it prints. */
export class Successors {
  readonly #child: Child

  /** @param t at whose end they are killed */
  constructor(t: Test, child: Child) {
    this.#child = child
    atEnd(t, () => this.kill('SIGKILL'))
  }

  /** Their numbers so far, from the child's own on. */
  get pids(): number[] {
    return [this.#child.pid, ...[...this.#child.output.matchAll(TAKEN_OVER)].map(([, pid]) => Number(pid))]
  }

  /** Of the one that serves. */
  get pid(): number {
    return this.pids.at(-1)!
  }

  /** Sends a signal to the one that serves, unless all have ended. */
  kill(signal: NodeJS.Signals): void {
    if (this.#child.ended === undefined) send(this.pid, signal)
  }

  /** Has the one that serves replaced. Returns the number of the one that has taken over. */
  async upgrade(): Promise<number> {
    const before = this.pids.length
    this.kill('SIGUSR2')
    await eventually(() => this.pids.length > before, START_MS)
    return this.pid
  }

  /** Waits until so many have nothing left to do. */
  async untilDrained(count: number): Promise<void> {
    await eventually(() => this.#child.output.split('"Drained').length > count, START_MS)
  }
}

/** Sends a signal to a process; does nothing if it has ended. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended.
  }
}
