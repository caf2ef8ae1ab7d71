import type { OutgoingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { serverOptions } from '../../app/options.js'
import { loadConfig } from '../../lib/config/load.js'
import { ThreadClient } from '../../lib/threads/connections.js'
import { type ProxiedConnection, proxyHeader } from '../../lib/transport/proxy-protocol/write-header.js'
import relay from '../../routes/lb/relay.js'
import { TOKEN, WITH_TOKEN } from '../support/api.js'
import { EventListener, giveMuchToTell, TALKED_OF } from '../support/event-stream.js'
import { type Answer, Http2Client } from '../support/http2-client.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { REQUESTS, UNENDING } from '../support/relayed-requests.js'
import { atEnd, eventually, sleep, test } from '../support/test.js'
import { startPair, type ThreadPair } from '../support/thread-pair.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const GET = (page: string, ...fields: string[]) =>
  [`GET /__lb/${page} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

/** Of what two balancers tell that have done the same, without times and counts. */
function comparable({ startLine, fields, framing, body }: Message) {
  const isOf = /openmetrics|text\/plain|json/.test(fieldValue(fields, 'content-type') ?? '')
  const isChanging = (name: string) => /^(date|etag)$/i.test(name) || (isOf && /^content-length$/i.test(name))
  return {
    startLine,
    fields: fields.map(([name, value]) => [name, isChanging(name) ? 'changes' : value]),
    framing,
    body: isOf ? body.toString().replace(/[\w+.-]*\d[\w+.:-]*/g, '0') : body.toString('latin1')
  }
}

const PROXIED = {
  LB_PROXY_PROTOCOL: 'true',
  LB_TRUSTED_PROXIES: '127.0.0.1',
  LB_ADMIN_ALLOW: '10.0.0.0/8',
  LB_HSTS: '600'
}
const ends = (address: string) => ({ address, port: 5000, localAddress: '10.1.2.4', localPort: 443 })
const header = (connection: ProxiedConnection) => proxyHeader(2, connection).toString('latin1')

/** The answer on a connection of its own, and what becomes of another request over it. */
async function ask(t: Test, port: number, bytes: string, before = '') {
  const client = await RawClient.open(t, port)
  client.send(before + bytes)
  const first = await client.next({ head: bytes.startsWith('HEAD') })
  const final = statusOf(first) === 100 ? await client.response() : first
  client.send(GET('live'))
  const isAwaited = bytes.includes(UNENDING) && statusOf(final) === 404
  if (!isAwaited) await eventually(() => client.ended || client.received.length > 0)
  const next = client.received.length > 0 ? 'answered' : 'unanswered'
  client.socket.destroy()
  return { first: comparable(first), final: comparable(final), next }
}

for (const [where, env, before] of [
  ['plainly', {}, ''],
  ['from elsewhere', { LB_ADMIN_ALLOW: '10.0.0.0/8' }, ''],
  ['by TLS to a proxy', PROXIED, header({ source: ends('10.1.2.3'), tls: { version: 'TLSv1.3' } })],
  ['from elsewhere, by a proxy', PROXIED, header({ source: ends('192.0.2.1') })],
  ['by a proxy that knows no address', PROXIED, header({ source: undefined })]
] as const)
  test(`asked ${where}, another thread gets the answers of the owner`, async (t) => {
    const direct = await startPair(t, { ...WITH_TOKEN, ...env })
    const relayed = await startPair(t, { ...WITH_TOKEN, ...env })
    for (const bytes of REQUESTS) {
      const [wanted, got] = await Promise.all(
        [direct.owner, relayed.follower].map(({ port }) => ask(t, port, bytes, before))
      )
      t.same(got, wanted, bytes.slice(0, 100))
    }
  })

test('asked over HTTP/2, another thread gets the answers of the owner', async (t) => {
  const env = { ...WITH_TOKEN, LB_H2C: 'true' }
  const direct = await startPair(t, env)
  const relayed = await startPair(t, env)
  const known = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
  const backends = '/__lb/api/backends'
  const asked: readonly (readonly [headers: OutgoingHttpHeaders, body?: string])[] = [
    ...['', 'live', 'stats', 'metrics', 'nosuch', 'api/'].map(
      (page) => [{ ':path': `/__lb/${page}` }] as const
    ),
    [{ ':path': '/__lb/stats', ':method': 'HEAD' }],
    [{ ':path': '/__lb/stats', ':authority': 'rebound.evil.example' }],
    [{ ':path': '/__lb/stats', host: 'other' }],
    [{ ':path': '/__lb/stats', host: 'a.test' }],
    [{ ':path': '/__lb/api/token', ...known, origin: 'http://a.test' }],
    [{ ':path': '/__lb/x', ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }, 'hello'],
    [{ ':path': backends, ':method': 'POST' }, '{"address":"c.example:80"}'],
    [{ ':path': backends, ':method': 'POST', ...known }, '{"address":"c.example:80"}'],
    [{ ':path': backends, ':method': 'POST', ...known }, ' '.repeat(300_000)],
    [{ ':path': `${backends}/c.example:80`, ':method': 'DELETE', authorization: known.authorization }]
  ]
  const clients = await Promise.all(
    [direct.owner, relayed.follower].map(({ port }) => Http2Client.open(t, port))
  )
  for (const [headers, body] of asked) {
    const [wanted, got] = await Promise.all(clients.map((client) => client.ask(headers, body)))
    t.same(masked(got!), masked(wanted!), JSON.stringify(headers))
  }
})

const masked = ({
  headers: { date: _date, etag: _etag, 'content-length': _length, ...headers },
  ...rest
}: Answer) => ({
  ...rest,
  headers: { ...headers },
  body: rest.body.replace(/[\w+.-]*\d[\w+.:-]*/g, '0')
})

/** Those who listen to the events of the owner. */
const listening = ({ owner }: ThreadPair) => !owner.inner.broadcast.isOpen

test('events flow to as many as may listen, and a place is free when one leaves', async (t) => {
  const pair = await startPair(t)
  const listeners = await Promise.all(
    Array.from({ length: 32 }, () => EventListener.open(t, pair.follower.port))
  )
  t.match(await listeners[31]!.event(1), { name: 'tick' })
  t.equal(listening(pair), true)
  listeners[0]!.client.abort()
  await eventually(() => !listening(pair))
  t.equal(statusOf(await exchange(t, pair.follower.port, GET('live'))), 200)
})

test('behind a listener on one connection, requests end when it leaves', async (t) => {
  const pair = await startPair(t)
  const client = await RawClient.open(t, pair.follower.port)
  client.send(GET('events').repeat(32))
  await eventually(() => listening(pair))
  client.abort()
  await eventually(() => !listening(pair))
})

test('a listener that reads nothing misses events, which are not kept for it', async (t) => {
  const { owner, follower } = await startPair(t, { LB_BACKENDS: TALKED_OF })
  const { client } = await EventListener.open(t, follower.port)
  client.socket.pause()
  giveMuchToTell(owner.inner.registry)
  // There is an event each second.
  await sleep(3500)
  client.socket.resume()
  await client.until((text) => text.split('event: all\n').length > 2, 20_000)
})

test('answers of megabytes come whole, many at once', async (t) => {
  const { owner, follower } = await startPair(t, { LB_BACKENDS: TALKED_OF })
  giveMuchToTell(owner.inner.registry)
  const pages = Array.from({ length: 12 }, () => exchange(t, follower.port, GET('stats')))
  for (const { body } of await Promise.all(pages)) {
    t.ok(body.length > 5_000_000)
    t.equal(JSON.parse(body.toString()).backends.length, 300)
  }
})

test('when the owner drains, listeners get the last event, and what has begun is answered', async (t) => {
  const { owner, follower } = await startPair(t, { ...WITH_TOKEN })
  const listener = await EventListener.open(t, follower.port)
  await listener.event(0)
  const client = await RawClient.open(t, follower.port)
  const body = '{"address":"c.example:80"}'
  const head = ['POST /__lb/api/backends HTTP/1.1', 'Host: x', 'Content-Type: application/json']
  client.send(
    [...head, `Authorization: Bearer ${TOKEN}`, `Content-Length: ${body.length}`, '', ''].join('\r\n')
  )
  await sleep(50)
  const closed = owner.fastify.close()
  await listener.client.until((text) => text.endsWith('0\r\n\r\n'))
  t.equal(listener.events.at(-1)!.name, 'end')
  client.send(body)
  t.equal(statusOf(await client.response()), 201)
  await closed
  const refused = await exchange(t, follower.port, GET('live'))
  t.equal(statusOf(refused), 503)
})

test('when a thread that follows drains alone, its listeners are sent away', async (t) => {
  const pair = await startPair(t)
  const listener = await EventListener.open(t, pair.follower.port)
  await listener.event(0)
  const closed = pair.follower.fastify.close()
  await listener.client.untilClosed(1900)
  t.equal(listener.client.broken, false)
  await listener.client.until((text) => text.endsWith('0\r\n\r\n'))
  await closed
  await eventually(() => pair.owner.inner.broadcast.isOpen)
})

test('when a thread is no more, nothing of it is left', async (t) => {
  const { owner, follower, port } = await startPair(t, WITH_TOKEN)
  const listener = await EventListener.open(t, follower.port)
  await listener.event(0)
  const client = await RawClient.open(t, follower.port)
  client.send(`POST /__lb/api/backends HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n`)
  client.send('Content-Type: application/json\r\nContent-Length: 9\r\n\r\n')
  await sleep(50)
  port.close()
  t.equal(statusOf(await client.response()), 503, 'without an answer so far')
  await listener.client.untilClosed()
  t.notOk(listener.client.received.toString().endsWith('0\r\n\r\n'), 'what had begun is cut off')
  const refused = await exchange(t, follower.port, GET('stats'))
  t.equal(statusOf(refused), 503)
  t.match(JSON.parse(refused.body.toString()), { statusCode: 503, code: 'LB_NO_ANSWER' })
  t.equal(statusOf(await exchange(t, owner.port, GET('live'))), 200)
  await eventually(() => owner.inner.broadcast.isOpen)
})

test('an owner that does not answer is not waited for without end', async (t) => {
  const { port1, port2 } = new MessageChannel()
  atEnd(t, () => port1.close())
  const fastify = Fastify(serverOptions(loadConfig({})))
  await fastify.register(relay, { prefix: '/__lb', owner: new ThreadClient(port2), timeoutMs: 100 })
  atEnd(t, () => fastify.close())
  await fastify.listen({ host: '127.0.0.1', port: 0 })
  const { port } = fastify.server.address() as AddressInfo
  const refused = await exchange(t, port, GET('live'))
  t.equal(statusOf(refused), 503)
  t.equal(fieldValue(refused.fields, 'cache-control'), 'no-store')
})
