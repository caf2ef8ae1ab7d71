import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import { Counters } from '../../../lib/base/cells/counters.js'
import type { Backend } from '../../../lib/pool/backend.js'
import { BalancerCell } from '../../../lib/pool/cells.js'
import { type Awaiting, ResponseTimeouts } from '../../../lib/proxy/response-timeouts.js'
import { lastAnsweredMs, RefusalBackoff } from '../../../lib/proxy/retry/refusal-backoff.js'
import { RetryBudget } from '../../../lib/proxy/retry/retry-budget.js'
import { type Queued, WaitingQueue } from '../../../lib/proxy/retry/waiting-queue.js'
import { registryOf } from '../../support/registry.js'

// Response timeouts

const TIMEOUT_MS = 1000

class AwaitedResponse implements Awaiting {
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

function arm(timeouts: ResponseTimeouts, nowMs: number): AwaitedResponse {
  const waiter = new AwaitedResponse()
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
  let again: AwaitedResponse | undefined
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

t.test(
  'each timeout has a list of its own, which is told of late ones and stopped with the first',
  async (t) => {
    const timeouts = byHand(t)
    const others = timeouts.of(500)
    t.equal(timeouts.of(500), others)
    t.equal(timeouts.of(TIMEOUT_MS), timeouts)
    const [first, second] = [arm(timeouts, 0), arm(others, 0)]
    const late: AwaitedResponse[] = []
    for (const waiter of [first, second]) waiter.onLate = () => late.push(waiter)
    timeouts.notifyLate(300, 250)
    t.same(late, [second, first])
    others.sweep(500)
    timeouts.sweep(500)
    t.same([first.timedOut, second.timedOut], [0, 1])
  }
)

t.test('a timeout that nobody has any more is forgotten, but not while anybody waits', async (t) => {
  const timeouts = byHand(t)
  const [unused, used] = [timeouts.of(1), timeouts.of(2)]
  t.equal(timeouts.of(1), unused)
  const nowMs = performance.now()
  for (const list of [unused, used]) list.remove(arm(list, nowMs - 61_000))
  const waiter = arm(used, nowMs - 61_000)
  timeouts.of(3)
  t.not(timeouts.of(1), unused)
  t.equal(timeouts.of(2), used)
  used.remove(waiter)
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
  t.ok(waitedMs < 5000, `${waitedMs} ms`)
  timeouts.stop()
  const late = arm(timeouts, performance.now() - 1000)
  await sleep(50)
  t.equal(late.timedOut, 0)
})

/** The list as it should be: everything looked at, every time. */
class Model {
  readonly deadlines = new Map<AwaitedResponse, number>()

  sweep(nowMs: number): Set<AwaitedResponse> {
    const over = new Set<AwaitedResponse>()
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
      const waiters: AwaitedResponse[] = []
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

// Retry budget

function stage(inFlight: number) {
  const counters = new Counters()
  counters.change(BalancerCell.inFlight, inFlight)
  const budget = new RetryBudget(counters, 0.2)
  const granted: string[] = []
  const waiter = (name: string, isExempt = false) => ({
    isExempt,
    onBudget: (has: boolean) => void granted.push(`${name} ${has}`)
  })
  return { counters, budget, granted, waiter }
}

t.test('a fifth of the requests in flight may be retries, and at least three', async (t) => {
  for (const [inFlight, places] of [
    [0, 3],
    [10, 3],
    [20, 4],
    [100, 20]
  ] as const) {
    const { budget } = stage(inFlight)
    let taken = 0
    while (budget.acquire()) taken++
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
  budget.remove(gone)
  budget.release()
  t.same(granted.splice(0), ['a true'])
  budget.tick(999)
  t.same(granted, [])
  budget.tick(1000)
  t.same(granted.splice(0), ['b false'])
  budget.release()
  t.same(granted, ['c true'])
  t.equal(counters.sum(BalancerCell.retrying), 3)
  t.equal(counters.total(BalancerCell.retriesRefused), 1)
})

t.test('who may do without a place is not counted as refused', async (t) => {
  const { budget, granted, waiter, counters } = stage(0)
  for (let i = 0; i < 3; i++) budget.acquire()
  budget.wait(waiter('a', true), 0)
  budget.tick(1000)
  t.same(granted, ['a false'])
  t.equal(counters.total(BalancerCell.retriesRefused), 0)
})

// Unprocessed

/** When a request that is always refused is tried, while others are answered as `answeredMs` says. */
function attemptsOf(answeredMs: (nowMs: number) => number): number[] {
  const refusals = new RefusalBackoff()
  const attempts: number[] = []
  for (let nowMs = 5000; ; ) {
    const delayMs = refusals.next(nowMs, answeredMs(nowMs))
    if (delayMs < 0) return attempts
    nowMs += delayMs
    attempts.push(nowMs - 5000)
  }
}

t.test('at once, then later and later, for 2 s while others get through', async (t) => {
  for (let i = 0; i < 100; i++) {
    const attempts = attemptsOf((nowMs) => nowMs)
    t.equal(attempts[0], 0)
    const waits = attempts.slice(1).map((ms, index) => ms - attempts[index]!)
    for (const [index, ms] of waits.entries()) {
      const most = Math.min(5 * 2 ** index, 250)
      if (ms < most / 2 || ms > most) t.fail(`waits for ${ms} ms, at most ${most}`)
    }
    t.ok(attempts.length >= 13 && attempts.length <= 22, `${attempts.length} attempts`)
    t.ok(attempts.at(-1)! > 1700 && attempts.at(-1)! <= 2000)
  }
})

t.test('while nobody gets through, for one', async (t) => {
  const last = attemptsOf(() => 0).at(-1)!
  t.ok(last > 700 && last <= 1250, `${last} ms`)
  const later = attemptsOf(() => 5300).at(-1)!
  t.ok(later > 1000 && later <= 1550, `${later} ms`)
})

t.test('what was answered since the latest tick counts', async (t) => {
  const backends = [
    { hasAnsweredSinceTick: false, lastAnswerMs: 30 },
    { hasAnsweredSinceTick: false, lastAnswerMs: 40 }
  ]
  t.equal(lastAnsweredMs(backends as Backend[], 100), 40)
  backends[0]!.hasAnsweredSinceTick = true
  t.equal(lastAnsweredMs(backends as Backend[], 100), 100)
})

// Waiting queue

/** Waits in a queue until it may go. */
class Waiter implements Queued {
  mayGo = false
  late = false
  turns = 0

  constructor(
    readonly queue: WaitingQueue,
    public acceptsAny: boolean
  ) {
    queue.add(this, 0)
  }

  proceed(): boolean {
    this.turns++
    if (this.mayGo) this.queue.remove(this)
    return this.mayGo
  }

  onQueueTimeout(): void {
    this.late = true
  }
}

function queueOf(size: number, timeoutMs = 1000) {
  const { counters } = registryOf('a:80')
  const queue = new WaitingQueue(counters, { size, timeoutMs })
  return { queue, queued: () => counters.sum(BalancerCell.queued) }
}

t.test('one that takes any backend holds up those behind it, and who comes', async (t) => {
  const { queue, queued } = queueOf(2)
  const first = new Waiter(queue, true)
  t.notOk(queue.isFull)
  const second = new Waiter(queue, true)
  t.ok(queue.isFull)
  second.mayGo = true
  queue.serve()
  t.same([first.turns, second.turns, queued()], [1, 0, 2])
  t.ok(queue.isBlocked)
  first.mayGo = true
  queue.serve()
  t.same([first.turns, second.turns, queued()], [2, 1, 0])
  t.ok(queue.isEmpty)
  t.notOk(queue.isBlocked)
})

t.test('one that waits for a certain backend holds up nobody', async (t) => {
  const { queue, queued } = queueOf(9)
  const certain = new Waiter(queue, false)
  t.notOk(queue.isBlocked)
  t.notOk(queue.isEmpty)
  const any = new Waiter(queue, true)
  t.ok(queue.isBlocked)
  any.mayGo = true
  queue.serve()
  t.notOk(queue.isBlocked)
  t.equal(queued(), 1)
  certain.mayGo = true
  queue.serve()
  t.ok(queue.isEmpty)
})

t.test('one that comes to wait for a certain backend holds up nobody from then on', async (t) => {
  const { queue } = queueOf(9)
  const waiter = new Waiter(queue, true)
  waiter.proceed = () => {
    waiter.acceptsAny = false
    return false
  }
  const next = new Waiter(queue, true)
  next.mayGo = true
  queue.serve()
  t.equal(next.turns, 1)
  t.notOk(queue.isBlocked)
  queue.remove(waiter)
  t.notOk(queue.isBlocked)
  new Waiter(queue, true)
  t.ok(queue.isBlocked, 'it was taken off once')
})

t.test('who leaves is not counted any more, however often', async (t) => {
  const { queue, queued } = queueOf(9)
  const one = new Waiter(queue, true)
  new Waiter(queue, true)
  queue.remove(one)
  queue.remove(one)
  t.equal(queued(), 1)
  t.ok(queue.isBlocked)
})

t.test('who waits too long is turned away, the others go on waiting', async (t) => {
  const { queue, queued } = queueOf(9)
  const [any, certain] = [new Waiter(queue, true), new Waiter(queue, false)]
  const later = new Waiter(queue, true)
  queue.remove(later)
  queue.add(later, 500)
  queue.tick(999)
  t.same([any.late, certain.late, later.late, queued()], [false, false, false, 3])
  queue.tick(1000)
  t.same([any.late, certain.late, later.late, queued()], [true, true, false, 1])
  t.ok(queue.isBlocked)
  queue.tick(1500)
  t.ok(later.late)
  t.notOk(queue.isBlocked)
})
