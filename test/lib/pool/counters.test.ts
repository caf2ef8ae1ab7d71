import fc from 'fast-check'
import t from 'tap'
import { leastConnections } from '../../../lib/balancing/least-connections.js'
import { Counters } from '../../../lib/base/cells/counters.js'
import {
  createCells,
  ONE_THREAD,
  rowCells,
  SHARED_CELLS,
  THREAD_CELLS
} from '../../../lib/base/cells/rows.js'
import { type Backend, type BackendState, STATES } from '../../../lib/pool/backend.js'
import { BackendCell, BalancerCell, responsesCell } from '../../../lib/pool/cells.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { registryOfWeights } from '../../support/registry.js'

// Counters

const TWO_32 = 2 ** 32
const counters = () => new Counters()

t.test('state that all threads share is set and added to', async (t) => {
  const state = counters()
  t.equal(state.get(BackendCell.penalty), 0)
  t.equal(state.add(BackendCell.penalty, 2), 2, 'add returns the value after it')
  t.equal(state.add(BackendCell.penalty, -5), -3)
  t.equal(state.get(BackendCell.penalty), -3)
  state.set(BackendCell.penalty, 7)
  t.equal(state.get(BackendCell.penalty), 7)
  t.equal(state.get(BackendCell.max), 0, 'its neighbours are left alone')
  t.equal(state.get(BackendCell.ejected), 0)
})

t.test('a total counts past 2^31 and 2^32', async (t) => {
  for (const border of [2 ** 30, 2 ** 31, TWO_32, 3 * TWO_32]) {
    const totals = counters()
    totals.addTotal(BackendCell.failed, border - 2)
    for (let added = 1; added <= 4; added++) {
      totals.addTotal(BackendCell.failed, 1)
      t.equal(totals.total(BackendCell.failed), border - 2 + added)
    }
  }
})

t.test('a total takes amounts above 2^32', async (t) => {
  const totals = counters()
  const amounts = [0, TWO_32, TWO_32 - 1, TWO_32 + 1, 5 * TWO_32 + 123, 2 ** 40 + 7, 1]
  let sum = 0
  for (const amount of amounts) {
    totals.addTotal(BackendCell.bytesSent, amount)
    sum += amount
    t.equal(totals.total(BackendCell.bytesSent), sum, `after ${amount}`)
  }
  t.equal(totals.total(BackendCell.bytesReceived), 0, 'the one before it is left alone')
  t.equal(totals.total(responsesCell(1)), 0, 'and the one after it')
})

t.test('a total counts on to 2^53', async (t) => {
  const totals = counters()
  totals.addTotal(BackendCell.total, Number.MAX_SAFE_INTEGER - 1)
  totals.addTotal(BackendCell.total, 1)
  t.equal(totals.total(BackendCell.total), Number.MAX_SAFE_INTEGER)
})

t.test('rows are independent, and the same row is the same counters', async (t) => {
  const cells = createCells(rowCells(ONE_THREAD), ONE_THREAD)
  const first = new Counters()
  const [second, again] = [1, 2].map(() => new Counters(ONE_THREAD, cells))
  second!.addTotal(responsesCell(5), 5)
  second!.change(BackendCell.active, 2)
  t.equal(first.total(responsesCell(5)), 0)
  t.equal(first.sum(BackendCell.active), 0)
  t.equal(again!.total(responsesCell(5)), 5)
  t.equal(again!.sum(BackendCell.active), 2)
})

t.test('gauges and totals are those of all threads, state is one', async (t) => {
  const count = 3
  const cells = createCells(rowCells({ count, own: 0 }), { count, own: 0 })
  t.type(cells.buffer, SharedArrayBuffer)
  const [one, two, three] = [0, 1, 2].map((own) => new Counters({ count, own }, cells))
  one!.change(BackendCell.active, 2)
  two!.change(BackendCell.active, 3)
  two!.addTotal(BackendCell.failed, TWO_32)
  three!.addTotal(BackendCell.failed, 5)
  three!.set(BackendCell.weight, 9)
  for (const counters of [one!, two!, three!]) {
    t.equal(counters.sum(BackendCell.active), 5)
    t.equal(counters.total(BackendCell.failed), TWO_32 + 5)
    t.equal(counters.get(BackendCell.weight), 9)
  }
  t.notOk(three!.acquire(BackendCell.active, 5), 'a limit is that of all')
  t.ok(three!.acquire(BackendCell.active, 6))
  t.equal(one!.sum(BackendCell.active), 6)
})

