import t from 'tap'
import type { Counters } from '../../../lib/base/cells/counters.js'
import { Turns, turnsCells } from '../../../lib/base/cells/turns.js'
import { SharedWaitingQueue } from '../../../lib/proxy/retry/shared-waiting-queue.js'
import type { Queued } from '../../../lib/proxy/retry/waiting-queue.js'
import {
  exploreInterleavings,
  type Model,
  type Program,
  type SeenThread,
  sampleInterleavings,
  type Thread
} from '../../support/interleavings.js'
import { seededRandom } from '../../support/random.js'

/** The queue has a place for all: what counts those is looked at elsewhere. */
const PLACES = { acquire: () => true, change() {} } as unknown as Counters
const OPTIONS = { size: 9, timeoutMs: 1000 }

/** Before the cells of the turns, the only slot of each backend: who has it, from 1, or 0. */
const BACKENDS = 3
const ANY = -1
/** Of the orders of steps, where there are too many. */
const SAMPLES = 60

/** Turns that are told as they are taken. */
class NotedTurns extends Turns {
  latest = 0

  override take(): number {
    this.latest = super.take()
    return this.latest
  }
}

/** A request that waits for the slot of a backend, or of any. */
class Waiter implements Queued {
  holds: number | undefined
  readonly acceptsAny: boolean

  constructor(
    readonly name: string,
    readonly wanted: number,
    readonly acquire: (backend: number) => boolean,
    readonly thread: Thread,
    readonly backends: number
  ) {
    this.acceptsAny = wanted === ANY
  }

  tryAll(): boolean {
    const candidates = this.acceptsAny ? Array.from({ length: this.backends }, (_, i) => i) : [this.wanted]
    this.holds = candidates.find(this.acquire)
    if (this.holds !== undefined) this.thread.note(`${this.name} holds ${this.holds}`)
    return this.holds !== undefined
  }

  proceed(): boolean {
    if (!this.tryAll()) return false
    this.onProceed()
    return true
  }

  onProceed: () => void = () => {}
  onQueueTimeout(): void {}
}

interface Setting {
  /** What the requests of each thread want, in their order. */
  readonly threads: readonly (readonly number[])[]
  readonly backends: number
  readonly deaths: number
  /** The first thread has all slots at first, and gives them back one by one; the others keep what they get. */
  readonly keeps?: boolean
  /** The thread whose first request that waits leaves. */
  readonly leaver?: number
}

const server =
  (own: number, { threads, backends, leaver, keeps }: Setting): Program =>
  (thread, cells) => {
    const turns = new NotedTurns({ count: threads.length, own }, cells.subarray(BACKENDS))
    const queue = new SharedWaitingQueue(PLACES, OPTIONS, turns, () => {})
    const acquire = (backend: number) => Atomics.compareExchange(cells, backend, 0, own + 1) === 0
    const release = (waiter: Waiter) => {
      if (keeps) return
      thread.note(`${waiter.name} is done`)
      Atomics.store(cells, waiter.holds!, 0)
      if (!queue.isEmpty) queue.serve()
    }
    if (keeps && own === 0)
      for (let backend = 0; backend < backends; backend++) {
        Atomics.store(cells, backend, 0)
        if (!queue.isEmpty) queue.serve()
      }
    let waiting: Waiter[] = []
    for (const [index, wanted] of threads[own]!.entries()) {
      const waiter = new Waiter(`${own}.${index}`, wanted, acquire, thread, backends)
      waiter.onProceed = () => void queue.remove(waiter)
      if (!queue.isBlocked && waiter.tryAll()) {
        thread.pause()
        release(waiter)
        continue
      }
      queue.add(waiter, 0)
      waiting.push(waiter)
      if (waiter.holds === undefined) thread.note(`${waiter.name} waits ${wanted} ${turns.latest}`)
    }
    if (leaver === own) {
      const left = waiting.shift()
      if (left?.holds !== undefined) release(left)
      else if (left) {
        thread.note(`${left.name} is done`)
        queue.remove(left)
      }
    }
    while (waiting.length > 0) {
      const held = waiting.filter(({ holds }) => holds !== undefined)
      waiting = waiting.filter(({ holds }) => holds === undefined)
      for (const waiter of held) release(waiter)
      if (held.length > 0 || waiting.length === 0) continue
      turns.untilWoken()
      queue.onWoken()
    }
  }

