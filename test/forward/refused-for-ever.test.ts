import type { Test } from 'tap'
import { eventually, inFlight, startBalancer, test, withoutChance } from '../helper.js'
import { type FrameBackend, framed } from '../support/frame-backend.js'
import { answering, bodyOf, http2Backend } from '../support/http2-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { acting, answeredOf } from '../support/whole-requests.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'
const REFUSED_STREAM = 7
const MAX_STREAMS = 3
const NO_RETRIES = { LB_RETRIES: '0', LB_RETRY_BUDGET: '0' }

/** Backends that take nothing, however often they are asked. */
const REFUSALS: Readonly<Record<string, (t: Test) => Promise<FrameBackend>>> = {
  refusals: (t) => acting(t, (id, _nth, peer) => peer.reset(id, REFUSED_STREAM)),
  'GOAWAY of the first stream': (t) => acting(t, (_id, _nth, peer) => peer.goAway(0)),
  'GOAWAY before there are any': (t) =>
    framed(
      t,
      () => {},
      (peer) => {
        peer.settings()
        peer.goAway(0)
      }
    ),
  'no streams at all': (t) =>
    framed(
      t,
      () => {},
      (peer) => peer.settings([MAX_STREAMS, 0])
    ),
  'GOAWAY and the end of the connection': (t) =>
    acting(t, (_id, _nth, peer) => {
      peer.goAway(0)
      peer.socket.end()
    })
}

for (const [how, refusing] of Object.entries(REFUSALS)) {
  test(`a backend that refuses for ever, by ${how}, gets few connections, and its clients an answer`, async (t) => {
    const backend = await refusing(t)
    const made: number[] = []
    const balancer = await startBalancer(t, `${backend.address};h2`)
    let known = 0
    const watch = setInterval(() => {
      for (; known < backend.connections; known++) made.push(performance.now())
    }, 1)
    const clients = await Promise.all(Array.from({ length: 30 }, () => RawClient.open(t, balancer.port)))
    const startMs = performance.now()
    for (const [i, client] of clients.entries()) client.send(i % 2 ? GET : POST)
    await eventually(() => inFlight(balancer)[0] === 30)
    // Who leaves is not waited for.
    for (const client of clients.slice(0, 5)) client.socket.destroy()
    await eventually(() => inFlight(balancer)[0]! <= 25)
    for (const client of clients.slice(5)) t.equal(statusOf(await client.response()), 502)
    clearInterval(watch)
    const tookMs = performance.now() - startMs
    // The limit is 2 s; the rest is for a busy machine.
    t.ok(tookMs < 5000, `after ${tookMs} ms`)
    const most = Math.max(
      ...made.map((ms) => made.filter((other) => other >= ms && other < ms + 1000).length)
    )
    t.ok(most <= 20, `${most} connections in a second`)
    t.ok(backend.connections > 2, 'it is asked again')
    t.match(balancer.stats().requests, { queued: 0, retrying: 0, failed: 25 })
  })
}

test('another backend is asked at once, and the one that refuses is ejected', async (t) => {
  withoutChance(t)
  const sick = await acting(t, (_id, _nth, peer) => peer.goAway(0))
  const well = await http2Backend(t, async (asked) => answering(await bodyOf(asked))(asked))
  const balancer = await startBalancer(t, [{ address: `${sick.address};h2` }, well], NO_RETRIES)
  const startMs = performance.now()
  t.equal(statusOf(await exchange(t, balancer.port, POST)), 200)
  t.ok(performance.now() - startMs < 500)
  let isOver = false
  const load = (async () => {
    let right = 0
    let all = 0
    while (!isOver) {
      right += await answeredOf(t, balancer, 10, 5, POST)
      all += 50
    }
    t.equal(right, all)
  })()
  await eventually(() => balancer.stats().backends[0]!.state === 'ejected', 10_000)
  isOver = true
  await load
  t.ok(sick.connections < 40, `${sick.connections} connections`)
  t.equal(balancer.stats().requests.failed, 0)
})
