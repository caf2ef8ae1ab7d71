import { hostname } from 'node:os'
import type { Test } from 'tap'
import { startBalancer, startRoutes, test } from '../helper.js'
import { TOKEN, WITH_TOKEN } from '../support/api.js'
import { Http2Client } from '../support/http2-client.js'
import { readExposition } from '../support/metrics.js'
import { answering, OK, refusing, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const request = (target: string, method = 'GET') => `${method} ${target} HTTP/1.1\r\nHost: x\r\n\r\n`
const json = (response: Message) => JSON.parse(response.body.toString())

test('only what begins with /__lb/, byte for byte, is the balancer’s own', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const others = [
    '/__lb',
    '/__lb%2fstats',
    '/__lb%2Fstats',
    '/%5f_lb/stats',
    '/__LB/stats',
    '//__lb/stats',
    '/./__lb/stats',
    '/x/../__lb/stats',
    '/__lb;/stats',
    '/__lb?/stats',
    '/__lbx/stats',
    'http://x/__lb/stats'
  ]
  for (const target of others) {
    const response = await exchange(t, port, request(target))
    t.equal(response.body.toString(), 'ok', target)
  }
  t.equal(backend.requests.length, others.length)
})

test('below /__lb/ only exact paths exist, and nothing reaches a backend', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const unknown = [
    '/__lb//',
    '/__lb/.',
    '/__lb/%2e',
    '/__lb/%2f',
    '/__lb/-',
    '/__lb/;x',
    '/__lb/page',
    '/__lb/page/',
    '/__lb/nosuch',
    '/__lb/stats/',
    '/__lb/stats/x',
    '/__lb//stats',
    '/__lb/STATS',
    '/__lb/%73tats',
    '/__lb/stats%2f',
    '/__lb/stats;x',
    '/__lb/../x',
    '/__lb/x/../stats',
    '/__lb/%zz',
    '/__lb/%',
    '/__lb/%2e%2e/stats'
  ]
  const client = await RawClient.open(t, port)
  for (const target of unknown) {
    client.send(request(target))
    const response = await client.response()
    t.equal(statusOf(response), 404, target)
    t.same(json(response), { statusCode: 404, error: 'Not Found', message: 'There is no such page' }, target)
  }
  for (const target of [
    '/__lb/?',
    '/__lb/?a=%zz',
    '/__lb/stats?pretty',
    '/__lb/live?',
    '/__lb/ready?a=%zz'
  ]) {
    client.send(request(target))
    t.equal(statusOf(await client.response()), 200, `${target}: a query changes nothing`)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE']) {
    client.send(request('/__lb/stats', method))
    t.equal(statusOf(await client.response()), 404, method)
  }
  t.equal(backend.requests.length, 0)
})

