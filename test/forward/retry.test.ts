import type { Socket } from 'node:net'
import { type Balancer, eventually, sleep, startBalancer, test, withoutChance } from '../helper.js'
import { answering, OK, refusing, type Script, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { type Message, statusOf } from '../support/wire.js'

const request = (method: string, body = '') =>
  `${method} / HTTP/1.1\r\nHost: x\r\n${body ? `Content-Length: ${body.length}\r\n` : ''}\r\n${body}`

const counts = ({ stats }: Balancer) =>
  stats().backends.map(({ total, failed, retries }) => [total, failed, retries])

test('a refused request is answered by another backend, whatever it is', async (t) => {
  withoutChance(t)
  const other = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [await refusing(t), other])
  const requests = [request('GET'), request('POST', 'hello'), request('PATCH', 'hello'), request('DELETE')]
  for (const bytes of requests) {
    // Back in, so that each request meets the refusal.
    balancer.registry.setState(balancer.registry.backends[0]!, 'healthy', 'test')
    t.equal(statusOf(await exchange(t, balancer.port, bytes)), 200)
  }
  t.equal(other.requests.length, requests.length)
  t.same(counts(balancer), [
    [4, 4, 4],
    [4, 0, 0]
  ])
  t.equal(balancer.stats().requests.failed, 0)
  t.equal(balancer.stats().requests.total, 4)
})

test('a chunked body that arrives slowly goes whole to the second backend', async (t) => {
  withoutChance(t)
  const other = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [await refusing(t), other])
  const client = await RawClient.open(t, port)
  client.send('PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n')
  await sleep(50)
  client.send('3\r\ntwo\r\n0\r\n\r\n')
  t.equal(statusOf(await client.response()), 200)
  t.equal(other.requests[0]!.body.toString(), 'onetwo')
})

test('at most three backends see a request', async (t) => {
  const refused = [await refusing(t), await refusing(t), await refusing(t), await refusing(t)]
  const balancer = await startBalancer(t, refused)
  const attempts: number[] = []
  balancer.registry.on('failure', ({ backend }) => attempts.push(backend.id))
  t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 502)
  t.equal(attempts.length, 3)
  t.equal(new Set(attempts).size, 3, 'three different ones')
  const { requests, backends } = balancer.stats()
  t.equal(requests.failed, 1)
  t.equal(
    backends.reduce((sum, { retries }) => sum + retries, 0),
    2
  )
})

/** What a backend does to a request, and which other requests are then tried elsewhere. */
const BREAKS: Record<string, Script> = {
  reset: (_request, socket) => socket.resetAndDestroy(),
  closed: (_request, socket) => socket.end()
}
for (const [how, script] of Object.entries(BREAKS)) {
  test(`a connection ${how} before the answer: tried again only where that does no harm`, async (t) => {
    withoutChance(t)
    const cases = [
      ['GET', '', 200],
      ['OPTIONS', '', 200],
      ['PUT', '', 200],
      ['DELETE', '', 200],
      ['PROPFIND', '', 200],
      ['POST', '', 502],
      ['PATCH', '', 502],
      ['LOCK', '', 502],
      ['POST', 'hello', 502],
      // Small enough to be kept.
      ['PUT', 'hello', 200],
      ['GET', 'hello', 200],
      ['PUT', 'hello'.repeat(20_000), 502]
    ] as const
    for (const [method, body, status] of cases) {
      const [first, other] = [await scripted(t, script), await scripted(t, answering(OK))]
      const balancer = await startBalancer(t, [first, other])
      t.equal(
        statusOf(await exchange(t, balancer.port, request(method, body))),
        status,
        `${method} ${body.length}`
      )
      t.equal(first.requests.length, 1)
      const retried = status === 200 ? 1 : 0
      t.match(balancer.stats().backends[0], { failed: 1, retries: retried, state: 'healthy', active: 0 })
    }
  })
}

test('a connection that was idle and is closed under a request costs nothing', async (t) => {
  // Keeps the connection after the first answer, and resets it on the second request.
  const seen = new Map<Socket, number>()
  const fickle: Script = (_request: Message, socket) => {
    const count = (seen.get(socket) ?? 0) + 1
    seen.set(socket, count)
    if (count === 1) socket.write(OK)
    else socket.resetAndDestroy()
  }
  const balancer = await startBalancer(t, [await scripted(t, fickle), await scripted(t, answering(OK))])
  const client = await RawClient.open(t, balancer.port)
  for (let i = 0; i < 12; i++) {
    client.send(request('GET'))
    t.equal(statusOf(await client.response()), 200)
  }
})

test('an answer is never tried again, whatever it says', async (t) => {
  for (const status of [500, 502, 503, 504, 429]) {
    const script = answering(`HTTP/1.1 ${status} No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n`)
    const backends = [await scripted(t, script), await scripted(t, script)]
    const balancer = await startBalancer(t, backends)
    t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), status)
    t.equal(backends[0]!.requests.length + backends[1]!.requests.length, 1)
    t.equal(balancer.stats().requests.failed, 0)
  }
})

test('a backend that refuses is taken out at once, and comes back when it accepts', async (t) => {
  withoutChance(t)
  const [first, other] = [await refusing(t), await scripted(t, answering(OK))]
  const balancer = await startBalancer(t, [first, other])
  const state = () => balancer.stats().backends[0]!
  t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 200)
  t.match(state(), { state: 'unhealthy', reason: 'connection refused' })
  t.ok(
    balancer.log.some(({ msg }) =>
      /^Backend\[0\] .* is UNHEALTHY, was healthy: connection refused$/.test(msg)
    )
  )
  for (let i = 0; i < 20; i++) t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 200)
  t.equal(state().total, 1, 'it gets no request')
  await first.listen()
  await eventually(() => state().state === 'healthy', 2500)
  t.equal(state().reason, 'check passed: connection accepted')
})

test('the last backend is not taken out', async (t) => {
  const [first, last] = [await refusing(t), await refusing(t)]
  const balancer = await startBalancer(t, [first, last])
  for (let i = 0; i < 3; i++) t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 502)
  t.equal(balancer.registry.eligibleCount, 1)
  await Promise.all([first.listen(), last.listen()])
  t.ok(balancer.log.some(({ msg }) => /failed a request: connection refused$/.test(msg)))
})

test('failures are told once a second, with their count', async (t) => {
  const balancer = await startBalancer(t, [await refusing(t)])
  for (let i = 0; i < 5; i++) await exchange(t, balancer.port, request('GET'))
  const told = () => balancer.log.filter(({ code }) => code === 'LB_BACKEND_UNREACHABLE')
  t.match(told(), [{ level: 40, repeats: 1, detail: 'connection refused' }])
  t.equal(told().length, 1)
  await eventually(() => told().length === 2)
  t.match(told()[1], { repeats: 4, msg: /\(4 times\)$/ })
})
