import { hostname } from 'node:os'
import type { Test } from 'tap'
import { startBalancer, test } from '../helper.js'
import { TOKEN, WITH_TOKEN } from '../support/api.js'
import { Http2Client } from '../support/http2-client.js'
import { exchange } from '../support/raw-client.js'
import { type Message, statusOf } from '../support/wire.js'

const EVIL = 'rebound.evil.example'
const READS = ['', 'stats', 'metrics', 'events', 'api/', 'api/openapi.json', 'api/backends', 'page/app.js']
const OPEN = ['live', 'ready']

const request = (page: string, host: string, ...fields: string[]) =>
  [`GET /__lb/${page} HTTP/1.1`, `Host: ${host}`, ...fields, '', ''].join('\r\n')
const ask = (t: Test, port: number, page: string, ...hosts: string[]) =>
  exchange(t, port, request(page, hosts.join('\r\nHost: ')))
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
    exchange(t, port, request('api/backends/b.example:80', host, ...fields).replace('GET', 'DELETE'))
  const rebound = [`Origin: http://${EVIL}`, 'Sec-Fetch-Site: same-origin']
  t.equal(statusOf(await remove(EVIL, ...rebound)), 421)
  t.equal(statusOf(await remove(EVIL, ...rebound, `Authorization: Bearer ${TOKEN}x`)), 421)
  t.equal(registry.backends.length, 2)
  const known = `Authorization: Bearer ${TOKEN}`
  t.equal(statusOf(await exchange(t, port, request('stats', EVIL, known))), 200, 'no page has the token')
  t.equal(statusOf(await exchange(t, port, request('stats', EVIL, known, 'Authorization: Basic eDp5'))), 421)
  t.equal(statusOf(await remove(EVIL, ...rebound, known)), 204)
})

test('over HTTP/2 :authority counts, and Host must be the same', async (t) => {
  const balancer = await startBalancer(t, 'a.example:80', { LB_H2C: 'true' })
  const client = await Http2Client.open(t, balancer.port)
  for (const [fields, status] of [
    [{ ':authority': EVIL }, 421],
    [{ ':authority': 'localhost:80' }, 200],
    [{ ':authority': 'localhost', host: EVIL }, 400],
    [{ ':authority': EVIL, host: 'localhost' }, 400],
    [{ ':authority': 'localhost', host: 'LOCALHOST' }, 200]
  ] as const) {
    t.equal((await client.ask({ ':path': '/__lb/stats', ...fields })).status, status, JSON.stringify(fields))
    const { status: live } = await client.ask({ ':path': '/__lb/live', ...fields })
    t.equal(live, status === 400 ? 400 : 200)
  }
  t.equal(warnings(balancer).length, 1)
})

test('a request with two hosts is rejected everywhere', async (t) => {
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
