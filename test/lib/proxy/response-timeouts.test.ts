import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import { type Awaiting, ResponseTimeouts } from '../../../lib/proxy/response-timeouts.js'

const TIMEOUT_MS = 1000

class Waiter implements Awaiting {
  armedMs = 0
  previous: Awaiting | undefined
  next: Awaiting | undefined
  movedMs = 0
  /** The client's next bytes are awaited. */
  uploading = false
  timedOut = 0
  onTimeout: (() => void) | undefined

  lastMovedMs(nowMs: number): number {
    return this.uploading ? nowMs : this.movedMs
  }

  onLate(): void {}

  onResponseTimeout(): void {
    this.timedOut++
    this.onTimeout?.()
  }
}

function arm(timeouts: ResponseTimeouts, nowMs: number): Waiter {
  const waiter = new Waiter()
  waiter.movedMs = nowMs
  timeouts.add(waiter, nowMs)
  return waiter
}

/** A list that is swept only by hand. */
function byHand(t: { teardown: (end: () => void) => void }, timeoutMs = TIMEOUT_MS): ResponseTimeouts {
  const timeouts = new ResponseTimeouts(timeoutMs)
  t.teardown(() => timeouts.stop())
  return timeouts
}

t.test('times out what has waited for the whole time, and nothing sooner', async (t) => {
  const timeouts = byHand(t)
  const [first, second] = [arm(timeouts, 100), arm(timeouts, 101)]
  timeouts.sweep(1099.999)
  t.same([first.timedOut, second.timedOut], [0, 0])
  timeouts.sweep(1100)
  t.same([first.timedOut, second.timedOut], [1, 0])
  timeouts.sweep(1101)
  timeouts.sweep(99_999)
  t.same([first.timedOut, second.timedOut], [1, 1], 'and once')
})

t.test('one that is answered is not timed out, wherever it is', async (t) => {
  for (const answered of [0, 1, 2]) {
    const timeouts = byHand(t)
    const waiters = [0, 1, 2].map((nowMs) => arm(timeouts, nowMs))
    timeouts.remove(waiters[answered]!)
    timeouts.remove(waiters[answered]!)
    timeouts.sweep(5000)
    t.same(
      waiters.map(({ timedOut }) => timedOut),
      [0, 1, 2].map((i) => (i === answered ? 0 : 1))
    )
  }
})

t.test('an upload that goes on waits on from its last byte', async (t) => {
  const timeouts = byHand(t)
  const [moving, still] = [arm(timeouts, 0), arm(timeouts, 0)]
  moving.movedMs = 700
  timeouts.sweep(1000)
  t.same([moving.timedOut, still.timedOut], [0, 1])
  timeouts.sweep(1699)
  t.equal(moving.timedOut, 0)
  timeouts.sweep(1700)
  t.equal(moving.timedOut, 1)
})

t.test('while the client is awaited there is no timeout', async (t) => {
  const timeouts = byHand(t)
  const waiter = arm(timeouts, 0)
  waiter.uploading = true
  for (let nowMs = 0; nowMs <= 50_000; nowMs += 250) timeouts.sweep(nowMs)
  t.equal(waiter.timedOut, 0)
  waiter.uploading = false
  waiter.movedMs = 50_100
  timeouts.sweep(51_099)
  t.equal(waiter.timedOut, 0)
  timeouts.sweep(51_100)
  t.equal(waiter.timedOut, 1)
})

t.test('in the course of a timeout others may be armed and removed', async (t) => {
  const timeouts = byHand(t)
  const [first, second, third] = [arm(timeouts, 0), arm(timeouts, 0), arm(timeouts, 0)]
  let again: Waiter | undefined
  first.onTimeout = () => {
    timeouts.remove(first)
    timeouts.remove(second)
    again = arm(timeouts, 1000)
  }
  timeouts.sweep(1000)
  t.same([first.timedOut, second.timedOut, third.timedOut, again!.timedOut], [1, 0, 1, 0])
  timeouts.sweep(2000)
  t.equal(again!.timedOut, 1)
})

t.test('0 is none', async (t) => {
  const timeouts = byHand(t, 0)
  const waiter = arm(timeouts, 0)
  timeouts.sweep(1e9)
  timeouts.remove(waiter)
  t.equal(waiter.timedOut, 0)
})

