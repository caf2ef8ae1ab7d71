import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import type { Test } from 'tap'
import { statisticsSchema } from '../../routes/lb/stats-schema.js'
import { type Balancer, eventually, inFlight, startBalancer, test, withoutChance } from '../helper.js'
import { histogramFaults, requestCounts, scrape } from '../support/metrics.js'
import { answering, OK, refusing, type Script, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { holding } from '../support/stack.js'
import { echo, openTunnel, switching } from '../support/tunnel.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const getPage = (path: string, ...fields: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')
const json = (response: Message) => JSON.parse(response.body.toString())

const ajv = new Ajv({ allowUnionTypes: true })
addFormats.default(ajv)
const isValid = ajv.compile(statisticsSchema)

/** Every path to a value, so that two shapes can be compared. */
function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, `${path}/${key}`))
}

test('the statistics match their schema, with every value', async (t) => {
  const backends = [await scripted(t, answering(OK)), await refusing(t)]
  const balancer = await startBalancer(t, backends, {
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_PERIOD: '5'
  })
  const { port } = balancer
  for (let i = 0; i < 3; i++) await exchange(t, port, getPage('/'))
  await eventually(() => balancer.registry.inFlight === 0)
  const response = await exchange(t, port, getPage('/__lb/stats'))
  t.equal(statusOf(response), 200)
  t.equal(fieldValue(response.fields, 'content-type'), 'application/json; charset=utf-8')
  t.equal(fieldValue(response.fields, 'cache-control'), 'no-store')
  const shown = json(response)
  t.ok(isValid(shown), JSON.stringify(isValid.errors))
  t.same(pathsOf(shown), pathsOf(balancer.stats()), 'nothing is left out')
  t.match(shown, {
    state: 'serving',
    requests: { total: 3, inFlight: 0 },
    backends: [
      {
        id: 0,
        address: backends[0]!.address,
        url: `http://${backends[0]!.address}`,
        weight: 1,
        state: 'healthy',
        total: 3
      },
      { id: 1, state: 'unhealthy', reason: 'check failed: connection refused', total: 0 }
    ]
  })
  t.match(shown.backends[0].lastCheck, { ok: true, result: 'status 200' })
  t.match(shown.backends[1].lastCheck, { ok: false, result: 'connection refused' })
})

test('before the first check there is no result of one', async (t) => {
  const { port } = await startBalancer(t, [await scripted(t, answering(OK))])
  const shown = json(await exchange(t, port, getPage('/__lb/stats')))
  t.ok(isValid(shown), JSON.stringify(isValid.errors))
  t.equal(shown.backends[0].lastCheck, null)
})

interface Schema {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

test('the schema documents every value', async (t) => {
  const check = (schema: Schema, path: string) => {
    const inner = Object.entries(schema.properties ?? {})
    for (const [name, property] of inner) check(property, `${path}/${name}`)
    if (schema.items) check(schema.items, `${path}[]`)
    if (inner.length === 0 && !schema.items) t.ok(schema.description, `${path} is described`)
  }
  check(statisticsSchema as Schema, '')
})

test('statistics are for allowed addresses; others get 404', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_ADMIN_ALLOW: '10.0.0.0/8 ::1' })
  const spoofed = ['X-Forwarded-For: 10.1.2.3', 'Forwarded: for=10.1.2.3', 'X-Real-IP: 10.1.2.3']
  const shown = async (path: string) => {
    const { startLine, fields, body } = await exchange(t, port, getPage(path, ...spoofed))
    return {
      startLine,
      fields: fields.filter(([name]) => name.toLowerCase() !== 'date'),
      body: body.toString()
    }
  }
  const refused = await shown('/__lb/stats')
  t.match(refused.startLine, 'HTTP/1.1 404 Not Found')
  t.same(refused, await shown('/__lb/nosuch'), 'like any page that there is not')
  for (const path of ['/__lb/live', '/__lb/ready']) {
    t.equal(statusOf(await exchange(t, port, getPage(path))), 200, `${path} is for everyone`)
  }
  t.equal(backend.requests.length, 0)
})

