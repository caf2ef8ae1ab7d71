import t from 'tap'
import { BACKEND_CELLS, BackendCell, BalancerCell, Counters } from '../../../lib/pool/counters.js'

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

t.test('a total passes 2^31 and 2^32 as if they were nothing', async (t) => {
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

t.test('counters at different offsets of a buffer are apart', async (t) => {
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
