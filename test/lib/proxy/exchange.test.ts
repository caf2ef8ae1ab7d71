import { BlockList } from 'node:net'
import t from 'tap'
import type { LatencyWindow } from '../../../lib/base/latency/latency-window.js'
import { BalancerCell } from '../../../lib/pool/cells.js'
import { BODY_TIMEOUT, NO_BACKEND, QUEUE_FULL } from '../../../lib/proxy/failure.js'
import { routeEntry } from '../../../lib/proxy/route/route-entry.js'
import { BrokenResponse } from '../../../lib/transport/http1/broken-response.js'
import { FakeClient } from '../../support/fake-client.js'
import { forwarderTo, respond } from '../../support/fake-forwarder.js'
import { headOf } from '../../support/fake-pool.js'
import { routeWith } from '../../support/routes.js'

const LATE_MS = 250
/** Backends whose requests are sent to another one as well, once they are late. */
const SILENT = { unresponsiveDetector: { afterMs: LATE_MS, onLate() {}, isUnresponsive: () => true } }

t.test('a request is answered by the backend whose slot it holds, and gives it back', async (t) => {
  const { open, dispatched, registry, idle, outlierEvents, ended, forwarder } = forwarderTo('a:1')
  const client = new FakeClient()
  open(client)
  t.equal(registry.backends[0]!.active, 1)
  t.equal(registry.counters.sum(BalancerCell.inFlight), 1)
  dispatched[0]!.send().answer(200, 'hello')
  t.same(client.sent, ['head 200', 'last hello', 'end'])
  t.equal(registry.backends[0]!.active, 0, 'the slot is free before the client has taken the answer')
  t.equal(registry.counters.sum(BalancerCell.inFlight), 1)
  client.close()
  client.close()
  t.ok(idle(), 'and the place is given back once')
  t.same(outlierEvents, ['success a:1'])
  t.match(ended, [{ statusCode: 200, attempts: 1, bytesOut: 5, failure: undefined }])
  forwarder.stop()
})

t.test('a request whose route is known is forwarded as that says, and tells of it', async (t) => {
  const { dispatched, idle, ended, forwarder, rejected, registry } = forwarderTo('a:1')
  const client = new FakeClient()
  const route = routeEntry(routeWith({}), 'web', { trusted: new BlockList() })
  const destination = { path: '/elsewhere', authority: undefined }
  const by = { target: '/', requestId: 'id' }
  const forward = () =>
    forwarder.forward(client.req, client, destination, by.target, by.requestId, undefined, route)
  const exchange = forward()
  exchange?.start(() => respond(exchange, client))
  t.ok(dispatched[0]!.request.head.startsWith('GET /elsewhere HTTP/1.1'))
  dispatched[0]!.send().answer(200)
  client.close()
  t.match(ended, [{ by: { target: '/', route } }])
  t.ok(idle())
  registry.setState(registry.backends[0]!, 'unhealthy', 'test')
  t.equal(forward(), undefined)
  t.same(rejected, [NO_BACKEND.code])
  forwarder.stop()
})

t.test('a lost connection is retried on another backend, which answers', async (t) => {
  const { open, dispatched, idle, outlierEvents, ended, forwarder } = forwarderTo('a:1 b:1')
  const client = new FakeClient()
  open(client)
  const [first] = dispatched
  first!.send().break('ECONNRESET')
  t.equal(dispatched.length, 2)
  t.not(dispatched[1]!.address, first!.address)
  dispatched[1]!.send().answer(204)
  client.close()
  t.same(client.sent, ['head 204', 'end'])
  t.same(outlierEvents, [`loss ${first!.address}`, `success ${dispatched[1]!.address}`])
  t.match(ended, [{ attempts: 2, answeredBy: { address: dispatched[1]!.address } }])
  t.ok(idle())
  forwarder.stop()
})

t.test('what an attempt tells after its end reaches nobody', async (t) => {
  const { open, dispatched, idle, forwarder } = forwarderTo('a:1 b:1')
  const client = new FakeClient()
  open(client)
  const first = dispatched[0]!.send()
  first.break('ECONNRESET')
  first.break('ECONNRESET')
  t.equal(dispatched.length, 2)
  t.ok(first.handler.aborted)
  first.handler.onSending(first)
  t.ok(first.isDestroyed, 'a connection that comes too late is closed')
  dispatched[1]!.send().answer(200)
  client.close()
  t.ok(idle())
  forwarder.stop()
})

t.test('a POST whose connection is lost is not sent twice', async (t) => {
  const { open, dispatched, idle, forwarder } = forwarderTo('a:1 b:1')
  const client = new FakeClient('POST')
  open(client)
  dispatched[0]!.send().break('ECONNRESET')
  t.equal(dispatched.length, 1)
  t.same(client.sent, ['answer 502'])
  client.close()
  t.ok(idle())
  forwarder.stop()
})

