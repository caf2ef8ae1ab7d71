import type { Test } from 'tap'
import { type Balancer, eventually, startRoutes, test } from '../helper.js'
import { bodyOf, http2Backend } from '../support/http2-backend.js'
import { Http2Client } from '../support/http2-client.js'
import { scrape } from '../support/metrics.js'
import { answering, OK, type RawBackend, refusing, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { forHttp2 } from '../support/secure-ports.js'
import { fieldValue, statusOf } from '../support/wire.js'

// Requests that another pool gets as well

const WAYS = ['auto', 'routed', 'off']
const GET = 'GET /a?b HTTP/1.1\r\nHost: x.test\r\nX-Own: 1\r\n\r\n'
const post = (body: string) => `POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`

function startMirrored(
  t: Test,
  web: { address: string },
  shadow: { address: string },
  env: Readonly<Record<string, string>> = {},
  route: object = {}
): Promise<Balancer> {
  return startRoutes(
    t,
    {
      pools: { web: { backends: [web.address] }, shadow: { backends: [shadow.address] } },
      routes: [{ pool: 'web', mirror: { pool: 'shadow' }, ...route }]
    },
    env
  )
}

const countsOf = (balancer: Balancer) => balancer.stats().routes[0]!.mirror

test('the other pool gets the same request, with its body, and its answer reaches nobody', async (t) => {
  const web = await scripted(t, answering(OK))
  const shadow = await scripted(t, answering('HTTP/1.1 500 x\r\nContent-Length: 4\r\n\r\noops'))
  const route = { 'request-headers': { set: { 'X-Set': '1' } } }
  const large = 'b'.repeat(60_000)
  for (const way of WAYS) {
    const balancer = await startMirrored(t, web, shadow, { LB_LANE: way }, route)
    for (const request of [
      GET,
      post('hello'),
      post(large),
      'PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n'
    ]) {
      const before = shadow.requests.length
      t.equal(`${(await exchange(t, balancer.port, request)).body}`, 'ok')
      await eventually(() => shadow.requests.length > before)
      const [sent, copy] = [web.requests.at(-1)!, shadow.requests.at(-1)!]
      t.same([copy.startLine, copy.fields, copy.framing], [sent.startLine, sent.fields, sent.framing], way)
      t.ok(copy.body.equals(sent.body))
      t.same(copy.trailers, sent.trailers)
      t.equal(fieldValue(copy.fields, 'x-set'), '1')
    }
  }
})

test('over HTTP/2 at both ends bodies are mirrored as well', async (t) => {
  const bodies: string[] = []
  const answer = async (request: Parameters<typeof bodyOf>[0]) => {
    bodies.push(`${await bodyOf(request)}`)
    request.stream.respond({ ':status': 200 })
    request.stream.end('ok')
  }
  const [web, shadow] = await Promise.all([http2Backend(t, answer), http2Backend(t, answer)])
  const { port } = await startMirrored(t, web, shadow, forHttp2())
  const client = await Http2Client.open(t, port)
  t.equal((await client.ask({ ':path': '/', ':method': 'POST' }, 'hello')).body, 'ok')
  await eventually(() => bodies.length === 2)
  t.same(bodies, ['hello', 'hello'])
})

test('a body that is too large to keep is not mirrored, and what is not sent is counted', async (t) => {
  const [web, shadow] = await Promise.all([scripted(t, answering(OK)), scripted(t, answering(OK))])
  const balancer = await startMirrored(t, web, shadow)
  t.equal(statusOf(await exchange(t, balancer.port, post('b'.repeat(70_000)))), 200)
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
  await eventually(() => countsOf(balancer).answered === 1)
  t.equal(shadow.requests.length, 1)
  t.same(countsOf(balancer), { answered: 1, failed: 0, skipped: 1 })
  const metrics = await scrape(balancer.port)
  for (const result of ['answered', 'skipped'])
    t.equal(metrics.sum('fairlead_route_mirrored_total', { route: 'route-1', result }), 1)
})

test('clients notice nothing of a shadow that is dead, that hangs, or that floods', async (t) => {
  const web = await scripted(t, answering(OK))
  const shadows: Record<string, RawBackend> = {
    dead: await refusing(t),
    breaking: await scripted(t, (_request, socket) => socket.destroy()),
    hanging: await scripted(t, () => {}),
    flooding: await scripted(t, (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n')
      socket.write(Buffer.alloc(500_000))
    })
  }
  for (const [kind, shadow] of Object.entries(shadows)) {
    const balancer = await startMirrored(t, web, shadow, { LB_RESPONSE_TIMEOUT: '1' })
    for (let i = 0; i < 20; i++) {
      const answer = await exchange(t, balancer.port, i % 2 === 0 ? GET : post('hello'))
      t.equal(statusOf(answer), 200, kind)
    }
    await eventually(() => {
      const { answered, failed, skipped } = countsOf(balancer)
      return answered === 0 && failed + skipped === 20
    })
    const { failed, skipped } = countsOf(balancer)
    t.ok(failed > 0)
    if (kind === 'dead') t.ok(skipped > failed, 'one attempt a second, not one for each request')
    t.same(
      balancer.pools().map(({ registry }) => registry.backends.map(({ active }) => active)),
      [[0], [0]],
      `${kind}: no slot is left`
    )
    const { requests } = balancer.stats()
    t.match(requests, { total: 20, failed: 0 })
  }
})

test('a change of the pool that gets copies leaves those under way to their end', async (t) => {
  const web = await scripted(t, answering(OK))
  const release: (() => void)[] = []
  const shadow = await scripted(t, (_request, socket) => void release.push(() => socket.write(OK)))
  const file = (retries: number) => ({
    pools: { web: { backends: [web.address] }, shadow: { backends: [shadow.address], retries } },
    routes: [{ pool: 'web', mirror: { pool: 'shadow' } }]
  })
  const balancer = await startRoutes(t, file(0))
  await exchange(t, balancer.port, GET)
  await eventually(() => release.length === 1)
  const { registry } = balancer.pools()[1]!
  await balancer.reload(file(1))
  registry.tick(performance.now())
  await exchange(t, balancer.port, GET)
  await eventually(() => release.length === 2)
  for (const answer of release) answer()
  await eventually(() => countsOf(balancer).answered === 2)
  t.match(balancer.stats().backends[1], { total: 2, failed: 0, active: 0 })
  t.match(countsOf(balancer), { failed: 0, skipped: 0 })
})
