import t from 'tap'
import { BalancerCell } from '../../../../lib/pool/counters.js'
import { type Queued, WaitingQueue } from '../../../../lib/proxy/retry/waiting-queue.js'
import { registryOf } from '../../../support/registry.js'

/** Waits in a queue until it may go. */
class Waiter implements Queued {
  mayGo = false
  late = false
  turns = 0

  constructor(
    readonly queue: WaitingQueue,
    public takesAny: boolean
  ) {
    queue.add(this, 0)
  }

  takeTurn(): boolean {
    this.turns++
    if (this.mayGo) this.queue.leave(this)
    return this.mayGo
  }

  onQueueTimeout(): void {
    this.late = true
  }
}

function queueOf(size: number, timeoutMs = 1000) {
  const { counters } = registryOf('a:80')
  const queue = new WaitingQueue(counters, { size, timeoutMs })
  return { queue, queued: () => counters.get(BalancerCell.queued) }
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
  waiter.takeTurn = () => {
    waiter.takesAny = false
    return false
  }
  const next = new Waiter(queue, true)
  next.mayGo = true
  queue.serve()
  t.equal(next.turns, 1)
  t.notOk(queue.isBlocked)
  queue.leave(waiter)
  t.notOk(queue.isBlocked)
  new Waiter(queue, true)
  t.ok(queue.isBlocked, 'it was taken off once')
})

t.test('who leaves is not counted any more, however often', async (t) => {
  const { queue, queued } = queueOf(9)
  const one = new Waiter(queue, true)
  new Waiter(queue, true)
  queue.leave(one)
  queue.leave(one)
  t.equal(queued(), 1)
  t.ok(queue.isBlocked)
})

t.test('who waits too long is turned away, the others go on waiting', async (t) => {
  const { queue, queued } = queueOf(9)
  const [any, certain] = [new Waiter(queue, true), new Waiter(queue, false)]
  const later = new Waiter(queue, true)
  queue.leave(later)
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
