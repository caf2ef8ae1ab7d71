import fc from 'fast-check'
import t from 'tap'
import { leastConnections } from '../../../lib/balancing/least-connections.js'
import { type Backend, type BackendState, STATES } from '../../../lib/pool/backend.js'
import { BackendCell } from '../../../lib/pool/counters.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { registryOfWeights } from '../../support/registry.js'

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

t.test('any course of requests, failures and state changes', async (t) => {
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
