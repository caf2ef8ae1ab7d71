import { BlockList } from 'node:net'
import t from 'tap'
import { Mirror } from '../../../lib/proxy/mirror/mirror.js'
import { RouteCounts } from '../../../lib/proxy/route/route-counts.js'
import { routeEntry } from '../../../lib/proxy/route/route-entry.js'
import { EvenSequence } from '../../../lib/routing/filters/even-sequence.js'
import { FakeClient } from '../../support/fake-client.js'
import { forwarderTo, respond } from '../../support/fake-forwarder.js'
import { routeWith } from '../../support/routes.js'

/** A pool whose requests another pool gets as well, each with one backend. */
function mirrored(percent = 100, more: { backends?: string; shadowEnv?: Record<string, string> } = {}) {
  const main = forwarderTo(more.backends ?? 'a:1', { LB_MAX_CONNECTIONS: '2000' })
  const shadow = forwarderTo('s:1', more.shadowEnv)
  const counts = new RouteCounts()
  const mirror = new Mirror(shadow.forwarder, percent, counts, new EvenSequence(() => 0))
  const route = routeEntry(routeWith({}), 'web', { trusted: new BlockList(), mirror })
  const open = (client = new FakeClient(), upgrade?: string) => {
    const destination = { path: '/x', authority: undefined }
    const by = { target: '/x', requestId: 'id' }
    const exchange = main.forwarder.forward(
      client.req,
      client,
      destination,
      by.target,
      by.requestId,
      upgrade,
      route
    )!
    exchange.start(() => respond(exchange, client))
    return client
  }
  const stop = () => {
    mirror.stop()
    main.forwarder.stop()
    shadow.forwarder.stop()
  }
  return { main, shadow, mirror, counts, open, stop }
}

const outcomesOf = ({ mirrors: [answered, failed, skipped] }: RouteCounts) => ({ answered, failed, skipped })

t.test(
  'a request goes to the other pool as well once it was sent, and only its backend’s answer counts',
  async (t) => {
    const { main, shadow, counts, open, stop } = mirrored()
    const client = open()
    t.equal(shadow.dispatched.length, 0)
    main.dispatched[0]!.send()
    t.equal(shadow.dispatched.length, 1)
    t.equal(shadow.dispatched[0]!.request.head, main.dispatched[0]!.request.head)
    t.equal(shadow.registry.backends[0]!.active, 1, 'it holds a slot')
    shadow.dispatched[0]!.send().answer(500, 'nobody reads this')
    t.same(client.sent, [])
    t.ok(shadow.idle())
    main.dispatched[0]!.answer(200, 'hello')
    client.close()
    t.same(client.sent, ['head 200', 'last hello', 'end'])
    t.same(shadow.outlierEvents, ['error s:1'], 'the accounts of the backend are kept as usual')
    t.same([main.ended.length, shadow.ended.length], [1, 0], 'and those of clients are not touched')
    t.match(outcomesOf(counts), { answered: 1, failed: 0, skipped: 0 })
    t.ok(main.idle())
    stop()
  }
)

t.test('a share of the requests is mirrored', async (t) => {
  const { main, shadow, open, stop } = mirrored(25)
  for (let i = 0; i < 400; i++) {
    const client = open()
    main.dispatched.at(-1)!.send().answer(204)
    client.close()
    shadow.dispatched.at(-1)?.send().answer(204)
  }
  t.ok(Math.abs(shadow.dispatched.length - 100) <= 2, `${shadow.dispatched.length}`)
  stop()
})

t.test('a retry is not mirrored again, nor is a change of protocol', async (t) => {
  const { main, shadow, open, stop } = mirrored(100, { backends: 'a:1 b:1' })
  const client = open()
  main.dispatched[0]!.send().break('ECONNRESET')
  main.dispatched[1]!.send().answer(200)
  client.close()
  t.equal(shadow.dispatched.length, 1)
  open(new FakeClient(), 'websocket').leave()
  main.dispatched[2]!.send()
  t.equal(shadow.dispatched.length, 1)
  stop()
})

