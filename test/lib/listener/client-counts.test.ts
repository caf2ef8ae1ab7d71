import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { createCells } from '../../../lib/base/cells/rows.js'
import { type ClientCounts, LocalClientCounts } from '../../../lib/listener/client-counts.js'
import { clientCountsCells, SharedClientCounts } from '../../../lib/listener/shared-client-counts.js'
import { exploreInterleavings, type Program, type SeenThread } from '../../support/interleavings.js'
import { ROOT } from '../../support/processes.js'

const SECRET = 'a secret'
const cellsFor = (count: number, clients: number) =>
  createCells(clientCountsCells({ count, own: 0 }, clients), { count, own: 0 })

/** The counts of so many threads. */
function countsOf(count: number, clients = 8): ClientCounts[] {
  if (count === 1) return [new LocalClientCounts()]
  const cells = cellsFor(count, clients)
  return Array.from({ length: count }, (_, own) => new SharedClientCounts({ count, own }, cells, SECRET))
}

for (const count of [1, 2, 3])
  t.test(`each client of ${count} threads has its own limit, wherever it is counted`, async (t) => {
    const threads = countsOf(count)
    const acquired = (client: string, times: number) =>
      Array.from({ length: times }, (_, i) => threads[i % count]!.acquire(client, 4))
    t.same(acquired('a', 6), [true, true, true, true, false, false])
    t.same(acquired('b', 5), [true, true, true, true, false])
    threads[1 % count]!.release('a')
    t.same(acquired('a', 2), [true, false], 'one was given back')
    t.ok(threads[0]!.acquire('a', 5), 'the limit is that of the call')
  })

t.test('what a thread held that has ended is free, and the next one begins anew', async (t) => {
  const [first, second] = countsOf(2) as [ClientCounts, ClientCounts]
  for (const client of ['a', 'a', 'b']) second.acquire(client, 2)
  t.notOk(first.acquire('a', 2))
  first.clearThread(1)
  t.same(
    [1, 2, 3].map(() => first.acquire('a', 2)),
    [true, true, false]
  )
})

t.test('clients that come and go are counted as if each were alone', async (t) => {
  const CLIENTS = 64
  const LIMIT = 3
  const threads = countsOf(3, CLIENTS)
  const held = threads.map(() => new Map<string, number>())
  const of = (client: string) => held.reduce((sum, counts) => sum + (counts.get(client) ?? 0), 0)
  let seed = 1
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((seed / 2 ** 31) * below)
  }
  let wrong = 0
  let refused = 0
  for (let i = 0; i < 50_000; i++) {
    const thread = random(3)
    const own = held[thread]!
    const client = `10.0.0.${random(100)}`
    const count = own.get(client) ?? 0
    // In turns of arrivals and of departures.
    if (count > 0 && (random(2) === 0 || (i >> 10) % 2 === 0)) {
      threads[thread]!.release(client)
      if (count > 1) own.set(client, count - 1)
      else own.delete(client)
    } else if (own.size < CLIENTS || count > 0) {
      const isFree = of(client) < LIMIT
      if (!isFree) refused++
      if (threads[thread]!.acquire(client, LIMIT) !== isFree) wrong++
      if (isFree) own.set(client, count + 1)
    }
  }
  t.equal(wrong, 0)
  t.ok(refused > 1000, `${refused} refused`)
})

t.test('a table takes as many clients as it is made for, and more only as they go', async (t) => {
  const [counts] = countsOf(2, 4) as [ClientCounts]
  const clients = Array.from({ length: 8 }, (_, i) => `10.0.0.${i}`)
  for (const client of clients) t.ok(counts.acquire(client, 1))
  t.notOk(counts.acquire('10.0.1.1', 1))
  counts.release(clients[3]!)
  t.ok(counts.acquire('10.0.1.1', 1))
})

// Every order of steps

interface Contest {
  /** The clients of each thread. */
  readonly clients: readonly string[]
  readonly limit: number
  readonly tries: number
  readonly deaths: number
}

const contender =
  (own: number, { clients, limit, tries }: Contest): Program =>
  ({ note, pause }, cells) => {
    const counts = new SharedClientCounts({ count: clients.length, own }, cells, SECRET)
    if (!counts.acquire(clients[own]!, limit, tries)) return note('failed')
    note('holds')
    pause()
    note('released')
    counts.release(clients[own]!)
  }

const holds = ({ notes, isDead }: SeenThread) => !isDead && notes.at(-1) === 'holds'

function contest(setting: Contest): number {
  const { clients, limit, deaths } = setting
  const count = clients.length
  return exploreInterleavings({
    cells: () => new Int32Array(clientCountsCells({ count, own: 0 }, 1)),
    programs: clients.map((_, own) => contender(own, setting)),
    deaths,
    afterDeath: (dead) => (_thread, cells) =>
      new SharedClientCounts({ count, own: 0 }, cells, SECRET).clearThread(dead),
    check(cells, seen, isEnd) {
      for (const client of clients) {
        const holders = seen.filter((thread, own) => clients[own] === client && holds(thread)).length
        if (holders > limit) throw new Error(`${holders} hold one of ${limit}`)
      }
      if (isEnd && cells.some((cell) => cell !== 0)) throw new Error(`left as ${cells}`)
    }
  })
}

for (const setting of [
  { clients: ['a', 'a'], limit: 1, tries: 2, deaths: 0 },
  { clients: ['a', 'a'], limit: 1, tries: 1, deaths: 1 },
  { clients: ['a', 'a', 'a'], limit: 2, tries: 1, deaths: 0 },
  { clients: ['a', 'b'], limit: 1, tries: 1, deaths: 1 }
])
  t.test(`no client holds more in any order of steps: ${JSON.stringify(setting)}`, async (t) => {
    const states = contest(setting)
    t.ok(states > 100, `${states} states`)
  })

// Real threads

const HAMMER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { SharedClientCounts } = require(workerData.module)
  const { own, count, cells, held, limit } = workerData
  const counts = new SharedClientCounts({ count, own }, cells, "a secret")
  let acquired = 0
  let tooMany = 0
  Atomics.add(held, 1, 1)
  while (Atomics.load(held, 1) < count);
  for (let i = 0; i < 20000; i++) {
    if (!counts.acquire('10.0.0.1', limit)) continue
    acquired++
    if (Atomics.add(held, 0, 1) >= limit) tooMany++
    counts.acquire('10.0.0.' + (i % 8 + 2), 1000)
    Atomics.sub(held, 0, 1)
    counts.release('10.0.0.1')
  }
  parentPort.postMessage({ acquired, tooMany })`

t.test('threads that connect at once never hold more than the limit of a client', async (t) => {
  const count = 3
  const limit = 2
  const cells = cellsFor(count, 16)
  const held = new Int32Array(new SharedArrayBuffer(8))
  const module = path.join(ROOT, 'dist', 'lib', 'listener', 'shared-client-counts.js')
  const results = await Promise.all(
    Array.from({ length: count }, async (_, own) => {
      const workerData = { module, own, count, cells, held, limit }
      const worker = new Worker(HAMMER, { eval: true, workerData })
      const [result] = await once(worker, 'message')
      return result as { acquired: number; tooMany: number }
    })
  )
  for (const { acquired, tooMany } of results) {
    t.ok(acquired > 0)
    t.equal(tooMany, 0)
  }
})
