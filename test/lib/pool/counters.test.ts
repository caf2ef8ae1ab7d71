import fc from 'fast-check'
import t from 'tap'
import { leastConnections } from '../../../lib/balancing/least-connections.js'
import { type Backend, type BackendState, STATES } from '../../../lib/pool/backend.js'
import { BACKEND_CELLS, BackendCell, BalancerCell, Counters } from '../../../lib/pool/counters.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { registryOfWeights } from '../../support/registry.js'

// Counters

const counters = () => new Counters(new Int32Array(64), 0)
const TWO_32 = 2 ** 32

t.test('a gauge goes up and down, and below zero', async (t) => {
  const gauges = counters()
  t.equal(gauges.get(3), 0)
  t.equal(gauges.add(3, 2), 2, 'add returns the value after it')
  t.equal(gauges.add(3, -5), -3)
  t.equal(gauges.get(3), -3)
  gauges.set(3, 7)
  t.equal(gauges.get(3), 7)
  t.equal(gauges.get(2), 0, 'its neighbours are left alone')
  t.equal(gauges.get(4), 0)
})

t.test('a total counts past 2^31 and 2^32', async (t) => {
  for (const border of [2 ** 31, TWO_32, 3 * TWO_32]) {
    const totals = counters()
    totals.addTotal(6, border - 2)
    for (let added = 1; added <= 4; added++) {
      totals.addTotal(6, 1)
      t.equal(totals.total(6), border - 2 + added)
    }
  }
})

t.test('a total takes amounts above 2^32', async (t) => {
  const totals = counters()
  const amounts = [0, TWO_32, TWO_32 - 1, TWO_32 + 1, 5 * TWO_32 + 123, 2 ** 40 + 7, 1]
  let sum = 0
  for (const amount of amounts) {
    totals.addTotal(8, amount)
    sum += amount
    t.equal(totals.total(8), sum, `after ${amount}`)
  }
  t.equal(totals.get(7), 0, 'the cell before it is left alone')
  t.equal(totals.get(10), 0, 'and the one after it')
})

t.test('a total counts on to 2^53', async (t) => {
  const totals = counters()
  totals.addTotal(0, Number.MAX_SAFE_INTEGER - 1)
  totals.addTotal(0, 1)
  t.equal(totals.total(0), Number.MAX_SAFE_INTEGER)
})

t.test('counters at different offsets of a buffer are independent', async (t) => {
  const cells = new Int32Array(new SharedArrayBuffer(4 * 2 * BACKEND_CELLS))
  const first = new Counters(cells, 0)
  const second = new Counters(cells, BACKEND_CELLS)
  const again = new Counters(cells, BACKEND_CELLS)
  second.addTotal(BackendCell.responses + 8, 5)
  second.add(BackendCell.active, 2)
  t.equal(first.total(BackendCell.responses + 8), 0)
  t.equal(first.get(BackendCell.active), 0)
  t.equal(again.total(BackendCell.responses + 8), 5, 'and the same where the offset is')
})

t.test('no two counters share a cell', async (t) => {
  const gauges = new Set([
    'state',
    'weight',
    'active',
    'consecutiveSuccesses',
    'consecutiveFailures',
    'eligible',
    'effectiveWeight',
    'penalty',
    'max',
    'ejected',
    'consecutiveErrors',
    'inFlight',
    'draining',
    'tunnels',
    'retrying',
    'panic',
    'queued'
  ])
  for (const cellOf of [BackendCell, BalancerCell]) {
    const taken = new Set<number>()
    for (const [name, cell] of Object.entries(cellOf)) {
      const width = name === 'responses' ? 10 : gauges.has(name) ? 1 : 2
      for (let i = cell; i < cell + width; i++) {
        t.notOk(taken.has(i), `${name} has cell ${i}`)
        t.ok(i < BACKEND_CELLS, 'inside the row')
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
