/** What a thread of the model is given besides `Atomics`. */
export interface Thread {
  /** Tells the check how far it is. */
  note(what: string): void
  /** Does nothing, for as long as the others like. */
  pause(): void
}

export type Program = (thread: Thread, cells: Int32Array) => void

/** What is seen of a thread between two of its steps. */
export interface SeenThread {
  readonly notes: readonly string[]
  /** Operations so far. */
  readonly steps: number
  readonly isOver: boolean
  readonly isDead: boolean
}

export interface Model {
  readonly cells: () => Int32Array
  readonly programs: readonly Program[]
  /** How many of the threads may end after any of their steps. */
  readonly deaths: number
  /** What is done, step by step beside the others, once the thread at `index` is dead. */
  readonly afterDeath?: (index: number) => Program
  /** Called in each state that can be reached. Throws if it must not be. */
  check(cells: Int32Array, threads: readonly SeenThread[], isEnd: boolean): void
}

/** The results of the operations that a thread has done so far: run again with these, it comes to the same place. */
interface State {
  readonly program: Program
  readonly results: readonly number[]
  readonly seen: SeenThread
}

class Paused extends Error {}

const real = globalThis.Atomics

/**
 * Runs the programs in every order of their single operations of `Atomics`, which they use as they will. A state that was
 * reached another way before is left.
 * @returns the number of states
 */
export function exploreInterleavings(model: Model): number {
  const visited = new Set<string>()
  const open: { cells: Int32Array; threads: readonly State[]; deaths: number }[] = []
  const visit = (cells: Int32Array, threads: readonly State[], deaths: number) => {
    const key = JSON.stringify([
      [...cells],
      deaths,
      threads.map(({ results, seen }) => [results, seen.isDead])
    ])
    if (visited.has(key)) return
    visited.add(key)
    const seen = threads.map((thread) => thread.seen)
    model.check(
      cells,
      seen,
      seen.every(({ isOver, isDead }) => isOver || isDead)
    )
    open.push({ cells, threads, deaths })
  }
  const cells = model.cells()
  const replaced = (threads: readonly State[], index: number, by: State) =>
    threads.map((thread, i) => (i === index ? by : thread))
  visit(
    cells,
    model.programs.map((program) => advanced(program, [], cells, 0)),
    model.deaths
  )
  for (let from = open.pop(); from; from = open.pop()) {
    for (const [index, thread] of from.threads.entries()) {
      if (thread.seen.isOver || thread.seen.isDead) continue
      const after = from.cells.slice()
      const next = advanced(thread.program, thread.results, after, 1)
      visit(after, replaced(from.threads, index, next), from.deaths)
      if (from.deaths === 0 || index >= model.programs.length) continue
      const dead = { ...thread, seen: { ...thread.seen, isDead: true } }
      const repair = model.afterDeath?.(index)
      const threads = replaced(from.threads, index, dead)
      if (repair) threads.push(advanced(repair, [], from.cells, 0))
      visit(from.cells, threads, from.deaths - 1)
    }
  }
  return visited.size
}

/** Runs a program through the operations that it has done, and through `steps` more, which change the cells. */
function advanced(program: Program, results: readonly number[], cells: Int32Array, steps: number): State {
  const done = [...results]
  const notes: string[] = []
  let position = 0
  let left = steps
  const operation = (run: () => number) => {
    if (position === done.length) {
      if (left-- === 0) throw new Paused()
      done.push(run())
    }
    return done[position++]!
  }
  const stepwise = {
    load: (of: Int32Array, index: number) => operation(() => real.load(of, index)),
    store: (of: Int32Array, index: number, value: number) => operation(() => real.store(of, index, value)),
    add: (of: Int32Array, index: number, value: number) => operation(() => real.add(of, index, value)),
    sub: (of: Int32Array, index: number, value: number) => operation(() => real.sub(of, index, value))
  }
  const thread = { note: (what: string) => void notes.push(what), pause: () => void operation(() => 0) }
  const state = (isOver: boolean) => ({
    program,
    results: done,
    seen: { notes, steps: done.length, isOver, isDead: false }
  })
  globalThis.Atomics = stepwise as unknown as typeof Atomics
  try {
    program(thread, cells)
    return state(true)
  } catch (error) {
    if (error instanceof Paused) return state(false)
    throw error
  } finally {
    globalThis.Atomics = real
  }
}
