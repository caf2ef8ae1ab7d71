import t from 'tap'
import {
  type Bucket,
  BucketTable,
  bucketOf,
  bucketTableCells
} from '../../../lib/listener/access/bucket-table.js'
import { exploreInterleavings, type Program } from '../../support/interleavings.js'

/** So slow that no token is added while a model runs. */
const COST_MS = 3_600_000
const START_MS = 1000
const HIGH = 5

/** What threads do at once: each takes so many tokens of a client, by its number. */
interface Contest {
  readonly takes: readonly { readonly client: number; readonly times: number; readonly nowMs?: number }[]
  readonly burst: number
  readonly tries: number
  /** How often clients have sent requests before, and when. */
  readonly before?: readonly { readonly client: number; readonly nowMs: number }[]
  readonly deaths: number
}

const tableOf = (cells: Int32Array, own: number, count: number) => new BucketTable({ count, own }, cells)

const taker =
  (own: number, { takes, tries }: Contest, bucket: Bucket): Program =>
  ({ note }, cells) => {
    const { client, times, nowMs = START_MS } = takes[own]!
    const table = tableOf(cells, own, takes.length)
    for (let i = 0; i < times; i++)
      note(table.take(client, HIGH, bucket, nowMs, tries) === 0 ? 'passed' : 'rejected')
  }

/** @returns how many states there are, and how many requests of each client passed in the ends */
function contest(setting: Contest): { states: number; ends: string[] } {
  const { takes, burst, before = [], deaths } = setting
  const bucket = bucketOf(COST_MS, burst)
  const clients = [...new Set(takes.map(({ client }) => client))]
  const ends = new Set<string>()
  const states = exploreInterleavings({
    cells: () => {
      const cells = new Int32Array(bucketTableCells(1))
      const table = tableOf(cells, 0, takes.length)
      for (const { client, nowMs } of before) table.take(client, HIGH, bucket, nowMs)
      return cells
    },
    programs: takes.map((_, own) => taker(own, setting, bucket)),
    deaths,
    afterDeath: (dead) => (_thread, cells) => tableOf(cells, 0, takes.length).clearThread(dead),
    check(cells, seen, isEnd) {
      const passed = clients.map((client) =>
        seen
          .filter((_, own) => takes[own]?.client === client)
          .reduce((sum, { notes }) => sum + notes.filter((note) => note === 'passed').length, 0)
      )
      if (passed.some((count) => count > burst)) throw new Error(`${passed} have passed of ${burst}`)
      if (!isEnd) return
      if (cells.subarray(0, 8).some((full) => full < 0)) throw new Error(`left as ${cells}`)
      ends.add(passed.join())
    }
  })
  return { states, ends: [...ends].sort() }
}

for (const [what, setting, most] of [
  [
    'two threads enter a client',
    { takes: [1, 1].map((client) => ({ client, times: 1 })), burst: 1, tries: 1, deaths: 0 },
    '1'
  ],
  [
    'two threads enter a client, one may die',
    { takes: [1, 1].map((client) => ({ client, times: 1 })), burst: 1, tries: 1, deaths: 1 },
    '1'
  ],
  [
    'two threads enter one client each',
    { takes: [1, 2].map((client) => ({ client, times: 1 })), burst: 1, tries: 1, deaths: 1 },
    '1,1'
  ],
  [
    'three threads take what is left, one may die',
    {
      takes: [1, 1, 1].map((client) => ({ client, times: 1 })),
      burst: 3,
      tries: 2,
      before: [{ client: 1, nowMs: START_MS }],
      deaths: 1
    },
    '2'
  ],
  [
    'a bucket that is full for a thread with the later clock is not for the other',
    {
      takes: [
        { client: 1, times: 1, nowMs: START_MS + COST_MS },
        { client: 1, times: 1, nowMs: START_MS + COST_MS + 100 }
      ],
      burst: 1,
      tries: 2,
      before: [{ client: 1, nowMs: START_MS }],
      deaths: 0
    },
    '1'
  ]
] as const)
  t.test(`${what}: no more pass than may, in any order of steps`, async (t) => {
    const { states, ends } = contest(setting)
    t.ok(states > 100, `${states} states`)
    t.ok(ends.includes(most), `as many as may: ${ends}`)
  })