/** What each request of a thread has come to. */
function latestOf({ notes, isDead }: SeenThread): Map<string, readonly string[]> {
  const latest = new Map<string, readonly string[]>()
  if (isDead) return latest
  for (const note of notes) {
    const [name, ...what] = note.split(' ')
    const before = latest.get(name!)
    latest.set(name!, what[0] === 'holds' && before ? ['holds', what[1]!, ...before.slice(1)] : what)
  }
  return latest
}

function modelOf(setting: Setting): Model {
  const count = setting.threads.length
  return {
    programs: setting.threads.map((_, own) => server(own, setting)),
    deaths: setting.deaths,
    cells() {
      const cells = new Int32Array(BACKENDS + turnsCells({ count, own: 0 }))
      return setting.keeps ? cells.fill(1, 0, setting.backends) : cells
    },
    afterDeath: (dead) => (_thread, cells) => {
      for (let backend = 0; backend < BACKENDS; backend++)
        Atomics.compareExchange(cells, backend, dead + 1, 0)
      new Turns({ count, own: dead === 0 ? 1 : 0 }, cells.subarray(BACKENDS)).clearThread(dead)
    },
    mayWait(cells, seen) {
      if (!setting.keeps) return false
      const free = [...cells.subarray(0, setting.backends).keys()].filter((backend) => cells[backend] === 0)
      const waiting = seen
        .flatMap((thread) => [...latestOf(thread).values()])
        .filter(([what]) => what === 'waits')
      return !waiting.some(
        ([, wanted]) => free.length > 0 && (wanted === String(ANY) || free.includes(Number(wanted)))
      )
    },
    check(_cells, seen) {
      const all = seen.flatMap((thread) => [...latestOf(thread).values()])
      const held = all.filter(([what]) => what === 'holds')
      const backends = held.map(([, backend]) => backend)
      if (new Set(backends).size < backends.length)
        throw new Error(`two hold the same: ${JSON.stringify(seen)}`)
      const waiting = all.filter(([what, wanted]) => what === 'waits' && wanted === String(ANY))
      for (const [, , wanted, turn] of held)
        if (wanted === String(ANY) && waiting.some(([, , before]) => Number(before) < Number(turn)))
          throw new Error(`one was served before its turn: ${JSON.stringify(seen)}`)
    }
  }
}

/** @param requests of each thread, with commas between: the backend that one waits for, or `*` for any */
function settingOf(requests: string, more: Partial<Setting> = {}): Setting {
  const threads = requests
    .split(',')
    .map((own) => [...own.replaceAll(' ', '')].map((wanted) => '*ABC'.indexOf(wanted) - 1))
  return { threads, backends: 1 + Math.max(0, ...threads.flat()), deaths: 0, ...more }
}

const SMALL = [
  settingOf('*, *'),
  settingOf('*, *', { deaths: 1 }),
  settingOf('A, *', { backends: 2 }),
  settingOf(', *', { keeps: true }),
  settingOf('A, A', { deaths: 1 })
]
const LARGE = [
  settingOf('**, *'),
  settingOf('**, *', { leaver: 0 }),
  settingOf('A*, *A'),
  settingOf('A*, *A', { leaver: 0 }),
  settingOf('AB, BA'),
  settingOf('*B, A*, BA', { deaths: 1 }),
  settingOf('**, *, **', { backends: 2, deaths: 1 }),
  settingOf(', **, *', { backends: 3, keeps: true }),
  settingOf(', AB, C', { keeps: true }),
  settingOf(', A*, B*', { backends: 3, deaths: 1, keeps: true }),
  settingOf(', *A, B*', { backends: 3, keeps: true, leaver: 1 }),
  settingOf(', *A, C, B*', { deaths: 1, keeps: true }),
  settingOf('BB*, AB, B*A, AB', { deaths: 1 }),
  settingOf('BAB, ABA, BA, AB', { deaths: 1, leaver: 1 })
]

for (const setting of SMALL)
  t.test(`whoever waits is served, in any order of steps: ${JSON.stringify(setting)}`, async (t) => {
    const states = exploreInterleavings(modelOf(setting))
    t.ok(states > 100, `${states} states`)
  })

for (const setting of LARGE)
  t.test(`whoever waits is served, in many orders of steps: ${JSON.stringify(setting)}`, async (t) => {
    const steps = sampleInterleavings(modelOf(setting), SAMPLES, seededRandom(1))
    t.ok(steps > SAMPLES, `${steps} steps`)
  })
