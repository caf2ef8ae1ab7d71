import t from 'tap'
import { BalancerCell, Counters } from '../../../../lib/pool/counters.js'
import { RetryBudget } from '../../../../lib/proxy/retry/retry-budget.js'

function stage(inFlight: number) {
  const counters = new Counters(new Int32Array(48), 0)
  counters.set(BalancerCell.inFlight, inFlight)
  const budget = new RetryBudget(counters, 0.2)
  const granted: string[] = []
  const waiter = (name: string, needsNoPlace = false) => ({
    needsNoPlace,
    onBudget: (has: boolean) => void granted.push(`${name} ${has}`)
  })
  return { counters, budget, granted, waiter }
}

t.test('a fifth of the requests in flight may be second tries, and at least three', async (t) => {
  for (const [inFlight, places] of [
    [0, 3],
    [10, 3],
    [20, 4],
    [100, 20]
  ] as const) {
    const { budget } = stage(inFlight)
    let taken = 0
    while (budget.take()) taken++
    t.equal(taken, places, `of ${inFlight}`)
  }
})

t.test('who finds no place waits in order, for a second', async (t) => {
  const { budget, granted, waiter, counters } = stage(0)
  for (let i = 0; i < 3; i++) budget.wait(waiter(`early ${i}`), 0)
  t.same(granted.splice(0), ['early 0 true', 'early 1 true', 'early 2 true'])
  const gone = waiter('gone')
  budget.wait(waiter('a'), 0)
  budget.wait(gone, 0)
  budget.wait(waiter('b'), 0)
  budget.wait(waiter('c'), 500)
  budget.leave(gone)
  budget.give()
  t.same(granted.splice(0), ['a true'])
  budget.tick(999)
  t.same(granted, [])
  budget.tick(1000)
  t.same(granted.splice(0), ['b false'])
  budget.give()
  t.same(granted, ['c true'])
  t.equal(counters.get(BalancerCell.retrying), 3)
  t.equal(counters.total(BalancerCell.retriesRefused), 1)
})

t.test('who may do without a place is not counted as refused', async (t) => {
  const { budget, granted, waiter, counters } = stage(0)
  for (let i = 0; i < 3; i++) budget.take()
  budget.wait(waiter('a', true), 0)
  budget.tick(1000)
  t.same(granted, ['a false'])
  t.equal(counters.total(BalancerCell.retriesRefused), 0)
})
