import t from 'tap'
import { RateWindow } from '../../../lib/base/rates.js'

function ratesAfter(...totals: number[]) {
  const window = new RateWindow()
  for (const total of totals) window.sample(total)
  return window.rates()
}

t.test('no rate before there are two samples', async (t) => {
  const none = { last1s: 0, last10s: 0, last60s: 0 }
  t.same(ratesAfter(), none)
  t.same(ratesAfter(1000), none)
})

t.test('over as many seconds as there are', async (t) => {
  t.same(ratesAfter(0, 10), { last1s: 10, last10s: 10, last60s: 10 })
  t.same(ratesAfter(0, 10, 40, 60), { last1s: 20, last10s: 20, last60s: 20 })
})

t.test('over the last second, ten and sixty', async (t) => {
  const totals = [0]
  const second = (requests: number) => totals.push(totals.at(-1)! + requests)
  for (let i = 0; i < 100; i++) second(1_000_000)
  for (let i = 0; i < 50; i++) second(6)
  for (let i = 0; i < 9; i++) second(100)
  second(200)
  t.same(ratesAfter(...totals), { last1s: 200, last10s: 110, last60s: (50 * 6 + 1100) / 60 })
})

t.test('a balancer that has come to rest', async (t) => {
  t.same(ratesAfter(0, ...Array(70).fill(5000)), { last1s: 0, last10s: 0, last60s: 0 })
})

t.test('totals beyond 2^32', async (t) => {
  t.equal(ratesAfter(2 ** 40, 2 ** 40 + 7).last1s, 7)
})
