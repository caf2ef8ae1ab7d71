import Fastify from 'fastify'
import type { Test } from 'tap'
import { loadConfig } from '../../lib/config/load.js'
import access from '../../plugins/access.js'
import backendCredentials from '../../plugins/backend-credentials.js'
import backendRegistry from '../../plugins/backend-registry.js'
import sharedCells from '../../plugins/cells.js'
import fleet from '../../plugins/fleet.js'
import { atEnd, type Balancer, eventually, startBalancer, test } from '../helper.js'
import { LogFile } from '../support/access-log.js'
import { Http2Client } from '../support/http2-client.js'
import { scrape } from '../support/metrics.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { skippableTime } from '../support/stack.js'
import { echo, openTunnel, switching, tunnels, upgrade } from '../support/tunnel.js'
import { fieldValue, fieldValues, type Message, statusOf } from '../support/wire.js'

const from = (address: string) => `X-Forwarded-For: ${address}`
const get = (target = '/', ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')
const codeOf = ({ body }: Message) => JSON.parse(`${body}`).code
const BEHIND_PROXY = { LB_TRUSTED_PROXIES: '127.0.0.1' }

/** The statuses of one request from each of these addresses, over one connection. */
async function statuses(t: Test, { port }: Balancer, addresses: readonly string[]): Promise<number[]> {
  const client = await RawClient.open(t, port)
  const list: number[] = []
  for (const address of addresses) {
    client.send(get('/', from(address)))
    list.push(statusOf(await client.response()))
  }
  client.socket.destroy()
  return list
}

test('a request too many is answered 429, and says when to come again', async (t) => {
  const skip = skippableTime(t)
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await startBalancer(t, [backend], { LB_RATE_LIMIT: '2/m' })
  const client = await RawClient.open(t, port)
  client.send(get('/1') + get('/2') + get('/3'))
  for (let i = 0; i < 2; i++) {
    const { fields, startLine } = await client.response()
    t.equal(startLine, 'HTTP/1.1 200 OK')
    t.same(fieldValues(fields, 'ratelimit'), [], 'what a backend answered is left as it is')
  }
  const refused = await client.response()
  t.equal(refused.startLine, 'HTTP/1.1 429 Too Many Requests')
  t.same(JSON.parse(`${refused.body}`), {
    statusCode: 429,
    code: 'LB_RATE_LIMITED',
    error: 'Too Many Requests',
    message: 'Too many requests came from this address'
  })
  t.equal(fieldValue(refused.fields, 'retry-after'), '30')
  t.equal(fieldValue(refused.fields, 'ratelimit-policy'), '"client";q=2;w=60')
  t.equal(fieldValue(refused.fields, 'ratelimit'), '"client";r=0;t=30')
  t.match(stats().requests, { total: 3, failed: 0, rejected: { rateLimit: 1, denied: 0, badRequest: 0 } })
  const metrics = await (await fetch(`http://127.0.0.1:${port}/__lb/metrics`)).text()
  t.match(metrics, 'fairlead_requests_rejected_total{reason="rate_limit"} 1')
  t.match(metrics, 'fairlead_requests_total{pool="default",backend="none",method="GET",code="4xx"} 1')

  skip(20_000)
  client.send(get('/4'))
  const later = await client.response()
  t.equal(statusOf(later), 429, 'the connection stays open')
  const leftS = Number(fieldValue(later.fields, 'retry-after'))
  t.ok(leftS <= 10 && leftS > 5, `${leftS} s are left: time goes on during the test`)
  skip(10_000)
  client.send(get('/5'))
  t.equal(statusOf(await client.response()), 200)
  t.same(
    backend.requests.map(({ startLine }) => startLine.split(' ')[1]),
    ['/1', '/2', '/5']
  )
  t.equal(stats().requests.rejected.rateLimit, 2)
})

test('a burst of its own is told too', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_RATE_LIMIT: '10/h;burst=1' })
  t.equal(statusOf(await exchange(t, port, get())), 200)
  const { fields } = await exchange(t, port, get())
  t.equal(fieldValue(fields, 'ratelimit-policy'), '"client";q=10;w=3600;fairlead-burst=1')
  t.equal(fieldValue(fields, 'retry-after'), '360')
})