test('a body for the administration does no harm', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  for (const [path, status] of [
    ['/__lb/live', 200],
    ['/__lb/nosuch', 404]
  ] as const) {
    client.send(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello`
    )
    t.equal(statusOf(await client.response()), status)
  }
  client.send(request('/'))
  t.equal(statusOf(await client.response()), 200, 'the connection goes on')
  t.equal(backend.requests.length, 1)
})

test('HEAD is GET without the body', async (t) => {
  const { port } = await startBalancer(t, [await scripted(t, answering(OK))])
  const client = await RawClient.open(t, port)
  for (const path of ['/__lb/stats', '/__lb/live', '/__lb/ready']) {
    client.send(request(path, 'HEAD'))
    const response = await client.response({ head: true })
    t.equal(statusOf(response), 200)
    t.ok(Number(fieldValue(response.fields, 'content-length')) > 0)
    t.match(fieldValue(response.fields, 'content-type'), 'application/json')
  }
  client.send(request('/__lb/nosuch', 'HEAD'))
  t.equal(statusOf(await client.response({ head: true })), 404)
  t.equal(client.received.length, 0)
})

test('of several pools one has to be ready, or each that is asked for', async (t) => {
  const { port, pools } = await startRoutes(t, {
    pools: { web: { backends: ['127.0.0.1:1'] }, api: { backends: ['127.0.0.1:2'] } },
    routes: [{ pool: 'web' }]
  })
  const status = async (query: string) => statusOf(await exchange(t, port, request(`/__lb/ready${query}`)))
  t.same(await Promise.all(['', '?pool=web', '?pool=web&pool=api'].map(status)), [200, 200, 200])
  const { registry } = pools()[0]!
  registry.setState(registry.backends[0]!, 'unhealthy', 'test')
  t.same(await Promise.all(['', '?pool=api', '?other=x'].map(status)), [200, 200, 200])
  const queries = ['?pool=web', '?pool=api&pool=web', '?pool=none', '?pool=']
  t.same(await Promise.all(queries.map(status)), [503, 503, 503, 503])
})

test('live says that the process runs, ready that requests would be served', async (t) => {
  const { port, registry } = await startBalancer(t, [await refusing(t)])
  const shown = async (path: string) => {
    const response = await exchange(t, port, request(path))
    t.equal(fieldValue(response.fields, 'cache-control'), 'no-store')
    return [statusOf(response), json(response)]
  }
  t.same(await shown('/__lb/live'), [200, { status: 'live' }])
  t.same(await shown('/__lb/ready'), [200, { status: 'ready' }])
  registry.setState(registry.backends[0]!, 'unhealthy', 'test')
  t.same(await shown('/__lb/ready'), [503, { status: 'not ready', reason: 'no backend is eligible' }])
  t.same(await shown('/__lb/live'), [200, { status: 'live' }])
  registry.setState(registry.backends[0]!, 'healthy', 'test')
  t.same(await shown('/__lb/ready'), [200, { status: 'ready' }])
  registry.startDraining()
  t.same(await shown('/__lb/ready'), [503, { status: 'not ready', reason: 'draining' }])
  t.same(await shown('/__lb/live'), [200, { status: 'live' }])
  t.equal(json(await exchange(t, port, request('/__lb/stats'))).state, 'draining')
})

const EVIL = 'rebound.evil.example'
const READS = ['', 'stats', 'metrics', 'events', 'api/', 'api/openapi.json', 'api/backends', 'page/app.js']
const OPEN = ['live', 'ready']

const pageOf = (page: string, host: string, ...fields: string[]) =>
  [`GET /__lb/${page} HTTP/1.1`, `Host: ${host}`, ...fields, '', ''].join('\r\n')
const ask = (t: Test, port: number, page: string, ...hosts: string[]) =>
  exchange(t, port, pageOf(page, hosts.join('\r\nHost: ')))
const answerOf = ({ body }: Message) => JSON.parse(`${body}`)
const warnings = ({ log }: { log: readonly { level: number; msg: string }[] }) =>
  log.filter(({ level, msg }) => level === 40 && msg.includes('LB_ADMIN_HOSTS')).map(({ msg }) => msg)

for (const [where, env] of [
  ['on the port of all', {}],
  ['on a port of its own', { LB_ADMIN_PORT: '0' }]
] as const) {
  test(`${where}, what is asked for by the name of another site is refused, and told once`, async (t) => {
    const balancer = await startBalancer(t, 'a.example:80', { ...WITH_TOKEN, ...env })
    const { adminPort } = balancer
    for (const page of READS) {
      const response = await ask(t, adminPort, page, `${EVIL}:${adminPort}`)
      t.equal(response.startLine, 'HTTP/1.1 421 Misdirected Request', page)
      t.same(answerOf(response), {
        statusCode: 421,
        code: 'LB_FOREIGN_HOST',
        error: 'Misdirected Request',
        message: 'This host is not known to be the balancer: list it in LB_ADMIN_HOSTS if it is'
      })
    }
    for (const page of OPEN) t.equal(statusOf(await ask(t, adminPort, page, EVIL)), 200, page)
    t.same(warnings(balancer), [
      `Pages of /__lb/ are not shown to requests for the host "${EVIL}:${adminPort}", which could be another site's: ` +
        'LB_ADMIN_HOSTS lists more that are its own'
    ])
  })
}

