import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { CellDirectory } from '../../../lib/base/cells/directory.js'
import { SharedCells } from '../../../lib/base/cells/shared-cells.js'
import { BalancerCell } from '../../../lib/pool/cells.js'
import { FakeClient } from '../../support/fake-client.js'
import { forwarderTo, respond } from '../../support/fake-forwarder.js'

type Forwarding = ReturnType<typeof forwarderTo>

/** What two threads have of one pool. The first of them owns its cells. */
function twoThreads(t: Test, backends: string, env: Record<string, string> = {}) {
  const directory = new CellDirectory()
  const followed = new CellDirectory(directory.all)
  directory.onChange = (change) => followed.follow(change)
  const cells = [directory, followed].map((known, own) => new SharedCells({ count: 2, own }, known))
  const next = (own: number, before?: Forwarding) => {
    const forwarding = forwarderTo(backends, env, {}, cells[own], before?.registry)
    before?.registry.retire(forwarding.registry)
    t.teardown(() => forwarding.forwarder.stop())
    return forwarding
  }
  return { one: next(0), two: next(1), next }
}

/** Threads that were woken have had their turns. */
async function untilWoken(): Promise<void> {
  for (let i = 0; i < 20; i++) await setImmediate()
}

function ask({ open }: Forwarding, target: string, headers: Record<string, string> = {}): FakeClient {
  const client = new FakeClient('GET', headers)
  client.req.url = target
  open(client)
  return client
}

const asked = ({ dispatched }: Forwarding) => dispatched.map(({ request }) => request.head.split(' ')[1])
const answerLatest = ({ dispatched }: Forwarding) => dispatched.at(-1)!.send().answer(200)
const queued = ({ registry }: Forwarding) => registry.counters.sum(BalancerCell.queued)

t.test('requests that wait in several threads are served in the order in which they came', async (t) => {
  const { one, two } = twoThreads(t, 'a:1;max=1')
  ask(one, '/held')
  for (const [thread, target] of [
    [two, '/0'],
    [one, '/1'],
    [two, '/2'],
    [two, '/3'],
    [one, '/4']
  ] as const)
    ask(thread, target)
  t.equal(queued(one), 5)
  const order: string[] = []
  let holder = one
  for (let i = 0; i < 5; i++) {
    const before = [asked(one).length, asked(two).length]
    answerLatest(holder)
    await untilWoken()
    holder = asked(one).length > before[0]! ? one : two
    order.push(asked(holder).at(-1)!)
    t.equal(one.registry.backends[0]!.active, 1)
  }
  t.same(order, ['/0', '/1', '/2', '/3', '/4'])
  answerLatest(holder)
  t.equal(queued(two), 0)
  t.ok(two.registry.block.turns!.isIdle)
})

t.test('one thread takes no turns', async (t) => {
  const { registry, forwarder } = forwarderTo('a:1')
  t.equal(registry.block.turns, undefined)
  forwarder.stop()
})

t.test('a new request does not overtake one that waits in another thread', async (t) => {
  const { one, two } = twoThreads(t, 'a:1;max=1')
  ask(one, '/held')
  ask(two, '/first')
  answerLatest(one)
  ask(one, '/second')
  t.same(asked(one), ['/held'], 'though the slot is free, and the other thread not awake yet')
  await untilWoken()
  t.same(asked(two), ['/first'])
  answerLatest(two)
  await untilWoken()
  t.same(asked(one), ['/held', '/second'])
})

t.test('who waits for a certain backend in another thread holds up nobody, and has its turn', async (t) => {
  const sticky = { LB_STICKY_COOKIE: 'lb', LB_STICKY_SECRET: 'a secret of the test' }
  const { one, two } = twoThreads(t, 'a:1;max=1 b:1;max=2', sticky)
  const [a] = one.registry.backends
  const line = one.forwarder.sessions!.setCookieLine(new FakeClient().req, a!, false)
  const cookie = line.slice('Set-Cookie: '.length, line.indexOf(';'))
  ask(one, '/held', { cookie })
  ask(two, '/certain', { cookie })
  t.equal(queued(one), 1)
  ask(one, '/any')
  ask(two, '/any')
  t.same([asked(one), asked(two)], [['/held', '/any'], ['/any']])
  ask(one, '/later')
  one.dispatched[0]!.send().answer(200)
  ask(one, '/latest')
  await untilWoken()
  t.same(asked(two), ['/any', '/certain'], 'its backend is for it, not for what came later')
  t.same(asked(one), ['/held', '/any'])
  answerLatest(two)
  await untilWoken()
  t.same(asked(one), ['/held', '/any', '/later'])
})

