import t from 'tap'
import type { Backend } from '../../../../lib/pool/backend.js'
import { lastAnsweredMs, Refusals } from '../../../../lib/proxy/retry/unprocessed.js'

/** When a request that is always refused is tried, while others are answered as `answeredMs` says. */
function triesOf(answeredMs: (nowMs: number) => number): number[] {
  const refusals = new Refusals()
  const tries: number[] = []
  for (let nowMs = 5000; ; ) {
    const delayMs = refusals.next(nowMs, answeredMs(nowMs))
    if (delayMs < 0) return tries
    nowMs += delayMs
    tries.push(nowMs - 5000)
  }
}

t.test('at once, then later and later, for 2 s while others get through', async (t) => {
  for (let i = 0; i < 100; i++) {
    const tries = triesOf((nowMs) => nowMs)
    t.equal(tries[0], 0)
    const waits = tries.slice(1).map((ms, index) => ms - tries[index]!)
    for (const [index, ms] of waits.entries()) {
      const most = Math.min(5 * 2 ** index, 250)
      if (ms < most / 2 || ms > most) t.fail(`waits for ${ms} ms, at most ${most}`)
    }
    t.ok(tries.length >= 13 && tries.length <= 22, `${tries.length} tries`)
    t.ok(tries.at(-1)! > 1700 && tries.at(-1)! <= 2000)
  }
})

t.test('while nobody gets through, for one', async (t) => {
  const last = triesOf(() => 0).at(-1)!
  t.ok(last > 700 && last <= 1250, `${last} ms`)
  const later = triesOf(() => 5300).at(-1)!
  t.ok(later > 1000 && later <= 1550, `${later} ms`)
})

t.test('what was answered since the latest tick counts', async (t) => {
  const backends = [
    { hasAnsweredSincePulse: false, lastAnswerMs: 30 },
    { hasAnsweredSincePulse: false, lastAnswerMs: 40 }
  ]
  t.equal(lastAnsweredMs(backends as Backend[], 100), 40)
  backends[0]!.hasAnsweredSincePulse = true
  t.equal(lastAnsweredMs(backends as Backend[], 100), 100)
})
