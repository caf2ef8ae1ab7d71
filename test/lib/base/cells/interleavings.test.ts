import t from 'tap'
import { Counters } from '../../../../lib/base/cells/counters.js'
import { createCells, rowCells, THREAD_CELLS } from '../../../../lib/base/cells/rows.js'
import { acquireSlot, sumOf } from '../../../../lib/base/cells/slots.js'
import { addToTotal, settleTotal, totalOf } from '../../../../lib/base/cells/total.js'
import { BackendCell, BalancerCell } from '../../../../lib/pool/cells.js'
import { exploreInterleavings, type Program, type SeenThread } from '../../../support/interleavings.js'

const GAUGES = [BackendCell.active, BalancerCell.tunnels, BalancerCell.retrying, BalancerCell.queued]
const ownCell = (thread: number) => thread * THREAD_CELLS

// Slots

interface Contest {
  readonly threads: number
  readonly limit: number
  /** How many slots each thread acquires in turn. */
  readonly rounds: number
  readonly tries: number
  readonly deaths: number
}

type Acquire = typeof acquireSlot

/** A thread that holds a slot for a while if it gets one, some times. */
const contender =
  (own: number, { threads, limit, rounds, tries }: Contest, acquire: Acquire): Program =>
  ({ note, pause }, cells) => {
    for (let round = 0; round < rounds; round++) {
      if (!acquire(cells, ownCell(own), 0, threads, limit, tries)) {
        note('failed')
        continue
      }
      note('holds')
      pause()
      note('released')
      Atomics.sub(cells, ownCell(own), 1)
    }
  }

const holds = ({ notes, isDead }: SeenThread) => !isDead && notes.at(-1) === 'holds'
const hasHeld = ({ notes }: SeenThread) => notes.includes('holds')

/** @returns how many states there are, and how the threads may come out of it */
function contest(setting: Contest, acquire: Acquire = acquireSlot): { states: number; ends: string[] } {
  const { threads, limit, deaths, tries } = setting
  const allTries = tries * (2 + 2 * threads)
  const ends = new Set<string>()
  const states = exploreInterleavings({
    cells: () => new Int32Array(threads * THREAD_CELLS),
    programs: Array.from({ length: threads }, (_, own) => contender(own, setting, acquire)),
    deaths,
    afterDeath: (dead) => (_thread, cells) => void Atomics.store(cells, ownCell(dead), 0),
    check(cells, seen, isEnd) {
      const holders = seen.filter(holds).length
      if (holders > limit) throw new Error(`${holders} hold one of ${limit}`)
      if (!isEnd) return
      const left = sumOf(cells, 0, threads)
      if (left !== 0) throw new Error(`${left} are left: ${JSON.stringify(seen)}`)
      const contenders = seen.slice(0, threads)
      if (deaths === 0 && !contenders.some((thread) => hasHeld(thread) || thread.steps >= allTries))
        throw new Error(
          `none of them got what was free, and tried as often as it may: ${JSON.stringify(seen)}`
        )
      ends.add(
        contenders.map((thread) => (thread.isDead ? 'dead' : hasHeld(thread) ? 'held' : 'failed')).join()
      )
    }
  })
  return { states, ends: [...ends].sort() }
}

const CONTESTS: readonly Contest[] = [
  { threads: 2, limit: 1, rounds: 1, tries: 4, deaths: 0 },
  { threads: 2, limit: 1, rounds: 1, tries: 2, deaths: 2 },
  { threads: 2, limit: 1, rounds: 2, tries: 1, deaths: 1 },
  { threads: 2, limit: 2, rounds: 2, tries: 1, deaths: 1 },
  { threads: 3, limit: 2, rounds: 1, tries: 1, deaths: 1 }
]

for (const setting of CONTESTS)
  t.test(`slots are held up to the limit, in any order of steps: ${JSON.stringify(setting)}`, async (t) => {
    const { states, ends } = contest(setting)
    t.ok(states > 100, `${states} states`)
    t.ok(ends.includes(Array(setting.threads).fill('held').join()), 'all may have one, one after the other')
    if (setting.deaths > 0) t.ok(ends.some((end) => end.includes('dead')))
  })