t.test('no two counters share a cell', async (t) => {
  const gauges = new Set([
    ...['active', 'inFlight', 'tunnels', 'retrying', 'queued'],
    ...['openConnections', 'sockets']
  ])
  const totals = (names: object) => Object.entries(names) as [string, number][]
  for (const cellOf of [BackendCell, BalancerCell]) {
    const entries = totals(cellOf)
    const firstGauge = entries.findIndex(([name]) => gauges.has(name))
    const shared = entries.slice(0, firstGauge).map(([, cell]) => cell)
    t.same(shared, [...new Set(shared)])
    t.ok(Math.max(...shared) < SHARED_CELLS, 'inside what threads share')
    const own = entries.slice(firstGauge)
    if (cellOf === BackendCell)
      own.push(...[1, 2, 3, 4, 5].map((n): [string, number] => [`${n}xx`, responsesCell(n)]))
    const taken = new Set<number>()
    for (const [name, cell] of own) {
      const width = gauges.has(name) ? 1 : 2
      for (let i = cell; i < cell + width; i++) {
        t.notOk(taken.has(i), `${name} has cell ${i}`)
        t.ok(i < THREAD_CELLS, 'inside the part of a thread')
        taken.add(i)
      }
    }
  }
})

// Balance, whatever happens

type Step =
  | { readonly kind: 'request'; readonly random: number; readonly tried: readonly number[] }
  | { readonly kind: 'done'; readonly which: number }
  | { readonly kind: 'state'; readonly which: number; readonly to: BackendState }
  | { readonly kind: 'unreachable'; readonly which: number }

const anyIndex = fc.nat({ max: 1_000_000 })
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      tried: fc.oneof(fc.constant([]), fc.array(fc.nat({ max: 7 }), { maxLength: 3 }))
    })
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('done' as const), which: anyIndex }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('state' as const),
      which: anyIndex,
      to: fc.constantFrom(...STATES)
    })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unreachable' as const), which: anyIndex }) }
)

const load = ({ active, weight }: Backend) => active / weight

/** What is true of the backends by another count: of the requests that are open, and of all there have been. */
class Model {
  readonly open: Backend[] = []
  readonly totals: number[]
  readonly failures: number[]
  readonly states: BackendState[]

  constructor(readonly registry: Registry) {
    this.totals = registry.backends.map(() => 0)
    this.failures = registry.backends.map(() => 0)
    this.states = registry.backends.map(() => 'healthy')
  }

  run(step: Step): void {
    const { backends } = this.registry
    switch (step.kind) {
      case 'request':
        this.request(step.random, step.tried)
        break
      case 'done':
        this.open.splice(step.which % (this.open.length || 1), 1)[0]?.release()
        break
      case 'state':
        this.setState(backends[step.which % backends.length]!, step.to)
        break
      case 'unreachable':
        this.unreachable(backends[step.which % backends.length]!)
    }
  }

  setState(backend: Backend, to: BackendState): void {
    this.registry.setState(backend, to, 'test')
    this.states[backend.id] = to
  }

  unreachable(backend: Backend): void {
    this.registry.reportFailure(backend, 'LB_TEST', 'test', true)
    this.failures[backend.id]!++
    const healthy = this.states.filter((state) => state === 'healthy').length
    if (this.states[backend.id] === 'healthy' && healthy > 1) this.states[backend.id] = 'unhealthy'
  }

  request(random: number, triedIds: readonly number[]): void {
    const { backends } = this.registry
    const tried = backends.filter(({ id }) => triedIds.includes(id))
    const candidates = backends.filter((b) => this.states[b.id] === 'healthy' && !tried.includes(b))
    const chosen = leastConnections(backends, () => random, tried)
    if (!chosen) {
      if (candidates.length > 0) throw new Error('none was chosen though there was one')
      return
    }
    if (!candidates.includes(chosen)) throw new Error(`${chosen.id} was chosen, but must not be`)
    const least = Math.min(...candidates.map(load))
    if (load(chosen) !== least)
      throw new Error(`${chosen.id} was chosen at ${load(chosen)}, least is ${least}`)
    chosen.acquire()
    this.open.push(chosen)
    this.totals[chosen.id]!++
  }

  check(): void {
    for (const backend of this.registry.backends) {
      const { id, counters } = backend
      const seen = {
        active: backend.active,
        total: counters.total(BackendCell.total),
        failed: counters.total(BackendCell.failed),
        state: backend.state,
        eligible: backend.eligible
      }
      const expected = {
        active: this.open.filter((open) => open === backend).length,
        total: this.totals[id],
        failed: this.failures[id],
        state: this.states[id],
        eligible: this.states[id] === 'healthy'
      }
      if (JSON.stringify(seen) !== JSON.stringify(expected))
        throw new Error(`backend ${id} has ${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`)
    }
    const eligible = this.states.filter((state) => state === 'healthy').length
    if (this.registry.eligibleCount !== eligible) throw new Error(`not ${eligible} eligible`)
  }
}

t.test('any sequence of requests, failures and state changes', async (t) => {
  const weights = fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 8 })
  const steps = fc.array(anyStep, { maxLength: 120 })
  const property = fc.property(weights, steps, (weights, steps) => {
    const model = new Model(registryOfWeights(...weights))
    for (const step of steps) {
      model.run(step)
      model.check()
    }
    for (const backend of model.open.splice(0)) backend.release()
    model.check()
  })
  fc.assert(property, { numRuns: 400, seed: 20 })
  t.pass('counters are consistent, and each choice is eligible and of least load')
})