test('addresses, private names and the names of this machine are accepted as hosts', async (t) => {
  const balancer = await startBalancer(t, 'a.example:80')
  const { port } = balancer
  for (const host of [
    '127.0.0.1',
    `127.0.0.1:${port}`,
    '[::1]:1',
    'localhost',
    'fairlead:8000',
    hostname(),
    'lb.default.svc.'
  ])
    t.equal(statusOf(await ask(t, port, 'stats', host)), 200, host)
  for (const bytes of ['GET /__lb/stats HTTP/1.0\r\n\r\n', 'GET /__lb/stats HTTP/1.1\r\nHost:\r\n\r\n'])
    t.equal(statusOf(await exchange(t, port, bytes)), 200, 'a browser names one always')
  t.same(warnings(balancer), [])
})

test('LB_ADMIN_HOSTS lists more names', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80', {
    LB_ADMIN_HOSTS: 'LB.corp.example. *.ops.example, 10.0.0.1'
  })
  for (const [host, status] of [
    ['lb.corp.example:8000', 200],
    ['LB.Corp.Example.', 200],
    ['a.ops.example', 200],
    ['ops.example', 421],
    ['corp.example', 421],
    ['localhost', 200]
  ] as const)
    t.equal(statusOf(await ask(t, port, 'metrics', host)), status, host)
  const any = await startBalancer(t, 'a.example:80', { LB_ADMIN_HOSTS: '*' })
  t.equal(statusOf(await ask(t, any.port, 'metrics', EVIL)), 200)
})

test('a change by the name of another site is rejected, unless it has the token', async (t) => {
  const { port, registry } = await startBalancer(t, 'a.example:80 b.example:80', WITH_TOKEN)
  const remove = (host: string, ...fields: string[]) =>
    exchange(t, port, pageOf('api/backends/b.example:80', host, ...fields).replace('GET', 'DELETE'))
  const rebound = [`Origin: http://${EVIL}`, 'Sec-Fetch-Site: same-origin']
  t.equal(statusOf(await remove(EVIL, ...rebound)), 421)
  t.equal(statusOf(await remove(EVIL, ...rebound, `Authorization: Bearer ${TOKEN}x`)), 421)
  t.equal(registry.backends.length, 2)
  const known = `Authorization: Bearer ${TOKEN}`
  t.equal(statusOf(await exchange(t, port, pageOf('stats', EVIL, known))), 200, 'no page has the token')
  t.equal(statusOf(await exchange(t, port, pageOf('stats', EVIL, known, 'Authorization: Basic eDp5'))), 421)
  t.equal(statusOf(await remove(EVIL, ...rebound, known)), 204)
})

/** A malformed request has no answer. */
const RESET = 0

test('over HTTP/2 :authority counts, and Host must be the same', async (t) => {
  const balancer = await startBalancer(t, 'a.example:80', { LB_H2C: 'true' })
  const client = await Http2Client.open(t, balancer.port)
  for (const [fields, status] of [
    [{ ':authority': EVIL }, 421],
    [{ ':authority': 'localhost:80' }, 200],
    [{ ':authority': 'localhost', host: EVIL }, RESET],
    [{ ':authority': EVIL, host: 'localhost' }, RESET],
    [{ ':authority': 'localhost', host: 'LOCALHOST' }, 200]
  ] as const) {
    t.equal((await client.ask({ ':path': '/__lb/stats', ...fields })).status, status, JSON.stringify(fields))
    const { status: live } = await client.ask({ ':path': '/__lb/live', ...fields })
    t.equal(live, status === RESET ? RESET : 200)
  }
  t.equal(warnings(balancer).length, 1)
})

test('a pageOf with two hosts is rejected everywhere', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80')
  for (const page of [...READS, ...OPEN])
    for (const hosts of [
      ['localhost', EVIL],
      [EVIL, 'localhost'],
      ['localhost', 'localhost']
    ]) {
      const response = await ask(t, port, page, ...hosts)
      t.equal(statusOf(response), 400, page)
      t.equal(answerOf(response).code, 'LB_BAD_REQUEST')
    }
})

