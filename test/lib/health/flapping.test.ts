import t from 'tap'
import { Flapping } from '../../../lib/health/flapping.js'

const MINUTE_MS = 60_000

/** A backend's history, on a clock that the test sets. */
function history(periodMs = 5000) {
  let nowMs = 1000
  const flapping = new Flapping(periodMs, () => nowMs)
  return {
    flapping,
    /** Lets time pass, then the backend goes out; returns what brings it back, where two passes do for others. */
    fallAfter: (ms: number) => {
      nowMs += ms
      flapping.recordFall()
      return flapping.passesNeeded(2)
    },
    passesAfter: (ms: number) => {
      nowMs += ms
      return flapping.passesNeeded(2)
    }
  }
}

t.test('a backend that was never out needs what all need', async (t) => {
  const { flapping } = history()
  t.equal(flapping.passesNeeded(2), 2)
  t.equal(flapping.passesNeeded(100), 100)
})

t.test(
  'the third fall within a minute doubles the passes, and so does each further one, up to a bound',
  async (t) => {
    const { fallAfter } = history()
    const needed = Array.from({ length: 10 }, () => fallAfter(10_000))
    t.same(needed, [2, 2, 4, 8, 16, 32, 60, 60, 60, 60])
  }
)

t.test('a rise of 1 is bounded as well, one above the bound is left alone', async (t) => {
  const { flapping, fallAfter } = history()
  for (let i = 0; i < 20; i++) fallAfter(1000)
  t.equal(flapping.passesNeeded(1), 60)
  t.equal(flapping.passesNeeded(100), 100)
})

t.test('falls that are further apart are no flapping, for however long', async (t) => {
  const { fallAfter } = history()
  for (let i = 0; i < 100; i++) t.equal(fallAfter(30_001), 2)
  t.equal(fallAfter(29_999), 2, 'a minute ago is not within a minute')
  t.equal(fallAfter(29_999), 4)
})

t.test('each minute without a fall halves what is needed again', async (t) => {
  const { fallAfter, passesAfter } = history()
  for (let i = 0; i < 6; i++) fallAfter(1000)
  t.equal(passesAfter(MINUTE_MS - 1), 32)
  t.equal(passesAfter(1), 16)
  t.equal(passesAfter(MINUTE_MS), 8)
  t.equal(passesAfter(MINUTE_MS), 4)
  t.equal(passesAfter(MINUTE_MS), 2)
  t.equal(passesAfter(100 * MINUTE_MS), 2)
})

t.test('what is held back goes on from where the quiet time left it', async (t) => {
  const { fallAfter } = history()
  for (let i = 0; i < 5; i++) fallAfter(1000)
  t.equal(fallAfter(2 * MINUTE_MS), 8, 'halved twice, doubled once')
})

t.test('after enough quiet time all is forgotten', async (t) => {
  const { fallAfter } = history()
  for (let i = 0; i < 5; i++) fallAfter(1000)
  t.same([fallAfter(10 * MINUTE_MS), fallAfter(1000), fallAfter(1000)], [2, 2, 4])
})

t.test('where checks are rare, the window is twelve periods', async (t) => {
  const { fallAfter, passesAfter } = history(30_000)
  t.same([fallAfter(0), fallAfter(170_000), fallAfter(170_000)], [2, 2, 4])
  t.equal(passesAfter(359_999), 4)
  t.equal(passesAfter(1), 2)
})