t.test('a request that no backend was sent is not mirrored', async (t) => {
  const { main, shadow, open, stop } = mirrored()
  const client = open()
  main.dispatched[0]!.break('ECONNREFUSED')
  client.close()
  t.equal(shadow.dispatched.length, 0)
  stop()
})

t.test(
  'what becomes of a mirrored request is no concern of the client, and of no other request',
  async (t) => {
    const { main, shadow, counts, open, stop } = mirrored()
    const client = open()
    main.dispatched[0]!.send()
    shadow.dispatched[0]!.send().break('ECONNRESET')
    t.equal(shadow.dispatched.length, 1, 'it is not retried')
    t.same(shadow.outlierEvents, ['loss s:1'])
    main.dispatched[0]!.answer(200)
    client.close()
    t.same(client.sent, ['head 200', 'end'])
    t.match(outcomesOf(counts), { answered: 0, failed: 1 })
    shadow.registry.setState(shadow.registry.backends[0]!, 'unhealthy', 'test')
    open()
    main.dispatched[1]!.send()
    t.match(outcomesOf(counts), { answered: 0, skipped: 1 }, 'and without a backend there is none')
    t.ok(shadow.idle())
    stop()
  }
)

t.test('a client that leaves does not end it', async (t) => {
  const { main, shadow, counts, open, stop } = mirrored()
  const client = open()
  main.dispatched[0]!.send()
  client.leave()
  t.notOk(shadow.dispatched[0]!.isDestroyed)
  shadow.dispatched[0]!.send().answer(200)
  t.match(outcomesOf(counts), { answered: 1, failed: 0 })
  t.ok(shadow.idle())
  stop()
})

t.test('one that hangs is cut off in time, whether it was sent or not', async (t) => {
  const { main, shadow, mirror, counts, open, stop } = mirrored(100, {
    shadowEnv: { LB_RESPONSE_TIMEOUT: '5' }
  })
  for (let i = 0; i < 2; i++) {
    open()
    main.dispatched[i]!.send()
  }
  const nowMs = performance.now()
  shadow.dispatched[0]!.send().head(200, 9)
  mirror.sweep(nowMs + 4900)
  t.notOk(shadow.dispatched[0]!.isDestroyed)
  mirror.sweep(nowMs + 5000)
  t.ok(shadow.dispatched[0]!.isDestroyed)
  t.ok(shadow.dispatched[1]!.handler.aborted, 'a connection that comes now is not for it')
  t.match(outcomesOf(counts), { answered: 0, failed: 2 })
  t.ok(shadow.idle())
  stop()
})

t.test('no more than so many are under way at once', async (t) => {
  const { main, shadow, counts, open, stop } = mirrored()
  for (let i = 0; i < 1001; i++) {
    open()
    main.dispatched.at(-1)!.send()
  }
  t.same([shadow.dispatched.length, outcomesOf(counts).skipped], [1000, 1])
  shadow.dispatched[0]!.send().answer(200)
  open()
  main.dispatched.at(-1)!.send()
  t.same([shadow.dispatched.length, outcomesOf(counts).skipped], [1001, 1])
  stop()
  t.ok(shadow.idle())
})

t.test(
  'the only backend of the other pool is left alone for a second if it could not be reached',
  async (t) => {
    const { now } = performance
    let laterMs = 0
    performance.now = () => now.call(performance) + laterMs
    t.teardown(() => {
      performance.now = now
    })
    const { main, shadow, counts, open, stop } = mirrored()
    const request = () => {
      const client = open()
      main.dispatched.at(-1)!.send().answer(200)
      client.close()
    }
    request()
    shadow.dispatched[0]!.break('ECONNREFUSED')
    request()
    laterMs = 900
    request()
    t.match(outcomesOf(counts), { answered: 0, failed: 1, skipped: 2 })
    laterMs = 1100
    request()
    t.equal(shadow.dispatched.length, 2)
    shadow.dispatched[1]!.send().break('ECONNRESET')
    request()
    t.match(outcomesOf(counts), { failed: 2, skipped: 2 }, 'it was reached')
    t.ok(shadow.registry.backends[0]!.eligible)
    stop()
  }
)
