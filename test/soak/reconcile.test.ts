import t from 'tap'
import type { Account } from '../../chaos/fleet.js'
import type { Tally } from '../../chaos/load/samples.js'
import type { Statistics } from '../../lib/observe/statistics.js'
import { type CountSnapshots, reconcile } from '../../soak/reconcile.js'

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
