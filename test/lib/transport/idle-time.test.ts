import { test as plainTest } from 'tap'
import { IdleTime } from '../../../lib/transport/idle-time.js'
import { eventually, test } from '../../helper.js'
import { answering, OK, scripted } from '../../support/raw-backend.js'
import { answered, skippableTime, stackFor } from '../../support/stack.js'

const UNSAID = -1
const MINUTE_MS = 60_000

/** Closings, each a second after the one before, after so many milliseconds. */
function closings(idleTime: IdleTime, ...idleMs: number[]): number {
  idleMs.forEach((ms, index) => {
    idleTime.onClosed(ms, 1000 * (index + 1))
  })
  return 1000 * idleMs.length
}

plainTest('three closings after the same time teach it, whatever the backend says', async (t) => {
  const idleTime = new IdleTime()
  const nowMs = closings(idleTime, 1000, 1050)
  t.equal(idleTime.limitMs(UNSAID, nowMs), 4000, 'two might be chance')
  idleTime.onClosed(980, nowMs + 1000)
  t.equal(idleTime.limitMs(UNSAID, nowMs + 1000), 784)
  t.equal(idleTime.limitMs(60, nowMs + 1000), 784)
  t.equal(idleTime.limitMs(2, nowMs + 1000), 0, 'what it says is kept if it is shorter')
  t.equal(idleTime.limitMs(UNSAID, nowMs + 11 * MINUTE_MS), 4000, 'forgotten')
})

plainTest('closings after different times, at one moment, or very soon teach nothing', async (t) => {
  for (const idleMs of [
    [900, 1200, 1600, 2200],
    [100, 100, 100, 100],
    [1000, 1000, 2000, 1000]
  ]) {
    const idleTime = new IdleTime()
    const nowMs = closings(idleTime, ...idleMs)
    t.equal(idleTime.limitMs(UNSAID, nowMs), 4000, String(idleMs))
  }
  const ended = new IdleTime()
  for (let i = 0; i < 50; i++) ended.onClosed(1000, 1000 + i)
  t.equal(ended.limitMs(UNSAID, 1050), 4000)
})

plainTest('a connection that was idle for longer and served again speaks against it', async (t) => {
  const idleTime = new IdleTime()
  closings(idleTime, 1000, 1000)
  idleTime.onSurvived(1050)
  idleTime.onClosed(1000, 3000)
  t.equal(idleTime.limitMs(UNSAID, 3000), 800, 'that was no longer')
  const kept = new IdleTime()
  closings(kept, 1000, 1000)
  kept.onSurvived(3000)
  kept.onClosed(1000, 3000)
  t.equal(kept.limitMs(UNSAID, 3000), 4000)
})

test('idle connections are closed here before a backend does that has been seen to', async (t) => {
  const skip = skippableTime(t)
  const backend = await scripted(t, answering(OK))
  const stack = stackFor(t, backend)
  for (let i = 0; i < 3; i++) {
    await answered(stack)
    skip(1500)
    for (const socket of backend.sockets) socket.end()
    await eventually(() => backend.sockets.size === 0)
    skip(1000)
  }
  t.equal(stack.opened, 3)
  await answered(stack)
  skip(1000)
  await answered(stack)
  t.equal(stack.opened, 4, 'used again within its time')
  skip(1300)
  await answered(stack)
  t.equal(stack.opened, 5, 'and not after it')
})
