import { type Balancer, inFlight, sleep, startBalancer, startRoutes, test } from '../helper.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

// Requests that offer another protocol and stay in HTTP/1.1, with others behind them (RFC 9110 section 7.8)

const WAYS = ['auto', 'routed', 'off']
const GET = 'GET /second HTTP/1.1\r\nHost: x\r\n\r\n'
const LARGE = 'b'.repeat(200_000)

const head = (method: string, protocol: string, fields = '') =>
  `${method} /first HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: ${protocol}\r\n${fields}\r\n`
const upload = (protocol: string, body: string) =>
  head('POST', protocol, `Content-Length: ${body.length}\r\n`) + body

/** Each by what it is. */
const FIRST: Readonly<Record<string, string>> = {
  'an upload': upload('foo', 'hello'),
  'an upload that offers HTTP/2': upload('h2c', 'hello'),
  'a large upload': upload('foo', LARGE),
  'an upload whose body looks like a head': upload('foo', 'a\r\n\r\nb'),
  'an upload in chunks': `${head('POST', 'foo', 'Transfer-Encoding: chunked\r\n')}5\r\nhello\r\n0\r\n\r\n`,
  'a request without a body': head('GET', 'h2c')
}

for (const way of WAYS)
  for (const hasRoutes of [false, true])
    test(`no request gets lost behind one that offers an upgrade: ${way}, ${hasRoutes ? 'with' : 'without'} routes`, async (t) => {
      const backend = await scripted(t, answering(OK))
      const env = { LB_LANE: way }
      const pools = { web: { backends: [backend.address] } }
      const balancer: Balancer = hasRoutes
        ? await startRoutes(
            t,
            { pools, routes: [{ match: { path: '/second' }, pool: 'web' }, { pool: 'web' }] },
            env
          )
        : await startBalancer(t, [backend], env)
      const { port } = balancer
      for (const [kind, first] of Object.entries(FIRST)) {
        const together = await RawClient.open(t, port)
        together.send(first + GET)
        const answer = await together.response()
        t.equal(statusOf(answer), 200, kind)
        // It is answered as well, or the client knows that it was not.
        if (fieldValue(answer.fields, 'connection') === 'close') {
          await together.untilClosed()
          t.equal(together.received.length, 0, kind)
        } else t.equal(statusOf(await together.response()), 200, kind)

        // The rest of what was dropped is no request.
        const split = await RawClient.open(t, port)
        const before = backend.requests.length
        split.send(`${first}GET /a HTTP/1.1\r\nHost: x\r\nX-Rest: `)
        await split.response()
        if (!split.ended) split.send(`\r\n\r\n${GET}`)
        await sleep(20)
        const targets = backend.requests.slice(before).map(({ startLine }) => startLine.split(' ')[1])
        t.ok(['/first', '/first,/a', '/first,/a,/second'].includes(targets.join()), `${kind}: ${targets}`)
        split.abort()

        if (first.includes('chunked')) continue
        const later = await RawClient.open(t, port)
        later.send(first)
        const own = await later.response()
        t.not(fieldValue(own.fields, 'connection'), 'close', `${kind}, and nothing behind it`)
        later.send(GET)
        t.equal(statusOf(await later.response()), 200, kind)
        later.abort()
      }
      t.ok(inFlight(balancer).every((count) => count === 0))
    })

test('the answer of the balancer itself ends the connection as well where a request gets lost', async (t) => {
  const balancer = await startBalancer(t, 'a.invalid:1', { LB_LANE: 'off' })
  const client = await RawClient.open(t, balancer.port)
  client.send(`GET /__lb/stats HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n${GET}`)
  t.equal(statusOf(await client.response()), 200)
  await client.untilClosed()
  t.equal(client.received.length, 0)
})

test('the end of a head is not taken for one in the body when it comes in two chunks', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend])
  const body = `${'a'.repeat(40)}\r\n\r\nb`
  // So long that the body would just be the whole rest of the chunk.
  const behind = 'GET /lost HTTP/1.1\r\nHost: x\r\nX-Rest: '.padEnd(body.indexOf('\r\n\r\n') + 4, 'y')
  const client = await RawClient.open(t, balancer.port)
  client.send(head('POST', 'h2c', `Content-Length: ${body.length}\r\n`).slice(0, -2))
  // The balancer reads what was sent so far by itself.
  await sleep(50)
  client.send(`\r\n${body}${behind}`)
  const answer = await client.response()
  t.equal(statusOf(answer), 200)
  t.equal(fieldValue(answer.fields, 'connection'), 'close')
  await client.untilClosed()
})

test('a request that is answered before its end, and is followed by others that get lost, ends the connection', async (t) => {
  const balancer = await startBalancer(t, 'a.invalid:1')
  const client = await RawClient.open(t, balancer.port)
  client.send(
    'GET /__lb/stats HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n'
  )
  t.equal(statusOf(await client.response()), 200)
  client.send(`{}${GET}`)
  await client.untilClosed()
  t.equal(client.received.length, 0)
})
