import { rmSync } from 'node:fs'
import { BalancerCell } from '../../lib/pool/cells.js'
import { eventually, startBalancer, startRoutes, test, withoutChance } from '../helper.js'
import { LogFile } from '../support/access-log.js'
import { answering, OK, refusing, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { echo, openTunnel, switching } from '../support/tunnel.js'

const get = (target = '/', ...lines: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')
const logTo = ({ file }: LogFile, which = 'all') => ({ LB_ACCESS_LOG: which, LB_ACCESS_LOG_FILE: file })

test('a request has a line with all that became of it', async (t) => {
  const log = new LogFile(t)
  const backend = await scripted(t, (_request, socket) => setTimeout(() => socket.write(OK), 30))
  const { port } = await startBalancer(t, [backend], logTo(log))
  const beforeMs = Date.now()
  await exchange(
    t,
    port,
    'PUT /a?q=1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: my-"id"\r\nContent-Length: 5\r\n\r\nhello'
  )
  const [entry] = await log.entries(1)
  const { time, durationMs, backendMs, ...rest } = entry as Record<string, number>
  t.same(rest, {
    level: 30,
    msg: 'request',
    client: '127.0.0.1',
    method: 'PUT',
    target: '/a?q=1',
    version: '1.1',
    status: 200,
    backend: backend.address,
    attempts: 1,
    bytesIn: 5,
    bytesOut: 2,
    requestId: 'my-"id"'
  })
  t.ok(time! >= beforeMs && time! <= Date.now())
  t.ok(backendMs! >= 25 && durationMs! >= backendMs! && durationMs! < 2000, 'times in milliseconds')
})

test('a line names route and pool, as far as the request has come', async (t) => {
  const log = new LogFile(t)
  const backend = await scripted(t, answering(OK))
  const { port } = await startRoutes(
    t,
    {
      pools: { web: { backends: [backend.address] }, none: { backends: [(await refusing(t)).address] } },
      routes: [
        { match: { path: '/gone' }, respond: { status: 410 } },
        { name: 'office', match: { path: '/office' }, pool: 'web', allow: ['192.0.2.0/24'] },
        { match: { path: '/none' }, pool: 'none' },
        { match: { 'path-prefix': '/a' }, pool: 'web' }
      ]
    },
    logTo(log)
  )
  for (const [target, expected] of [
    ['/gone', { status: 410, route: 'route-1', pool: undefined }],
    ['/office', { status: 403, route: 'office', pool: 'web' }],
    ['/none', { status: 502, route: 'route-3', pool: 'none' }],
    ['/a/b', { status: 200, route: 'route-4', pool: 'web' }],
    ['/elsewhere', { status: 404, route: undefined, pool: undefined }],
    ['/a/..%2fgone', { status: 400, route: undefined, pool: undefined }]
  ] as const) {
    await exchange(t, port, get(target))
    const entries = await log.entries(log.text.split('\n').length)
    const { status, route, pool } = entries.at(-1)!
    t.same({ status, route, pool }, expected, target)
  }
})

test('the client is the one that a trusted proxy names', async (t) => {
  const log = new LogFile(t)
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { ...logTo(log), LB_TRUSTED_PROXIES: '127.0.0.1' })
  await exchange(t, port, get('/', 'X-Forwarded-For: 192.0.2.1, 192.0.2.7'))
  t.match(await log.entries(1), [{ client: '192.0.2.7' }])
})

test('attempts are counted, and what came of them', async (t) => {
  withoutChance(t)
  const log = new LogFile(t)
  const other = await scripted(t, answering('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'))
  const { port } = await startBalancer(t, [await refusing(t), other], logTo(log))
  await exchange(t, port, get())
  t.match(await log.entries(1), [{ status: 404, attempts: 2, backend: /^127/ }])
})

test('refused requests have lines too, whoever refuses them', async (t) => {
  const log = new LogFile(t)
  const holding = await scripted(t, () => {})
  const balancer = await startBalancer(t, [holding], { ...logTo(log), LB_MAX_CONNECTIONS: '1' })
  const { port, registry } = balancer
  const refused = [
    ['CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 501, 'LB_UNKNOWN_METHOD', 'a:1'],
    [get('/e', 'Expect: much'), 417, 'LB_EXPECTATION', '/e'],
    [get('/h', 'Host: y'), 400, 'LB_BAD_REQUEST', '/h'],
    [get('/__lb/live', 'Connection: Upgrade', 'Upgrade: test'), 400, 'LB_BAD_REQUEST', '/__lb/live'],
    ['TRACE /t HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n', 405, 'LB_NO_TRACE', '/t'],
    ['OPTIONS /o HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n', 200, undefined, '/o']
  ] as const
  let lines = 0
  for (const [bytes, status, code, target] of refused) {
    const { body } = await exchange(t, port, bytes)
    const entry = (await log.entries(++lines)).at(-1)!
    t.match(entry, { status, target, backend: null, backendMs: null, attempts: 0, bytesOut: body.length })
    t.equal(entry.code, code)
  }
  t.equal(
    registry.counters.total(BalancerCell.rejectedRequest),
    5,
    'all but the one with 200 count as refused'
  )
  const waiting = await RawClient.open(t, port)
  waiting.send(get())
  await eventually(() => registry.inFlight === 1)
  await exchange(t, port, get('/busy'))
  t.match((await log.entries(++lines)).at(-1), { status: 503, target: '/busy', code: 'LB_OVERLOADED' })
  waiting.abort()
  t.match((await log.entries(++lines)).at(-1), { status: 499, aborted: true, attempts: 1, backend: null })
  await eventually(() => registry.inFlight === 0)
  registry.setState(registry.backends[0]!, 'unhealthy', 'test')
  // Those of the balancer's own pages would come first.
  await exchange(t, port, get('/__lb/live'))
  await exchange(t, port, 'HEAD /none HTTP/1.1\r\nHost: x\r\n\r\n', { head: true })
  t.match((await log.entries(++lines)).at(-1), {
    status: 503,
    target: '/none',
    code: 'LB_NO_BACKEND',
    bytesOut: 0
  })
  t.equal((await log.lines(lines)).length, lines)
})

test('so have those of clients that are denied, or send too much', async (t) => {
  const log = new LogFile(t)
  const backend = await scripted(t, answering(OK))
  const options = { LB_TRUSTED_PROXIES: '127.0.0.1', LB_DENY: '192.0.2.1', LB_RATE_LIMIT: '1/h' }
  const { port } = await startBalancer(t, [backend], { ...logTo(log), ...options })
  const sent = [
    ['/denied', '192.0.2.1', 403, 'LB_DENIED'],
    ['/first', '192.0.2.2', 200, undefined],
    ['/second', '192.0.2.2', 429, 'LB_RATE_LIMITED']
  ] as const
  let lines = 0
  for (const [target, client, status, code] of sent) {
    const { body } = await exchange(t, port, get(target, `X-Forwarded-For: ${client}`))
    const entry = (await log.entries(++lines)).at(-1)!
    t.match(entry, { status, target, client, bytesOut: body.length })
    t.equal(entry.code, code)
  }
})

test('an answer that breaks, or that its client does not wait for, is told from a whole one', async (t) => {
  const log = new LogFile(t)
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello'
  const backend = await scripted(t, ({ startLine }, socket) => {
    socket.write(head)
    if (startLine.includes('/break')) setTimeout(() => socket.resetAndDestroy(), 20)
  })
  const { port } = await startBalancer(t, [backend], logTo(log))
  for (const [target, code, leave] of [
    ['/break', 'LB_CONNECTION_LOST', () => {}],
    ['/leave', undefined, (client: RawClient) => client.abort()]
  ] as const) {
    const client = await RawClient.open(t, port)
    client.send(get(target))
    await client.until((text) => text.endsWith('hello'))
    leave(client)
    await client.untilClosed()
    await eventually(() => log.text.includes(target))
    const entry = (await log.entries(1)).at(-1)!
    t.match(entry, { target, status: 200, aborted: true, bytesOut: 5, backend: backend.address })
    t.equal(entry.code, code)
  }
})

test('a tunnel has one line, when it ends', async (t) => {
  const log = new LogFile(t)
  const balancer = await startBalancer(t, [await switching(t, echo)], logTo(log))
  const client = await openTunnel(t, balancer)
  client.send('hello')
  await client.until((text) => text === 'hello')
  t.equal(log.text, '')
  client.socket.end()
  const [entry] = await log.entries(1)
  t.match(entry, { status: 101, tunnel: true, bytesIn: 5, bytesOut: 5 })
  t.notOk('aborted' in entry!)
})

test('only errors, and a share of the others', async (t) => {
  const { random } = Math
  const log = new LogFile(t)
  const backend = await scripted(t, ({ startLine }, socket) =>
    socket.write(startLine.includes('/500') ? 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n' : OK)
  )
  const send = async (port: number) => {
    for (const target of ['/1', '/500', '/2']) await exchange(t, port, get(target))
    await exchange(t, port, get('/e', 'Expect: much'))
    await exchange(t, port, get('/last'))
  }
  const logged = async (which: string, chance: number, count: number) => {
    const { port, fastify } = await startBalancer(t, [backend], logTo(log, which))
    Math.random = () => chance
    await send(port)
    Math.random = random
    await fastify.close()
    const targets = (await log.entries(count)).map(({ target }) => target)
    t.equal(targets.length, count)
    rmSync(log.file)
    return targets
  }
  t.same(await logged('errors', 0, 2), ['/500', '/e'])
  t.same(await logged('errors+50%', 0.5, 2), ['/500', '/e'])
  t.same(await logged('errors+50%', 0.49, 5), ['/1', '/500', '/2', '/e', '/last'])
  t.same(await logged('50%', 0.49, 5), ['/1', '/500', '/2', '/e', '/last'])
})

test('no secret gets into it', async (t) => {
  for (const format of ['json', 'combined']) {
    const log = new LogFile(t)
    const backend = await scripted(
      t,
      answering('HTTP/1.1 200 OK\r\nSet-Cookie: S3CRET\r\nContent-Length: 0\r\n\r\n')
    )
    const { port } = await startBalancer(t, [backend], { ...logTo(log), LB_ACCESS_LOG_FORMAT: format })
    const lines = [
      'Authorization: Basic S3CRET',
      'Proxy-Authorization: S3CRET',
      'Cookie: a=S3CRET',
      'X-Api-Key: S3CRET',
      'Referer: http://me:S3CRET@x/?code=S3CRET',
      'User-Agent: test\t"\xff"'
    ]
    await exchange(t, port, get('/a?token=S3CRET&b="', ...lines))
    await exchange(t, port, get('http://me:S3CRET@x/?password=S3CRET', ...lines))
    const text = (await log.lines(2)).join('\n')
    t.notMatch(text, /S3CRET/)
    t.match(text, /token=\*\*\*&b=/)
    t.match(text, /^[\n\x20-\x7e]*$/, 'nor anything that a terminal would act on')
  }
})

test('without it, nothing is written', async (t) => {
  const log = new LogFile(t)
  const backend = await scripted(t, answering(OK))
  const { port, fastify } = await startBalancer(t, [backend], logTo(log, 'off'))
  await exchange(t, port, get())
  await fastify.close()
  t.equal(log.text, '')
})