t.test('a client that breaks its limits after its answer is cut off, and not answered twice', async (t) => {
  const { open, dispatched, idle, ended, registry, forwarder } = forwarderTo('a:1')
  const client = new FakeClient('POST')
  const exchange = open(client)!
  dispatched[0]!.send().break('ECONNRESET')
  exchange.giveUp(BODY_TIMEOUT)
  t.same(client.sent, ['answer 502', 'cut off'])
  client.close()
  t.match(ended, [{ statusCode: 502, failure: { code: 'LB_CONNECTION_LOST' } }])
  t.equal(registry.counters.total(BalancerCell.failed), 1)
  t.ok(idle())
  forwarder.stop()
})

t.test('a response that cannot be passed on is a failure, in the accounts as well', async (t) => {
  const { open, dispatched, idle, ended, forwarder } = forwarderTo('a:1 b:1')
  const client = new FakeClient()
  const error = new BrokenResponse('status')
  client.begin = () => {
    throw error
  }
  open(client)
  const { handler } = dispatched[0]!.send()
  t.throws(() => handler.onHead(headOf(101, 0)), error)
  handler.onError(error)
  client.close()
  t.same(client.sent, ['answer 502'])
  t.match(ended, [{ statusCode: 502, answeredBy: undefined, changesProtocol: false, attempts: 1 }])
  t.match(ended, [{ failure: { code: 'LB_BAD_RESPONSE' } }])
  t.ok(idle())
  forwarder.stop()
})

t.test('a status that is retried is not passed on while another backend can be asked', async (t) => {
  const { open, dispatched, idle, outlierEvents, forwarder } = forwarderTo('a:1 b:1', {
    LB_RETRY_STATUS: '503'
  })
  const client = new FakeClient()
  open(client)
  dispatched[0]!.send().head(503, 10)
  t.ok(dispatched[0]!.isDestroyed)
  dispatched[1]!.send().answer(503)
  t.same(client.sent, ['head 503', 'end'], 'the second one is: nobody else is left')
  client.close()
  t.same(outlierEvents, [`error ${dispatched[0]!.address}`, `error ${dispatched[1]!.address}`])
  t.ok(idle())
  forwarder.stop()
})

t.test('of two attempts the first head is the answer, and the other backend is left', async (t) => {
  for (const winner of [0, 1]) {
    const { open, dispatched, registry, idle, ended, forwarder } = forwarderTo('a:1 b:1', {}, SILENT)
    const client = new FakeClient()
    open(client)
    dispatched[0]!.send()
    registry.tick(performance.now() + LATE_MS + 1)
    t.equal(dispatched.length, 2, 'a silent backend has the request sent to another one as well')
    t.equal(registry.counters.sum(BalancerCell.retrying), 1)
    dispatched[1]!.send()
    t.same(
      registry.backends.map(({ active }) => active),
      [1, 1]
    )
    dispatched[winner]!.head(200, 2)
    t.ok(dispatched[1 - winner]!.isDestroyed)
    t.equal(registry.counters.sum(BalancerCell.retrying), 0)
    dispatched[winner]!.handler.onData(Buffer.from('ok'))
    dispatched[winner]!.handler.onEnd([])
    client.close()
    t.same(client.sent, ['head 200', 'last ok', 'end'])
    t.match(ended, [{ attempts: 2, answeredBy: { address: dispatched[winner]!.address } }])
    t.ok(idle())
    forwarder.stop()
  }
})

t.test(
  'a status that is retried does not win against an attempt that goes on, whichever sends it',
  async (t) => {
    for (const first of [0, 1]) {
      const { open, dispatched, registry, idle, forwarder } = forwarderTo(
        'a:1 b:1 c:1',
        { LB_RETRY_STATUS: '503' },
        SILENT
      )
      const client = new FakeClient()
      open(client)
      dispatched[0]!.send()
      registry.tick(performance.now() + LATE_MS + 1)
      dispatched[1]!.send()
      dispatched[first]!.head(503, 0)
      t.ok(dispatched[first]!.isDestroyed)
      t.equal(dispatched.length, 2, 'the other one may do better')
      dispatched[1 - first]!.head(503, 0)
      t.equal(dispatched.length, 3, 'it does not, and a third is asked')
      dispatched[2]!.send().answer(200)
      client.close()
      t.same(client.sent, ['head 200', 'end'])
      t.ok(idle())
      forwarder.stop()
    }
  }
)

t.test('only a request that changes nothing is hedged for being late alone', async (t) => {
  const late = { record() {}, quantileMs: () => LATE_MS } as unknown as LatencyWindow
  for (const [method, attempts] of [
    ['GET', 2],
    ['PROPFIND', 2],
    ['DELETE', 1],
    ['POST', 1]
  ] as const) {
    const { open, dispatched, registry, idle, forwarder } = forwarderTo(
      'a:1 b:1',
      { LB_HEDGE: 'true' },
      { latency: late }
    )
    const client = new FakeClient(method)
    open(client)
    dispatched[0]!.send()
    registry.tick(performance.now() + 1000)
    t.equal(dispatched.length, attempts, method)
    client.close()
    t.ok(idle())
    forwarder.stop()
  }
})