test('allowed ranges are those of LB_ADMIN_ALLOW', async (t) => {
  const backend = await scripted(t, answering(OK))
  for (const [allow, status] of [
    ['127.0.0.1', 200],
    ['127.0.0.0/31 10.0.0.1', 200],
    ['127.0.0.2', 404],
    ['::1', 404],
    ['0.0.0.0/0', 200]
  ] as const) {
    const { port } = await startBalancer(t, [backend], { LB_ADMIN_ALLOW: allow })
    t.equal(statusOf(await exchange(t, port, getPage('/__lb/stats'))), status, allow)
  }
})

const request = (method: string, target = '/', ...fields: string[]) =>
  [`${method} ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

/** Answers with the status that the target says. */
const asAsked: Script = ({ startLine }, socket) => {
  const [, status] = /^[A-Z-]+ \/(\d+) /.exec(startLine)!
  socket.write(`HTTP/1.1 ${status} As Asked\r\n${status === '204' ? '' : 'Content-Length: 0\r\n'}\r\n`)
}

/** What is exposed once nothing is under way: each request that came is in it once. */
async function settled(t: Test, balancer: Balancer) {
  await eventually(() => inFlight(balancer).every((count) => count === 0))
  const exposed = await scrape(balancer.port)
  const total = exposed.sum('fairlead_requests_total') ?? 0
  t.equal(total, balancer.stats().requests.total, 'each request is counted once')
  t.equal(exposed.sum('fairlead_request_duration_seconds_count'), total, 'each has lasted')
  t.same(histogramFaults(exposed), [])
  return exposed
}

test('the library is loaded on the first scrape, and again if that failed', async (t) => {
  const id = require.resolve('prom-client')
  const balancer = await startBalancer(t, [await scripted(t, answering(OK))])
  await exchange(t, balancer.port, request('GET'))
  t.notOk(id in require.cache)
  const unreadable = {
    get exports() {
      throw new Error('EMFILE: too many open files')
    }
  }
  require.cache[id] = Object.assign(Object.create(unreadable), { loaded: true, children: [] })
  await t.rejects(scrape(balancer.port), /status 500/)
  delete require.cache[id]
  t.equal((await settled(t, balancer)).sum('fairlead_requests_total'), 1)
  t.ok(id in require.cache)
})

test('requests are counted by backend, method and status', async (t) => {
  const backend = await scripted(t, asAsked)
  const balancer = await startBalancer(t, [backend])
  for (const [method, status] of [
    ['GET', 200],
    ['GET', 206],
    ['GET', 500],
    ['HEAD', 200],
    ['POST', 201],
    ['PUT', 404],
    ['PATCH', 409],
    ['DELETE', 204],
    ['OPTIONS', 301],
    ['PROPFIND', 207],
    ['M-SEARCH', 200],
    ['LINK', 999]
  ] as const)
    await exchange(t, balancer.port, request(method, `/${status}`), { head: method === 'HEAD' })
  const of = (text: string) => `${backend.address} ${text}`
  const exposed = await settled(t, balancer)
  t.same(
    requestCounts(exposed),
    [
      of('GET 2xx: 2'),
      of('GET 5xx: 1'),
      of('HEAD 2xx: 1'),
      of('POST 2xx: 1'),
      of('PUT 4xx: 1'),
      of('PATCH 4xx: 1'),
      of('DELETE 2xx: 1'),
      of('OPTIONS 3xx: 1'),
      of('other 2xx: 2'),
      of('other 5xx: 1')
    ].sort()
  )
  t.equal(exposed.sum('fairlead_backend_duration_seconds_count'), 12)
})

test('a retried request is counted once, for the backend that answered', async (t) => {
  withoutChance(t)
  const backends = [await refusing(t), await scripted(t, answering(OK))]
  const [first, second] = backends.map(({ address }) => ({ backend: address }))
  const balancer = await startBalancer(t, backends)
  t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 200)
  const exposed = await settled(t, balancer)
  t.same(requestCounts(exposed), [`${second!.backend} GET 2xx: 1`])
  const both = (name: string, labels = {}) =>
    [first, second].map((backend) => exposed.sum(`fairlead_backend_${name}`, { ...backend, ...labels }))
  t.same(both('attempts_total'), [1, 1])
  t.same(both('failures_total'), [1, 0])
  t.same(both('retries_total'), [1, 0])
  t.same(both('duration_seconds_count'), [0, 1])
  t.same(both('health_transitions_total', { to: 'unhealthy' }), [1, 0])
  t.same(both('state', { state: 'unhealthy' }), [1, 0])
  t.same(both('eligible'), [0, 1])
})

test('an answer that is retried counts for the backend, not for the request', async (t) => {
  withoutChance(t)
  const backends = [await scripted(t, () => {}), await scripted(t, answering(OK))]
  const [failing, well] = backends.map(({ address }) => address)
  const balancer = await startBalancer(t, backends, { LB_RETRY_STATUS: '503' })
  const client = await RawClient.open(t, balancer.port)
  client.send(request('GET'))
  await eventually(() => backends[0]!.requests.length === 1)
  for (const socket of backends[0]!.sockets) socket.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n')
  t.equal(statusOf(await client.response()), 200)
  const exposed = await settled(t, balancer)
  t.same(requestCounts(exposed), [`${well} GET 2xx: 1`])
  t.equal(exposed.sum('fairlead_backend_duration_seconds_count', { backend: failing! }), 1)
  t.equal(exposed.sum('fairlead_backend_duration_seconds_count', { backend: well! }), 1)
})

test('a request that no backend answered is counted for none', async (t) => {
  const balancer = await startBalancer(t, [await refusing(t)])
  t.equal(statusOf(await exchange(t, balancer.port, request('GET'))), 502)
  t.same(requestCounts(await settled(t, balancer)), ['none GET 5xx: 1'])
})

test('a client that leaves before the answer is counted as none, later by the status of the answer', async (t) => {
  const { backend, held } = await holding(t)
  const balancer = await startBalancer(t, [backend])
  for (const leave of ['destroy', 'resetAndDestroy'] as const) {
    const client = await RawClient.open(t, balancer.port)
    // Of pipelined requests, too, each is counted.
    client.send(request('GET') + request('DELETE'))
    await eventually(() => held.length === 2)
    client.socket[leave]()
    await eventually(() => balancer.registry.inFlight === 0)
    held.splice(0)
  }
  const reader = await RawClient.open(t, balancer.port)
  reader.send(request('PUT'))
  await eventually(() => held.length === 1)
  held[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
  await reader.until((text) => text.endsWith('hello'))
  reader.abort()
  t.same(requestCounts(await settled(t, balancer)), [
    `${backend.address} PUT 2xx: 1`,
    'none DELETE none: 2',
    'none GET none: 2'
  ])
})

test('a tunnel is counted once, when it begins', async (t) => {
  const backend = await switching(t, echo)
  const balancer = await startBalancer(t, [backend])
  const count = [`${backend.address} GET 1xx: 1`]
  const client = await openTunnel(t, balancer)
  const open = await scrape(balancer.port)
  t.same(requestCounts(open), count)
  t.equal(open.sum('fairlead_tunnels_open'), 1)
  t.equal(open.sum('fairlead_requests_in_flight'), 1)
  client.socket.destroy()
  const over = await settled(t, balancer)
  t.same(requestCounts(over), count)
  t.equal(over.sum('fairlead_tunnels_open'), 0)
  t.equal(
    over.sum('fairlead_request_duration_seconds_sum'),
    open.sum('fairlead_request_duration_seconds_sum'),
    'how long it was open is not how long its request took'
  )
})

async function refused(t: Test, { port }: Balancer, status: number, bytes: string): Promise<void> {
  t.equal(statusOf(await exchange(t, port, bytes)), status, bytes)
}

test('rejected requests are counted by reason', async (t) => {
  const { backend, held, answer } = await holding(t)
  const balancer = await startBalancer(t, `${backend.address};max=1`, {
    LB_MAX_CONNECTIONS: '2',
    LB_QUEUE_TIMEOUT: '1.5'
  })
  const wrong = [
    [400, request('GET', '/', 'Transfer-Encoding: gzip, chunked')],
    [417, request('GET', '/', 'Expect: 200-ok')],
    [501, 'DESCRIBE / RTSP/1.0\r\nHost: x\r\n\r\n'],
    [501, request('CONNECT', 'x:80')],
    [405, request('TRACE', '/', 'Max-Forwards: 0')]
  ] as const
  for (const [status, bytes] of wrong) await refused(t, balancer, status, bytes)
  const first = await RawClient.open(t, balancer.port)
  first.send(request('GET'))
  await eventually(() => held.length === 1)
  const second = await RawClient.open(t, balancer.port)
  second.send(request('GET'))
  await eventually(() => balancer.stats().requests.queued === 1)
  t.equal((await scrape(balancer.port)).sum('fairlead_requests_queued'), 1)
  await refused(t, balancer, 503, request('POST'))
  t.equal(statusOf(await second.response()), 503)
  answer()
  t.equal(statusOf(await first.response()), 200)
  balancer.registry.setState(balancer.registry.backends[0]!, 'unhealthy', 'test')
  await refused(t, balancer, 503, request('DELETE'))
  const exposed = await settled(t, balancer)
  const reasons = exposed.samples
    .filter(({ name, value }) => name === 'fairlead_requests_rejected_total' && value > 0)
    .map(({ labels: { reason }, value }) => `${reason}: ${value}`)
  t.same(reasons, ['overload: 1', 'no_backend: 1', 'queue_timeout: 1', 'bad_request: 5'])
  t.same(requestCounts(exposed), [
    `${backend.address} GET 2xx: 1`,
    'none DELETE 5xx: 1',
    'none GET 4xx: 2',
    'none GET 5xx: 1',
    'none POST 5xx: 1',
    'none other 4xx: 1',
    'none other 5xx: 2'
  ])
})

test('requests are counted by reason when the queue is full, or no backend is available in time', async (t) => {
  const { backend, held, answer } = await holding(t)
  const balancer = await startBalancer(t, `${backend.address};max=1`, {
    LB_QUEUE_SIZE: '1',
    LB_OUTAGE_TIMEOUT: '0.2'
  })
  const clients = [await RawClient.open(t, balancer.port), await RawClient.open(t, balancer.port)]
  for (const [i, client] of clients.entries()) {
    client.send(request('GET'))
    await eventually(() => balancer.registry.inFlight === i + 1)
  }
  await refused(t, balancer, 503, request('GET'))
  for (const client of clients) {
    await eventually(() => held.length === 1)
    answer()
    await client.response()
  }
  balancer.registry.setState(balancer.registry.backends[0]!, 'unhealthy', 'test')
  await refused(t, balancer, 503, request('GET'))
  const exposed = await settled(t, balancer)
  t.equal(exposed.sum('fairlead_requests_rejected_total', { reason: 'queue_full' }), 1)
  t.equal(exposed.sum('fairlead_requests_rejected_total', { reason: 'outage_timeout' }), 1)
  t.equal(exposed.sum('fairlead_requests_rejected_total'), 2)
  t.same(requestCounts(exposed), [`${backend.address} GET 2xx: 2`, 'none GET 5xx: 2'])
})

test('an ejected backend is shown as such', async (t) => {
  const failing = await scripted(t, answering('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'))
  const balancer = await startBalancer(t, [failing, await scripted(t, answering(OK))])
  const ejected = balancer.registry.backends[0]!
  for (let i = 0; i < 100 && !ejected.ejected; i++) await exchange(t, balancer.port, request('GET'))
  const exposed = await settled(t, balancer)
  t.equal(exposed.sum('fairlead_backend_ejections_total', { backend: failing.address }), 1)
  t.equal(exposed.sum('fairlead_backend_ejections_total'), 1)
  t.equal(exposed.sum('fairlead_backend_state', { backend: failing.address, state: 'ejected' }), 1)
  t.equal(exposed.sum('fairlead_backend_eligible', { backend: failing.address }), 0)
  const failed = { backend: failing.address, code: '5xx' }
  t.equal(exposed.sum('fairlead_requests_total', failed), failing.requests.length)
})