test('a refused request with a body ends its connection, and the body is no request', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_RATE_LIMIT: '1/h' })
  const client = await RawClient.open(t, port)
  client.send(get())
  t.equal(statusOf(await client.response()), 200)
  const smuggled = get('/smuggled')
  client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`)
  const refused = await client.response()
  t.equal(statusOf(refused), 429)
  t.equal(fieldValue(refused.fields, 'connection'), 'close')
  await client.untilClosed()
  t.equal(client.received.length, 0)

  const waiting = await RawClient.open(t, port)
  waiting.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
  t.equal(statusOf(await waiting.next()), 429, 'instead of a 100')
})

test('each client has a limit of its own, by the word of a trusted proxy', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], { ...BEHIND_PROXY, LB_RATE_LIMIT: '1/h' })
  const { port } = balancer
  const asked = ['192.0.2.1', '192.0.2.2', '192.0.2.1', '6.6.6.6, 192.0.2.1', '::ffff:192.0.2.1']
  t.same(await statuses(t, balancer, asked), [200, 200, 429, 429, 429])
  t.same(await statuses(t, balancer, ['2001:db8::1', '2001:DB8:0::2', '2001:db8:0:1::1']), [200, 429, 200])
  t.same(await statuses(t, balancer, ['192.0.2.2', '192.0.2.3']), [429, 200], 'over every connection')
  t.equal(statusOf(await exchange(t, port, get())), 200, 'the proxy itself is a client too')
  t.equal(statusOf(await exchange(t, port, get())), 429)
})

test('what a client says of itself gives it no other limit', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], { LB_RATE_LIMIT: '1/h', LB_DENY: '192.0.2.0/24' })
  t.same(await statuses(t, balancer, ['192.0.2.1', '192.0.2.2']), [200, 429])
})

test('whoever is denied is answered 403, and nothing is chosen or counted for it', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], {
    ...BEHIND_PROXY,
    LB_DENY: '192.0.2.0/24, 2001:db8::/32 198.51.100.7',
    LB_RATE_LIMIT: '2/h'
  })
  const denied = ['192.0.2.1', '192.0.2.255', '::ffff:192.0.2.1', '2001:db8:ffff::1', '198.51.100.7']
  t.same(await statuses(t, balancer, [...denied, ...denied, ...denied]), Array(15).fill(403))
  t.same(await statuses(t, balancer, ['192.0.3.1', '2001:db9::1', '198.51.100.8']), [200, 200, 200])
  t.equal(backend.requests.length, 3)
  const { requests } = balancer.stats()
  t.match(requests, { total: 18, failed: 0, rejected: { denied: 15, rateLimit: 0, badRequest: 0 } })

  const refused = await exchange(t, balancer.port, get('/', from('192.0.2.1')))
  t.equal(refused.startLine, 'HTTP/1.1 403 Forbidden')
  t.equal(codeOf(refused), 'LB_DENIED')
  t.same(fieldValues(refused.fields, 'ratelimit-policy'), [])
})

test('with a list of those that are allowed others are denied, and some of the list may be', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend], {
    ...BEHIND_PROXY,
    LB_ALLOW: '10.0.0.0/8 2001:db8::/32',
    LB_DENY: '10.6.0.0/16'
  })
  const asked = ['10.0.0.1', '10.6.0.1', '11.0.0.1', '2001:db8::1', '2001:db9::1', '10.7.0.1']
  t.same(await statuses(t, balancer, asked), [200, 403, 403, 200, 403, 200])
  t.equal(statusOf(await exchange(t, balancer.port, get())), 403, 'the proxy itself is not on it')
})

test('changes of protocol are turned away as well', async (t) => {
  const backend = await switching(t, echo)
  const balancer = await startBalancer(t, [backend], {
    ...BEHIND_PROXY,
    LB_RATE_LIMIT: '1/h',
    LB_DENY: '192.0.2.9'
  })
  const tunnel = await openTunnel(t, balancer)
  tunnel.send('hello')
  await tunnel.until((text) => text === 'hello')
  const client = await RawClient.open(t, balancer.port)
  for (const [address, status, code] of [
    ['127.0.0.1', 429, 'LB_RATE_LIMITED'],
    ['192.0.2.9', 403, 'LB_DENIED']
  ] as const) {
    client.send(upgrade('/', from(address)))
    const refused = await client.response()
    t.equal(statusOf(refused), status)
    t.equal(codeOf(refused), code)
  }
  client.send(get('/', from('192.0.2.1')))
  t.equal(statusOf(await client.response()), 200, 'the connection goes on')
  t.equal(backend.requests.length, 2)
  t.match(balancer.stats().requests.rejected, { rateLimit: 1, denied: 1 })
  tunnel.socket.destroy()
  await eventually(() => tunnels(balancer) === 0)
})

test("the balancer's own pages are neither limited nor denied by these", async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await startBalancer(t, [backend], { LB_RATE_LIMIT: '1/h', LB_DENY: '127.0.0.1' })
  for (const page of ['live', 'ready', 'stats', 'live', 'ready', 'stats'])
    t.equal(statusOf(await exchange(t, port, get(`/__lb/${page}`))), 200, page)
  t.equal(statusOf(await exchange(t, port, get('/__lb'))), 403)
  t.match(stats().requests.rejected, { rateLimit: 0, denied: 1 })
})

test('a client that sends too much is told so even when the balancer is full', async (t) => {
  const backend = await scripted(t, () => {})
  const balancer = await startBalancer(t, [backend], {
    ...BEHIND_PROXY,
    LB_MAX_CONNECTIONS: '1',
    LB_RATE_LIMIT: '1/h'
  })
  const held = await RawClient.open(t, balancer.port)
  held.send(get())
  await eventually(() => backend.requests.length === 1)
  t.same(await statuses(t, balancer, ['127.0.0.1', '192.0.2.1', '192.0.2.1']), [429, 503, 429])
  t.match(balancer.stats().requests.rejected, { rateLimit: 2, overload: 1 })
  held.socket.destroy()
})

for (const [name, isLooked, env] of [
  ['nobody is looked at without these settings', false, {}],
  ['a rate limit has clients looked at', true, { LB_RATE_LIMIT: '100/s' }],
  ['so does a list of those allowed', true, { LB_ALLOW: '10.0.0.0/8' }],
  ['and one of those denied', true, { LB_DENY: '10.0.0.0/8' }],
  ['and a proxy, who may not say who it is', true, { LB_TRUSTED_PROXIES: '10.0.0.0/8' }]
] as const) {
  test(name, async (t) => {
    const config = loadConfig(env)
    const fastify = Fastify()
    atEnd(t, () => fastify.close())
    await fastify.register(sharedCells)
    await fastify.register(backendCredentials, { config })
    await fastify.register(backendRegistry, { config })
    await fastify.register(fleet, { config })
    await fastify.register(access, { config })
    t.equal(fastify.rejectionOf !== undefined, isLooked)
  })
}

const PROXIES = { LB_TRUSTED_PROXIES: '127.0.0.0/8 10.0.0.0/8 fd00::/8' }
const UNREADABLE = 'fairlead_clients_unreadable_total'

const getWith = (...fields: string[]) => ['GET / HTTP/1.1', 'Host: x', ...fields, '', ''].join('\r\n')
const said = (...values: string[]) => values.map((value) => `X-Forwarded-For: ${value}`)

/** One client, as proxies write it. */
const ONE_IPV4 = [
  ['203.0.113.5'],
  ['203.0.113.5:43462'],
  ['198.51.100.7, 203.0.113.5:43462, 10.1.1.1:80'],
  ['"203.0.113.5:80", "[fd00::1]:80"'],
  ['::ffff:203.0.113.5'],
  ['[::FFFF:203.0.113.5]:80, , 10.1.1.1,'],
  ['unknown', '203.0.113.5', '', '10.1.1.1'],
  ['198.51.100.7', '"203.0.113.5:_port" ,']
]
const ONE_IPV6 = [
  ['2001:db8::1'],
  ['[2001:db8::1]'],
  ['[2001:DB8:0:0::1]:8080'],
  ['"[2001:db8::1]:8080", 10.1.1.1'],
  ['2001:db8::1:43462'],
  ['2001:db8::1%eth0']
]

test('a client is denied however a trusted proxy writes its address, over HTTP/1.1 and HTTP/2', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], {
    ...{ ...PROXIES, LB_H2C: 'true', LB_DENY: '203.0.113.5 2001:db8::/64' }
  })
  const client = await Http2Client.open(t, port)
  const statusesFor = async (values: string[]) => [
    statusOf(await exchange(t, port, getWith(...said(...values)))),
    (await client.ask({ ':path': '/', 'x-forwarded-for': values })).status
  ]
  for (const values of [...ONE_IPV4, ...ONE_IPV6])
    t.same(await statusesFor(values), [403, 403], values.join(' / '))
  for (const values of [
    ['198.51.100.7:80'],
    ['203.0.113.6:80'],
    ['203.0.113.5, 198.51.100.7'],
    ['[2001:db9::1]']
  ])
    t.same(await statusesFor(values), [200, 200], values.join(' / '))
})

for (const [address, forms] of [
  ['203.0.113.5', ONE_IPV4],
  ['2001:db8::1', ONE_IPV6]
] as const) {
  test(`${address} has one bucket, one backend and one address in the log`, async (t) => {
    const file = new LogFile(t)
    const backends = await Promise.all(Array.from({ length: 4 }, () => scripted(t, answering(OK))))
    const { port } = await startBalancer(t, backends, {
      ...{ ...PROXIES, LB_ALGORITHM: 'hash', LB_RATE_LIMIT: `${forms.length}/h` },
      ...{ LB_ACCESS_LOG: 'all', LB_ACCESS_LOG_FILE: file.file }
    })
    const client = await RawClient.open(t, port)
    const statuses: number[] = []
    for (const values of [...forms, forms[0]!]) {
      client.send(getWith(...said(...values)))
      statuses.push(statusOf(await client.response()))
    }
    t.same(statuses, [...forms.map(() => 200), 429])
    const asked = backends.filter(({ requests }) => requests.length > 0)
    t.equal(asked.length, 1)
    const got = asked[0]!.requests.map(({ fields }) => fieldValue(fields, 'x-forwarded-for'))
    t.same(
      got,
      forms.map((values) => `${values.join(', ')}, 127.0.0.1`),
      'and goes on as it came'
    )
    const entries = await file.entries(statuses.length)
    t.same([...new Set(entries.map(({ client }) => client))], [address])
  })
}

test('what cannot be read counts as the last hop that can, is counted, and told once for each proxy', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, log } = await startBalancer(t, [backend], { ...PROXIES, LB_DENY: '10.1.1.1 203.0.113.5' })
  for (const [value, status] of [
    ['203.0.113.5, unknown', 200],
    ['203.0.113.5, _hidden, 10.1.1.1', 403],
    ['203.0.113.5, "10.1.1.1', 200],
    ['203.0.113.5:x', 200],
    ['unknown, 203.0.113.5', 403]
  ] as const)
    t.equal(statusOf(await exchange(t, port, getWith(...said(value)))), status, value)
  t.equal(statusOf(await exchange(t, port, getWith('Forwarded: for=203.0.113.5'))), 200, 'which is not read')
  t.equal(statusOf(await exchange(t, port, getWith())), 200, 'a proxy may ask for itself')
  t.equal((await scrape(port)).sum(UNREADABLE), 5)
  const warnings = log.filter(({ msg }) => msg.includes(UNREADABLE))
  t.same(
    warnings.map(({ level, msg }) => [level, msg]),
    [
      [
        40,
        '127.0.0.1 says "unknown" in X-Forwarded-For: such requests count as those of the last address that can be ' +
          `read (${UNREADABLE})`
      ]
    ]
  )
})

test('it is counted where nothing depends on who the client is, and not of clients that are no proxies', async (t) => {
  const backend = await scripted(t, answering(OK))
  for (const [LB_TRUSTED_PROXIES, count] of [
    ['127.0.0.0/8', 2],
    ['10.0.0.0/8', 0],
    ['', 0]
  ] as const) {
    const { port } = await startBalancer(t, [backend], { LB_TRUSTED_PROXIES })
    for (const value of ['unknown', 'x y z']) await exchange(t, port, getWith(...said(value)))
    t.equal((await scrape(port)).sum(UNREADABLE), count, LB_TRUSTED_PROXIES)
  }
})