t.test('sweeps by itself, close to the time, until it is stopped', async (t) => {
  const timeouts = new ResponseTimeouts(100)
  t.teardown(() => timeouts.stop())
  const startMs = performance.now()
  const waiter = arm(timeouts, startMs)
  const waitedMs = await new Promise<number>((resolve) => {
    // The timer of the list does not keep the process alive.
    const alive = setTimeout(resolve, 5000, Number.NaN)
    waiter.onTimeout = () => {
      clearTimeout(alive)
      resolve(performance.now() - startMs)
    }
  })
  t.ok(waitedMs >= 100, `${waitedMs} ms`)
  t.ok(waitedMs < 1000, `${waitedMs} ms`)
  timeouts.stop()
  const late = arm(timeouts, performance.now() - 1000)
  await sleep(50)
  t.equal(late.timedOut, 0)
})

/** The list as it should be: everything looked at, every time. */
class Model {
  readonly deadlines = new Map<Waiter, number>()

  sweep(nowMs: number): Set<Waiter> {
    const over = new Set<Waiter>()
    for (const [waiter, deadlineMs] of this.deadlines) {
      if (deadlineMs > nowMs) continue
      const movedMs = waiter.lastMovedMs(nowMs)
      if (movedMs + TIMEOUT_MS <= nowMs) over.add(waiter)
      else this.deadlines.set(waiter, movedMs + TIMEOUT_MS)
    }
    for (const waiter of over) this.deadlines.delete(waiter)
    return over
  }
}

const step = fc.record({
  deed: fc.constantFrom('arm', 'arm', 'remove', 'move', 'upload', 'sent', 'sweep', 'sweep', 'again'),
  which: fc.nat(),
  ms: fc.nat(700),
  earlierMs: fc.nat(300)
})

t.test('is as if every one were looked at in every sweep', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const timeouts = new ResponseTimeouts(TIMEOUT_MS)
      timeouts.stop()
      const model = new Model()
      const waiters: Waiter[] = []
      let nowMs = 10_000
      const check = () => {
        nowMs += 1
        const before = waiters.map(({ timedOut }) => timedOut)
        timeouts.sweep(nowMs)
        const over = model.sweep(nowMs)
        for (const [i, waiter] of waiters.entries()) {
          if (waiter.timedOut - before[i]! !== (over.has(waiter) ? 1 : 0)) return false
        }
        return true
      }
      for (const { deed, which, ms, earlierMs } of steps) {
        nowMs += ms
        const waiter = waiters[which % Math.max(waiters.length, 1)]
        if (deed === 'arm') {
          const armedMs = nowMs - earlierMs
          const added = arm(timeouts, armedMs)
          model.deadlines.set(added, armedMs + TIMEOUT_MS)
          waiters.push(added)
        } else if (deed === 'sweep') {
          if (!check()) return false
        } else if (waiter && deed === 'remove') {
          timeouts.remove(waiter)
          model.deadlines.delete(waiter)
        } else if (waiter && deed === 'move') {
          waiter.movedMs = nowMs - earlierMs
        } else if (waiter && deed === 'again') {
          timeouts.remove(waiter)
          waiter.movedMs = nowMs
          timeouts.add(waiter, nowMs)
          model.deadlines.set(waiter, nowMs + TIMEOUT_MS)
        } else if (waiter) {
          waiter.uploading = deed === 'upload'
          if (!waiter.uploading) waiter.movedMs = nowMs
        }
      }
      for (const waiter of waiters) waiter.uploading = false
      nowMs += 5 * TIMEOUT_MS
      if (!check()) return false
      // Nothing is left, nor linked.
      return waiters.every(({ previous, next }) => previous === undefined && next === undefined)
    }),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('what came while the process was held up is read before anybody is late', async (t) => {
  const timeouts = new ResponseTimeouts(50)
  t.teardown(() => timeouts.stop())
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     require('node:net').createServer((socket) => void socket.end('answer'))
       .listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port) })`,
    { eval: true }
  )
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const waiter = arm(timeouts, performance.now())
  socket.on('data', () => timeouts.remove(waiter))
  for (const endMs = performance.now() + 300; performance.now() < endMs; );
  await once(socket, 'close')
  t.equal(waiter.timedOut, 0)
})
