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
  /** Whether all that are left may wait for ever; they may not if absent. */
  readonly mayWait?: (cells: Int32Array, threads: readonly SeenThread[]) => boolean
  /** Called in each state that can be reached. Throws if it must not be. */
  check(cells: Int32Array, threads: readonly SeenThread[], isEnd: boolean): void
}

/** The results of the operations that a thread has done so far: run again with these, it comes to the same place. */
interface State {
  readonly program: Program
  readonly results: readonly Value[]
  /** What it waits for: that this cell has another value. */
  readonly blocked: Blocked | undefined
  readonly seen: SeenThread
}

/** What a cell holds. */
type Value = number | bigint

interface Blocked {
  readonly index: number
  readonly value: number
}

/** Of a thread that may end, at each of its turns. */
const DEATH_CHANCE = 0.02
/** More take minutes. */
const MAX_STATES = 200_000

class Paused extends Error {}

const real = globalThis.Atomics

/**
 * Runs the programs in every order of their single operations of `Atomics`, which they use as they will; `waitAsync` holds
 * them up. A state that was reached another way before is left. Throws if some wait that nobody will wake.
 * @returns the number of states
 */
export function exploreInterleavings(model: Model): number {
  const visited = new Set<string>()
  const open: { cells: Int32Array; threads: readonly State[]; deaths: number }[] = []
  const visit = (cells: Int32Array, threads: readonly State[], deaths: number) => {
    const key = JSON.stringify([nonZero(cells), deaths, threads.map(placeOf)], withoutBigInt)
    if (visited.has(key)) return
    visited.add(key)
    if (visited.size > MAX_STATES) throw new Error('There are too many states to look at')
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
    let stuck = 0
    for (const [index, thread] of from.threads.entries()) {
      if (thread.seen.isOver || thread.seen.isDead) continue
      if (isHeldUp(thread, from.cells)) {
        stuck++
      } else {
        stuck = Number.NEGATIVE_INFINITY
        const after = from.cells.slice()
        const next = advanced(thread.program, thread.results, after, 1)
        visit(after, replaced(from.threads, index, next), from.deaths)
      }
      if (from.deaths === 0 || index >= model.programs.length) continue
      const dead = { ...thread, seen: { ...thread.seen, isDead: true } }
      const repair = model.afterDeath?.(index)
      const threads = replaced(from.threads, index, dead)
      if (repair) threads.push(advanced(repair, [], from.cells, 0))
      visit(from.cells, threads, from.deaths - 1)
    }
    if (stuck > 0) checkWait(model, from.cells, from.threads)
  }
  return visited.size
}

/** The same in some orders of steps, of those that are too many. @returns the number of steps */
export function sampleInterleavings(model: Model, samples: number, random: () => number): number {
  let steps = 0
  for (let sample = 0; sample < samples; sample++) {
    const cells = model.cells()
    const threads = model.programs.map((program) => advanced(program, [], cells, 0))
    let { deaths } = model
    for (;;) {
      const alive = threads.flatMap(({ seen }, index) => (seen.isOver || seen.isDead ? [] : [index]))
      const seen = threads.map((thread) => thread.seen)
      model.check(cells, seen, alive.length === 0)
      if (alive.length === 0) break
      const able = alive.filter((index) => !isHeldUp(threads[index]!, cells))
      if (able.length === 0) {
        checkWait(model, cells, threads)
        break
      }
      const index = able[Math.floor(random() * able.length)]!
      const thread = threads[index]!
      if (deaths > 0 && index < model.programs.length && random() < DEATH_CHANCE) {
        deaths--
        threads[index] = { ...thread, seen: { ...thread.seen, isDead: true } }
        const repair = model.afterDeath?.(index)
        if (repair) threads.push(advanced(repair, [], cells, 0))
        continue
      }
      // Often several in a row: threads run for a while, as others are held up.
      const some = random() < 0.5 ? 1 : 1 + Math.floor(random() * 20)
      for (let left = some; left > 0; left--) {
        const { program, results, seen } = threads[index]!
        if (seen.isOver || isHeldUp(threads[index]!, cells)) break
        threads[index] = advanced(program, results, cells, 1)
        steps++
        model.check(
          cells,
          threads.map((thread) => thread.seen),
          false
        )
      }
    }
  }
  return steps
}

function checkWait(model: Model, cells: Int32Array, threads: readonly State[]): void {
  const seen = threads.map((thread) => thread.seen)
  if (model.mayWait?.(cells, seen)) return
  const left = seen.filter(({ isOver, isDead }) => !isOver && !isDead).length
  throw new Error(`${left} wait for ever: ${JSON.stringify(seen)}`)
}

const isHeldUp = ({ blocked }: State, cells: Int32Array) =>
  blocked !== undefined && cells[blocked.index] === blocked.value

/** Runs a program through the operations that it has done, and through `steps` more, which change the cells. */
function advanced(program: Program, results: readonly Value[], cells: Int32Array, steps: number): State {
  const done = [...results]
  const notes: string[] = []
  let position = 0
  let left = steps
  let blocked: Blocked | undefined
  const operation = <T extends Value>(run: () => T, waits?: Blocked): T => {
    if (position === done.length) {
      if (left-- === 0) {
        blocked = waits
        throw new Paused()
      }
      done.push(run())
    }
    return done[position++]! as T
  }
  const stepwise = {
    load: (of: Int32Array, index: number) => operation(() => real.load(of, index)),
    store: (of: Int32Array, index: number, value: number) => operation(() => real.store(of, index, value)),
    add: (of: Int32Array, index: number, value: number) => operation(() => real.add(of, index, value)),
    sub: (of: Int32Array, index: number, value: number) => operation(() => real.sub(of, index, value)),
    compareExchange: (of: Int32Array, index: number, from: number, to: number) =>
      operation(() => real.compareExchange(of, index, from, to)),
    notify: () => operation(() => 0),
    waitAsync: (of: Int32Array, index: number, value: number) => {
      operation(() => 0, { index: index + (of.byteOffset - cells.byteOffset) / of.BYTES_PER_ELEMENT, value })
      return { async: false }
    }
  }
  const thread = { note: (what: string) => void notes.push(what), pause: () => void operation(() => 0) }
  const state = (isOver: boolean) => ({
    program,
    results: done,
    blocked,
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

/** What a thread does from here on depends on this alone, and what it has done is of no matter once it has ended. */
const placeOf = ({ results, seen }: State) =>
  seen.isDead || seen.isOver ? [seen.isDead, ...seen.notes] : results

const withoutBigInt = (_key: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)

/** Of thousands of cells a few have another value than 0. */
function nonZero(cells: Int32Array): number[] {
  const found: number[] = []
  for (const [index, value] of cells.entries()) if (value !== 0) found.push(index, value)
  return found
}