test('the host names in the log are limited in number and length', async (t) => {
  const balancer = await startBalancer(t, 'a.example:80')
  for (let i = 0; i < 120; i++) await ask(t, balancer.port, 'stats', `${i}.evil.example`)
  t.equal(warnings(balancer).length, 100)
  const other = await startBalancer(t, 'a.example:80')
  for (const host of [`${'x'.repeat(5000)}.evil.example`, 'evil.example"\u001b', '\u00e9.example'])
    t.equal(statusOf(await ask(t, other.port, 'stats', host)), host.includes('\u001b') ? 400 : 421)
  for (const line of warnings(other)) t.ok(line.length < 500)
})

test('addresses that may not read get 404, whatever the host', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80', { LB_ADMIN_ALLOW: '10.0.0.0/8' })
  for (const host of ['localhost', EVIL]) t.equal(statusOf(await ask(t, port, 'stats', host)), 404)
})

const requestOf = (target: string, method = 'GET', ...fields: string[]) =>
  [`${method} ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

/** The ways in which a client may say that it is another. */
const SPOOFED = [
  'X-Forwarded-For: 10.1.2.3',
  'Forwarded: for=10.1.2.3',
  'X-Real-IP: 10.1.2.3',
  'X-Forwarded-Host: 10.1.2.3'
]

test('metrics are in the text format of Prometheus, and HEAD is GET without them', async (t) => {
  const { port } = await startBalancer(t, [await scripted(t, answering(OK))])
  const client = await RawClient.open(t, port)
  for (const method of ['GET', 'HEAD']) {
    client.send(requestOf('/__lb/metrics?x=%zz', method))
    const { startLine, fields, body } = await client.response({ head: method === 'HEAD' })
    t.equal(startLine, 'HTTP/1.1 200 OK')
    t.equal(fieldValue(fields, 'content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    t.equal(fieldValue(fields, 'cache-control'), 'no-store')
    t.ok(Number(fieldValue(fields, 'content-length')) > 1000)
    if (method === 'GET') t.equal(readExposition(body.toString()).sum('fairlead_client_connections'), 1)
  }
  t.equal(client.received.length, 0)
})

test('metrics are for allowed addresses; others get 404, however they ask', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], {
    LB_ADMIN_ALLOW: '10.0.0.0/8 ::1',
    LB_TRUSTED_PROXIES: '127.0.0.0/8'
  })
  const client = await RawClient.open(t, port)
  const shown = async (target: string, method: string, fields: readonly string[] = []) => {
    client.send(requestOf(target, method, ...fields))
    const response = await client.response({ head: method === 'HEAD' })
    return [
      response.startLine,
      response.fields.filter(([name]) => name !== 'Date' && name !== 'date'),
      response.body
    ]
  }
  for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
    const none = await shown('/__lb/nosuch', method)
    t.equal(none[0], 'HTTP/1.1 404 Not Found')
    for (const target of [
      '/__lb/metrics',
      '/__lb/metrics?x',
      '/__lb/metrics/',
      '/__lb/%6detrics',
      '/__lb/METRICS'
    ])
      t.same(await shown(target, method), none, `${method} ${target}`)
    t.same(await shown('/__lb/metrics', method, SPOOFED), none, `${method}, spoofed`)
  }
  t.equal(backend.requests.length, 0)
})

test('metrics are at their exact path only', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const target of [
    '/__lb/metrics/',
    '/__lb/%6detrics',
    '/__lb//metrics',
    '/__lb/x/../metrics',
    '/__lb/metrics%3f'
  ])
    t.equal(statusOf(await exchange(t, port, requestOf(target))), 404, target)
  t.equal(statusOf(await exchange(t, port, requestOf('/__lb/metrics', 'POST'))), 404, 'POST')
  t.equal(backend.requests.length, 0)
  for (const target of ['/__lb%2fmetrics', '/metrics', '//__lb/metrics', 'http://x/__lb/metrics'])
    t.equal((await exchange(t, port, requestOf(target))).body.toString(), 'ok', `${target} is the backend’s`)
})