t.test('the search finds what a wrong way lets through', async (t) => {
  const setting: Contest = { threads: 2, limit: 1, rounds: 1, tries: 1, deaths: 0 }
  const looksFirst: Acquire = (cells, own, first, threads, limit) => {
    if (sumOf(cells, first, threads) >= limit) return false
    Atomics.add(cells, own, 1)
    return true
  }
  t.throws(() => contest(setting, looksFirst), /2 hold one of 1/)
  const staysIn: Acquire = (cells, own, first, threads, limit) => {
    Atomics.add(cells, own, 1)
    return sumOf(cells, first, threads) <= limit
  }
  t.throws(() => contest(setting, staysIn), /are left/)
  const looksAway: Acquire = (cells, own, first, threads, limit) => {
    Atomics.add(cells, own, 1)
    if (sumOf(cells, first, threads) <= limit) return true
    Atomics.sub(cells, own, 1)
    return false
  }
  t.throws(() => contest(setting, looksAway), /got what was free/)
})

// Totals

const NEARLY = 2 ** 30 - 3
const AMOUNTS = [2 ** 30 - 1]
const TOTALS = [NEARLY, ...AMOUNTS.map((_, i) => NEARLY + AMOUNTS.slice(0, i + 1).reduce((a, b) => a + b))]

t.test('a total is what was added, whenever it is read, and whenever its thread ends', async (t) => {
  const write: Program = ({ note }, cells) => {
    for (const amount of AMOUNTS) {
      addToTotal(cells, 0, amount)
      note('added')
    }
  }
  const read: Program = ({ note }, cells) => {
    for (let i = 0; i < 2; i++) note(String(totalOf(cells, 0)))
  }
  const ends = new Set<number>()
  const states = exploreInterleavings({
    cells: () => new Int32Array([NEARLY, 0]),
    programs: [write, read],
    deaths: 1,
    afterDeath: (index) => (index === 0 ? (_, cells) => settleTotal(cells, 0) : () => {}),
    check(cells, [writer, reader], isEnd) {
      const now = totalOf(cells, 0)
      if (!TOTALS.includes(now)) throw new Error(`${now} was never the total`)
      if (now < TOTALS[writer!.notes.length]!) throw new Error('what was added is not there')
      const values = reader!.notes.map(Number)
      if (values.some((value) => !TOTALS.includes(value))) throw new Error(`read ${values}`)
      if (values.length > 1 && values[0]! > values[1]!) throw new Error(`read ${values}`)
      if (!isEnd) return
      if (cells[0]! >= 2 ** 30 || cells[1]! < 0) throw new Error(`left as ${cells}`)
      ends.add(now)
    }
  })
  t.ok(states > 1000, `${states} states`)
  t.same([...ends].sort(), [...TOTALS].sort(), 'and may have ended after each')
})

t.test('a thread that has ended holds nothing, and the next one goes on with its totals', async (t) => {
  const threads = { count: 2, own: 0 }
  const cells = createCells(rowCells(threads), threads)
  const [one, two] = [0, 1].map((own) => new Counters({ count: 2, own }, cells))
  for (const cell of GAUGES) {
    one!.change(cell, 2)
    two!.change(cell, 3)
  }
  two!.addTotal(BackendCell.failed, 2 ** 30 - 1)
  // It ends between the addition and the carry.
  Atomics.add(cells, rowCells({ count: 1, own: 0 }) + BackendCell.failed, 1)
  one!.clearThread(1)
  for (const cell of GAUGES) t.equal(one!.sum(cell), 2)
  t.equal(one!.total(BackendCell.failed), 2 ** 30)
  const next = new Counters({ count: 2, own: 1 }, cells)
  next.addTotal(BackendCell.failed, 2 ** 30 - 1)
  t.equal(one!.total(BackendCell.failed), 2 ** 31 - 1)
})
