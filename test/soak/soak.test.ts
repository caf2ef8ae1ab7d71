import { spawnSync } from 'node:child_process'
import path from 'node:path'
import t, { test } from 'tap'
import type { Account } from '../../chaos/fleet.js'
import type { Tally } from '../../chaos/load/samples.js'
import type { Statistics } from '../../lib/observe/statistics.js'
import { readOptions } from '../../soak/options.js'
import { type CountSnapshots, reconcile } from '../../soak/reconcile.js'
import { checkMemory, trendsOf } from '../../soak/report.js'
import { trendOf } from '../../soak/trend.js'
import { mibOf, type Sample } from '../../soak/watch.js'
import { refusal } from '../support/exit.js'
import { plainNode } from '../support/processes.js'
import { seededRandom } from '../support/random.js'

const long = 10

/** A sample every 5 s for ten minutes. */
function samples(mib: (minute: number) => number): Sample[] {
  const rest = { anonymousMib: 0, inFlight: 0, queued: 0, retrying: 0, total: 0, openConnections: 0 }
  return Array.from({ length: 120 }, (_, i) => {
    const size = mib(i / 12)
    return { atMs: i * 5000, usedMib: size / 6, rssMib: size, ...rest }
  })
}

const isFlat = (mib: (minute: number) => number) =>
  checkMemory(trendsOf(samples(mib)), long).every(({ holds }) => holds)

t.test('a line and its error', async (t) => {
  const exact = trendOf([0, 1, 2, 3].map((x) => [x, 5 + 2 * x]))!
  t.same([exact.slope, exact.standardError], [2, 0])
  // By hand: residuals 0.1, -0.3, 0.3, -0.1 about a slope of 0.8, over a spread of 5.
  const rough = trendOf([
    [0, 0],
    [1, 0.4],
    [2, 1.8],
    [3, 2.2]
  ])!
  t.ok(Math.abs(rough.slope - 0.8) < 1e-9)
  t.ok(Math.abs(rough.standardError - Math.sqrt(0.2 / 2 / 5)) < 1e-9)
  // In waves, the errors are those of fewer points.
  const wave = (period: number) =>
    trendOf(Array.from({ length: 100 }, (_, x) => [x, Math.sin((2 * Math.PI * x) / period)]))!.standardError
  t.ok(wave(20) > 3 * wave(2.1))
  t.equal(trendOf([]), undefined)
  t.equal(trendOf([0, 1, 2].map((y) => [1, y])), undefined)
})

t.test('memory that rises is told from memory that does not', async (t) => {
  const random = seededRandom(1)
  const noise = () => 20 * (random() - 0.5)
  t.ok(
    isFlat(() => 100 + noise()),
    'the sawtooth of a collector'
  )
  t.ok(
    isFlat((minute) => 100 + noise() + Math.min(minute, 4) * 20),
    'a rise that ends with the warm-up'
  )
  t.ok(
    isFlat((minute) => 200 - 10 * minute + noise()),
    'a fall'
  )
  t.ok(
    isFlat((minute) => 100 + minute / 2),
    'half a MiB a minute'
  )
  t.notOk(
    isFlat((minute) => 100 + 2 * minute),
    'two a minute'
  )
  let level = 0
  const wandering = () => (level = 0.9 * level + noise() / 4)
  t.ok(
    isFlat(() => 100 + wandering()),
    'what goes up and down for minutes'
  )
  t.notOk(
    isFlat((minute) => 100 + 10 * minute + noise()),
    'ten a minute, amid noise'
  )
})

t.test('a short run does not judge', async (t) => {
  const trends = trendsOf(samples((minute) => 100 + 100 * minute))
  for (const check of checkMemory(trends, 0.5)) t.match(check, { holds: true, figures: /not judged/ })
  const none = { used: undefined, resident: undefined }
  t.ok(checkMemory(none, 0.5).every(({ holds }) => holds))
  t.notOk(checkMemory(none, long).some(({ holds }) => holds))
})

t.test('sizes are read as the kernel writes them', async (t) => {
  t.equal(mibOf('VmPeak:\t 9216 kB\nVmRSS:\t    2048 kB\nRssAnon:\t1024 kB\n', 'VmRSS'), 2)
  t.ok(Number.isNaN(mibOf('Name:\tnode\n', 'VmRSS')))
})

interface Counts {
  requests?: object
  rejected?: object
  backend?: object
}