t.test('who waits too long in a thread, or leaves, passes the turn on', async (t) => {
  const { one, two } = twoThreads(t, 'a:1;max=1', { LB_QUEUE_TIMEOUT: '2' })
  ask(one, '/held')
  const late = ask(two, '/late')
  const leaving = ask(two, '/leaving')
  one.registry.tick(1000)
  ask(one, '/served')
  answerLatest(one)
  // It is for the first two, of which the thread does not get to know.
  two.registry.tick(2000)
  await untilWoken()
  t.same(asked(two), ['/leaving'], 'the first has timed out before it was its turn')
  t.match(late.sent[0], /LB_QUEUE_TIMEOUT|503/)
  leaving.leave()
  await untilWoken()
  t.same(asked(one), ['/held', '/served'])
})

t.test('the requests of a thread that has ended are passed over, and its slots are free', async (t) => {
  const { one, two } = twoThreads(t, 'a:1;max=1')
  ask(two, '/held')
  ask(two, '/first')
  ask(one, '/second')
  t.ok(one.forwarder.queue.isBlocked)
  two.registry.block.turns!.serveBy(undefined)
  for (const { counters } of [one.registry, ...one.registry.backends]) counters.clearThread(1)
  one.registry.block.turns!.clearThread(1)
  await untilWoken()
  t.same(asked(one), ['/second'])
  t.equal(queued(one), 0)
})

t.test('the bound of the queue holds over all threads, between the admission and the wait too', async (t) => {
  const { one, two } = twoThreads(t, 'a:1;max=1', { LB_QUEUE_SIZE: '1' })
  ask(one, '/held')
  const clients = [new FakeClient(), new FakeClient()]
  const exchanges = [one, two].map(
    ({ forwarder }, i) => forwarder.open(clients[i]!.req, clients[i]!, '/', 'id')!
  )
  for (const [i, exchange] of exchanges.entries()) exchange.start(() => respond(exchange, clients[i]!))
  t.equal(queued(one), 1)
  t.equal(exchanges[0]!.failure, undefined)
  t.match(exchanges[1]!.failure, { code: 'LB_QUEUE_FULL' })
  t.equal(two.registry.counters.total(BalancerCell.rejectedQueueFull), 1)
  ask(two, '/refused')
  t.same(two.rejected, ['LB_QUEUE_FULL'])
})

t.test('what the owner changes of the backends is for the requests of all threads', async (t) => {
  const { one, two } = twoThreads(t, 'a:1 b:1;max=1', { LB_OUTAGE_TIMEOUT: '5' })
  const [a, b] = one.registry.backends
  one.registry.setState(a!, 'unhealthy', 'test')
  ask(two, '/held')
  ask(two, '/full')
  t.equal(queued(one), 1)
  one.registry.setState(a!, 'healthy', 'test')
  await untilWoken()
  t.same(asked(two), ['/held', '/full'], 'one that is full')
  one.registry.setState(a!, 'unhealthy', 'test')
  one.registry.setDraining(b!, true, 'test')
  ask(two, '/out')
  t.equal(queued(one), 1)
  one.registry.setState(a!, 'healthy', 'test')
  await untilWoken()
  t.same(asked(two).at(-1), '/out', 'and one that has none')
  t.equal(queued(one), 0)
})

t.test('after a reload those that wait still do, beside those that come', async (t) => {
  const { one, two, next } = twoThreads(t, 'a:1;max=1')
  ask(one, '/held')
  ask(two, '/before')
  const reloaded = next(1, two)
  ask(reloaded, '/after')
  answerLatest(one)
  await untilWoken()
  t.same(asked(reloaded), ['/after'])
  answerLatest(reloaded)
  two.registry.tick(1000)
  t.same(asked(two), ['/before'])
  ask(reloaded, '/last')
  answerLatest(two)
  await untilWoken()
  t.same(asked(reloaded), ['/after', '/last'])
  answerLatest(reloaded)
  t.ok(one.registry.block.turns!.isIdle)
})