t.test('if one of two attempts fails, the other goes on', async (t) => {
  for (const loser of [0, 1]) {
    const { open, dispatched, registry, idle, forwarder } = forwarderTo('a:1 b:1 c:1', {}, SILENT)
    const client = new FakeClient()
    open(client)
    dispatched[0]!.send()
    registry.tick(performance.now() + LATE_MS + 1)
    dispatched[1]!.send()
    dispatched[loser]!.break('ECONNRESET')
    t.equal(dispatched.length, 2, 'nobody else is asked')
    dispatched[1 - loser]!.answer(200)
    client.close()
    t.same(client.sent, ['head 200', 'end'])
    t.ok(idle())
    forwarder.stop()
  }
})

t.test('a client that leaves ends all that is under way, once', async (t) => {
  const { open, dispatched, idle, ended, outlierEvents, forwarder } = forwarderTo('a:1 b:1')
  const client = new FakeClient()
  open(client)
  dispatched[0]!.send().head(200, 10)
  dispatched[0]!.handler.onData(Buffer.from('half'))
  client.leave()
  t.ok(dispatched[0]!.isDestroyed)
  dispatched[0]!.break('ECONNRESET')
  t.equal(dispatched.length, 1)
  t.same(outlierEvents, [], 'which is no fault of the backend')
  t.match(ended, [{ statusCode: 200, bytesOut: 4 }])
  t.ok(idle())
  forwarder.stop()
})

t.test('an exchange whose client left before it was started asks nobody', async (t) => {
  for (const backends of ['a:1', 'a:1;max=1']) {
    const { forwarder, dispatched, idle } = forwarderTo(backends, { LB_OUTAGE_TIMEOUT: '1' })
    const others = backends.includes('max') ? [new FakeClient()] : []
    const busy = others.map((other) => forwarder.open(other.req, other, '/', 'id'))
    const client = new FakeClient()
    const exchange = forwarder.open(client.req, client, '/', 'id')!
    client.close()
    exchange.start(() => t.fail('is told of no head'))
    t.equal(dispatched.length, 0)
    for (const other of others) other.close()
    t.equal(busy.length, others.length)
    t.ok(idle())
    forwarder.stop()
  }
})

t.test('a response whose connection breaks is cut off, and the fault is the backend’s', async (t) => {
  const { open, dispatched, idle, outlierEvents, ended, forwarder } = forwarderTo('a:1 b:1')
  const client = new FakeClient()
  open(client)
  dispatched[0]!.send().head(200, 10)
  dispatched[0]!.handler.onData(Buffer.from('half'))
  dispatched[0]!.break('ECONNRESET')
  t.same(client.sent, ['head 200', 'part half', 'cut off'])
  client.close()
  t.same(outlierEvents, [`loss ${dispatched[0]!.address}`])
  t.match(ended, [{ statusCode: 200, failure: { code: 'LB_CONNECTION_LOST' } }])
  t.ok(idle())
  forwarder.stop()
})

t.test('a slow client holds the backend back until it has taken what there is', async (t) => {
  const { open, dispatched, idle, forwarder } = forwarderTo('a:1')
  const client = new FakeClient()
  open(client)
  const stream = dispatched[0]!.send()
  stream.head(200, 100)
  stream.handler.onData(Buffer.alloc(20))
  stream.handler.onReadEnd()
  t.same(stream.calls, ['pause'])
  client.take()
  t.same(stream.calls, ['pause', 'resume'])
  stream.handler.onData(Buffer.alloc(20))
  stream.handler.onReadEnd()
  client.leave()
  client.take()
  t.same(stream.calls, ['pause', 'resume', 'pause', 'destroy'], 'and is not read on after its end')
  t.ok(idle())
  forwarder.stop()
})

t.test('a request waits for a slot, in turn, and is rejected where it cannot wait', async (t) => {
  const { open, dispatched, registry, rejected, idle, forwarder } = forwarderTo('a:1;max=1', {
    LB_QUEUE_SIZE: '1'
  })
  const clients = [new FakeClient(), new FakeClient(), new FakeClient()]
  for (const client of clients) open(client)
  t.same(rejected, [QUEUE_FULL.code])
  t.equal(registry.counters.sum(BalancerCell.queued), 1)
  dispatched[0]!.send().answer(200)
  t.equal(dispatched.length, 2, 'the one that waited follows at once')
  dispatched[1]!.send().answer(200)
  for (const client of clients) client.close()
  t.ok(idle())
  registry.setState(registry.backends[0]!, 'unhealthy', 'test')
  open(new FakeClient())
  t.same(rejected, [QUEUE_FULL.code, NO_BACKEND.code])
  t.ok(idle())
  forwarder.stop()
})

t.test('a lack of this machine is no fault of a backend', async (t) => {
  const { open, dispatched, outlierEvents, idle, forwarder } = forwarderTo('a:1')
  const client = new FakeClient()
  open(client)
  dispatched[0]!.break('EMFILE')
  t.same(outlierEvents, ['lacks descriptors'])
  t.same(client.sent, ['answer 503'])
  client.close()
  t.ok(idle())
  forwarder.stop()
})