function statistics({ requests = {}, rejected = {}, backend = {} }: Counts = {}): Statistics {
  const none = { overload: 0, noBackend: 0, queueFull: 0, queueTimeout: 0, outageTimeout: 0, badRequest: 0 }
  const zero = { inFlight: 0, queued: 0, retrying: 0, tunnels: 0, total: 0, failed: 0 }
  const idle = { active: 0, total: 0, failed: 0, retries: 0, hedges: 0, responses: { '2xx': 0, '5xx': 0 } }
  return {
    requests: { ...zero, ...requests, rejected: { ...none, ...rejected } },
    backends: [{ ...idle, ...backend }]
  } as unknown as Statistics
}

const nothing: Account = { arrived: 0, ok: 0, error: 0, broken: 0 }
const clients: Tally = { ok: 90, cut: 2, 'backend 5xx': 3, 'balancer 5xx': 4, refused: 1 }
const wellKept: Counts = {
  requests: { total: 99, failed: 2 },
  rejected: { noBackend: 1, outageTimeout: 1 },
  backend: { total: 101, failed: 4, retries: 3, hedges: 1, responses: { '2xx': 92, '5xx': 4 } }
}

function broken(changes: { after?: Counts; clients?: Tally; backend?: Partial<Account> } = {}): string[] {
  const counts: CountSnapshots = {
    before: statistics(),
    after: statistics({ ...wellKept, ...changes.after }),
    clients: { ...clients, ...changes.clients },
    backendsBefore: [nothing],
    backendsAfter: [{ arrived: 98, ok: 91, error: 5, broken: 2, ...changes.backend }]
  }
  return reconcile(counts).flatMap(({ name, holds }) => (holds ? [] : [name]))
}

t.test('counts that agree', async (t) => {
  t.same(broken(), [])
  t.same(broken({ clients: { ok: 89, 'timed out': 1 } }), [], 'one gave up that was answered by then')
})

t.test('a request that was counted twice, or not at all', async (t) => {
  t.same(broken({ clients: { ok: 91 } }), ['requests', 'answers of 2xx'])
  t.same(broken({ clients: { 'balancer 5xx': 5 } }), ['requests', 'answers of 5xx by the balancer'])
  t.same(broken({ clients: { 'backend 5xx': 5, 'balancer 5xx': 2 } }), [
    'answers of 5xx by backends',
    'answers of 5xx by the balancer'
  ])
  t.same(broken({ clients: { ok: 89, 'wrong answer': 1 } }), [
    'answers of 2xx',
    'answers that nobody can have given'
  ])
})

t.test('a backend that was given other than what it was said to be given', async (t) => {
  t.same(broken({ backend: { arrived: 102 } }), ['backend 0: given', 'attempts that did not arrive'])
  t.same(broken({ backend: { arrived: 95 } }), ['backend 0: given', 'attempts that did not arrive'])
  t.same(broken({ backend: { ok: 89 } }), ['backend 0: 2xx'])
  t.same(broken({ backend: { ok: 96 } }), ['backend 0: 2xx'])
  t.same(broken({ backend: { error: 3 } }), ['backend 0: 5xx'])
})

t.test('what is still under way at the end', async (t) => {
  for (const gauge of ['inFlight', 'queued', 'retrying', 'tunnels'])
    t.same(broken({ after: { requests: { ...wellKept.requests, [gauge]: 1 } } }), [`${gauge} at the end`])
  t.same(broken({ after: { backend: { ...wellKept.backend, active: 1 } } }), ['active at the end'])
})

const run = path.join(__dirname, '../../soak/run.js')

test('the options have defaults, and make sense', async (t) => {
  t.match(readOptions([]), { minutes: 10, connections: 64, seed: Number })
  t.not(readOptions([]).seed, readOptions([]).seed)
  t.match(readOptions(['--minutes', '0.5', '--connections', '8', '--seed', '3']), {
    minutes: 0.5,
    connections: 8,
    seed: 3
  })
  for (const wrong of [
    ['--minutes', '0'],
    ['--minutes', '-1'],
    ['--minutes', 'long'],
    ['--connections', '0'],
    ['--seed', '1.5']
  ]) {
    const { status, stderr } = refusal(() => readOptions(wrong))
    t.equal(status, 1, wrong.join(' '))
    t.match(stderr, /^error: /)
  }
  const { status, stderr } = spawnSync(...plainNode([run, '--seed', '1.5']), { encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, /^error: /)
})
