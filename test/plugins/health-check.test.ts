import { createServer } from 'node:http'
import type { Test } from 'tap'
import { type Balancer, eventually, type LogRecord, sleep, startBalancer, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { framed, onRequest } from '../support/frame-backend.js'
import { ALL_WELL, GrpcClient, grpcServer } from '../support/grpc.js'
import { healthServer, healthService } from '../support/grpc-health.js'
import { http2Backend } from '../support/http2-backend.js'
import { Type } from '../support/http2-frames.js'
import { listen } from '../support/listen.js'
import { OK, type RawBackend, refusing, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const CHECKED = {
  LB_NO_HEALTH_CHECK: 'false',
  LB_HEALTH_CHECK_PERIOD: '0.3',
  LB_HEALTH_CHECK_URL: '/health?deep=1',
  LB_HEALTH_CHECK_RISE: '2',
  LB_HEALTH_CHECK_FALL: '3'
}

const isCheck = ({ startLine }: Message) => startLine === 'GET /health?deep=1 HTTP/1.1'
const requests = (backend: RawBackend) => backend.requests.filter((request) => !isCheck(request)).length
const checks = (backend: RawBackend) => backend.requests.filter(isCheck)
const states = (log: LogRecord[]) =>
  log.filter(({ msg }) => msg.startsWith('Backend[')).map(({ msg }) => msg.replace(/127.0.0.1:\d+/, 'it'))

/** A backend that answers its checks as `health` says. */
async function checked(t: Test, health: { status: number }) {
  return scripted(t, (request, socket) => {
    const status = isCheck(request) ? health.status : 200
    if (status > 0) socket.write(`HTTP/1.1 ${status} S\r\nContent-Length: 2\r\n\r\nok`)
  })
}

test('the first check of each backend has ended before the first request', async (t) => {
  const [good, bad] = [await checked(t, { status: 200 }), await checked(t, { status: 500 })]
  const { port, log } = await startBalancer(t, [good, bad], { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '60' })
  t.equal(checks(good).length, 1)
  t.equal(checks(bad).length, 1)
  const [check] = checks(good)
  t.equal(fieldValue(check!.fields, 'host'), good.address)
  t.match(fieldValue(check!.fields, 'user-agent'), /^fairlead/)
  for (let i = 0; i < 10; i++) t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.same([requests(good), requests(bad)], [10, 0])
  t.same(states(log).sort(), [
    'Backend[0] it is HEALTHY, was checking: check passed: status 200',
    'Backend[1] it is UNHEALTHY, was checking: check failed: status 500'
  ])
})

test('a backend is unhealthy after three failed checks, and healthy after two passed ones', async (t) => {
  const health = { status: 200 }
  const [good, moody] = [await checked(t, { status: 200 }), await checked(t, health)]
  const { port, log, stats } = await startBalancer(t, [good, moody], CHECKED)
  const state = () => stats().backends[1]!.state
  health.status = 503
  await eventually(() => state() === 'unhealthy')
  const failing = checks(moody).length
  t.ok(failing >= 4, `${failing} checks`)
  const before = requests(moody)
  for (let i = 0; i < 10; i++) t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.equal(requests(moody), before, 'it gets no request')
  health.status = 204
  await eventually(() => state() === 'healthy')
  t.match(states(log).slice(2), [
    'Backend[1] it is UNHEALTHY, was healthy: 3 checks failed: status 503',
    'Backend[1] it is HEALTHY, was unhealthy: 2 checks passed: status 204'
  ])
})

test('a backend that does not answer its checks is unhealthy; the others are checked on time', async (t) => {
  const health = { status: 200 }
  const [good, frozen] = [await checked(t, { status: 200 }), await checked(t, health)]
  const { stats } = await startBalancer(t, [good, frozen], { ...CHECKED, LB_HEALTH_CHECK_TIMEOUT: '0.1' })
  health.status = 0
  const before = checks(good).length
  const start = performance.now()
  await eventually(() => stats().backends[1]!.state === 'unhealthy')
  t.equal(stats().backends[1]!.reason, '3 checks failed: no answer within 0.1 s')
  const due = Math.floor((performance.now() - start) / 330)
  t.ok(checks(good).length - before >= due - 2, 'the silence of one delays no other')
  t.ok(frozen.sockets.size <= 2, 'a check that got no answer is broken off')
})

test('a very slow check does not prevent the start', async (t) => {
  const [good, frozen] = [await checked(t, { status: 200 }), await checked(t, { status: 0 })]
  const { port, stats } = await startBalancer(t, [good, frozen], {
    ...CHECKED,
    LB_HEALTH_CHECK_PERIOD: '60',
    LB_HEALTH_CHECK_TIMEOUT: '60'
  })
  t.same(
    stats().backends.map(({ state }) => state),
    ['healthy', 'checking']
  )
  t.equal(statusOf(await exchange(t, port, GET)), 200)
})

test('when no backend passes its first check, the log says so once', async (t) => {
  const backends = await Promise.all([500, 500, 500].map((status) => checked(t, { status })))
  const { log } = await startBalancer(t, backends, { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '60' })
  t.equal(log.filter(({ level }) => level === 50).length, 1)
})

test('without a healthy backend 503 is answered, and the log has an error', async (t) => {
  const health = { status: 500 }
  const { port, log } = await startBalancer(t, [await checked(t, health)], CHECKED)
  t.equal(statusOf(await exchange(t, port, GET)), 503)
  t.ok(log.some(({ level, msg }) => level === 50 && /503 until one/.test(msg)))
  health.status = 200
  await eventually(async () => statusOf(await exchange(t, port, GET)) === 200)
})

test('no check is sent after the end', async (t) => {
  const backend = await checked(t, { status: 200 })
  const { fastify } = await startBalancer(t, [backend], CHECKED)
  await eventually(() => checks(backend).length >= 2)
  await fastify.close()
  const before = checks(backend).length
  await sleep(300)
  t.equal(checks(backend).length, before)
  t.equal(backend.sockets.size, 0, 'and no connection is left')
})

test('each backend is checked by its own options', async (t) => {
  const own = await scripted(t, ({ startLine }, socket) => {
    const status = startLine.startsWith('GET /own ') ? 404 : 200
    socket.write(`HTTP/1.1 ${status} S\r\nContent-Length: 2\r\n\r\nok`)
  })
  const [common, port] = [await checked(t, { status: 200 }), await checked(t, { status: 200 })]
  const unchecked = await checked(t, { status: 200 })
  const dead = await refusing(t)
  const { stats } = await startBalancer(
    t,
    [
      `${own.address};check=/own;check-host=own.example;check-status=404;check-period=60`,
      common.address,
      `${dead.address};check-port=${port.address.split(':')[1]}`,
      `${unchecked.address};no-check`
    ].join(','),
    CHECKED
  )
  t.same(
    stats().backends.map(({ state }) => state),
    ['healthy', 'healthy', 'healthy', 'healthy']
  )
  t.match(stats().backends[3], { reason: 'taken for healthy, as it is not checked' })
  await eventually(() => checks(common).length >= 4)
  t.same(
    own.requests.map(({ startLine, fields }) => [startLine, fieldValue(fields, 'host')]),
    [['GET /own HTTP/1.1', 'own.example']],
    'its period is its own'
  )
  t.ok(checks(port).length >= 2)
  t.equal(unchecked.connections, 0)
})

test('a backend without checks is unhealthy when it refuses a connection, and healthy when it accepts one', async (t) => {
  const [good, unchecked] = [await checked(t, { status: 200 }), await checked(t, { status: 500 })]
  const { port, stats } = await startBalancer(t, `${good.address} ${unchecked.address};no-check`, CHECKED)
  const state = () => stats().backends[1]!.state
  t.equal(state(), 'healthy')
  await unchecked.stop()
  await eventually(async () => {
    t.equal(statusOf(await exchange(t, port, GET)), 200)
    return state() === 'unhealthy'
  })
  await unchecked.listen()
  await eventually(() => state() === 'healthy')
  t.equal(stats().backends[1]!.reason, 'check passed: connection accepted')
  t.equal(checks(unchecked).length, 0)
})

test('a flapping backend is held back, and the log says so', async (t) => {
  const health = { status: 200 }
  const [good, moody] = [await checked(t, { status: 200 }), await checked(t, health)]
  const { log, stats } = await startBalancer(t, [good, moody], {
    ...CHECKED,
    LB_HEALTH_CHECK_PERIOD: '0.1',
    LB_HEALTH_CHECK_FALL: '1'
  })
  const backends = () => stats().backends
  for (let falls = 0; falls < 3; falls++) {
    health.status = 500
    await eventually(() => backends()[1]!.state === 'unhealthy')
    health.status = 200
    await eventually(() => backends()[1]!.state === 'healthy')
  }
  t.equal(backends()[1]!.reason, '4 checks passed after flapping: status 200')
  t.match(
    log.filter(({ msg }) => /held back/.test(msg)).map(({ msg }) => msg),
    [/^Backend\[1\] \S+ passes its checks: flapping, held back until 4 checks in a row pass$/]
  )
})

test('without health checks no backend is checked', async (t) => {
  const backend = await scripted(t, (_request, socket) => socket.write(OK))
  const { port } = await startBalancer(t, [backend], { LB_HEALTH_CHECK_PERIOD: '0.3' })
  await sleep(300)
  t.equal(backend.connections, 0)
  t.equal(statusOf(await exchange(t, port, GET)), 200)
})

test("an operator's orders are no flapping", async (t) => {
  const [good, other] = [await checked(t, { status: 200 }), await checked(t, { status: 200 })]
  const { registry } = await startBalancer(t, [good, other], { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '0.1' })
  const [, backend] = registry.backends
  for (let i = 0; i < 4; i++) {
    registry.force(backend!, 'unhealthy', 'test')
    registry.force(backend!, undefined, 'test')
    await eventually(() => backend!.state === 'healthy')
  }
  t.match(backend!.reason, /^\d+ checks passed: status 200$/)
})

test('a reset clears the flapping of a backend', async (t) => {
  const [good, other] = [await checked(t, { status: 200 }), await checked(t, { status: 200 })]
  const { registry } = await startBalancer(t, [good, other], { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '0.1' })
  const [, backend] = registry.backends
  for (let i = 0; i < 6; i++) {
    registry.setState(backend!, 'unhealthy', 'test')
    registry.setState(backend!, 'healthy', 'test')
  }
  registry.setState(backend!, 'unhealthy', 'test')
  await eventually(() => backend!.reason.startsWith('flapping'))
  registry.emit('reset', backend!)
  await eventually(() => backend!.state === 'healthy', 1000)
})

const CHECKED_BY_GRPC = { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_URL: 'grpc:', LB_H2C: 'true' }
/** So rarely that what is seen meanwhile was told by itself. */
const RARELY = { ...CHECKED_BY_GRPC, LB_HEALTH_CHECK_PERIOD: '60' }
const OFTEN = { ...CHECKED_BY_GRPC, LB_HEALTH_CHECK_PERIOD: '0.2' }
/** Of a machine with much else to do. */
const PATIENCE_MS = 10_000
const SERVICE = 'app.v1.Shop'

const told = (balancer: Balancer) =>
  balancer.stats().backends.map(({ state, lastCheck }) => `${state}: ${lastCheck?.result}`)

const after = (server: { readonly address: string }, options: string) => ({
  address: `${server.address};${options}`
})

test('the health status of the server decides', async (t) => {
  const statuses = {
    '': 'SERVING',
    [SERVICE]: 'SERVING',
    'app.v1.Down': 'NOT_SERVING',
    'app.v1.New': 'UNKNOWN'
  } as const
  const serverOf = (options: string) => healthServer(t, statuses).then((server) => after(server, options))
  const web = createServer((_req, res) => res.end('ok'))
  const other = await http2Backend(t, ({ stream }) => {
    stream.respond({ ':status': 404 })
    stream.end('what?')
  })
  const cases = [
    ['the whole server', await healthServer(t, statuses), /^healthy: gRPC SERVING$/],
    ['a service', await serverOf(`check=grpc:${SERVICE}`), /^healthy: gRPC SERVING$/],
    ['one that is down', await serverOf('check=grpc:app.v1.Down'), /^unhealthy: gRPC NOT_SERVING$/],
    ['one that knows nothing yet', await serverOf('check=grpc:app.v1.New'), /^unhealthy: gRPC UNKNOWN$/],
    [
      'one that is none',
      await serverOf('check=grpc:nobody'),
      /^unhealthy: gRPC NOT_FOUND \(Health status unknown for service nobody\)$/
    ],
    [
      'no service of health',
      await grpcServer(t),
      /^unhealthy: gRPC UNIMPLEMENTED, no grpc.health.v1.Health there \(/
    ],
    ['no gRPC', other, /^unhealthy: status 404, no gRPC$/],
    ['no HTTP/2', { address: `${await listen(t, web)};h2` }, /^unhealthy: does not speak HTTP\/2$/],
    [
      'silence',
      after(await http2Backend(t, () => {}), 'check-period=0.3'),
      /^unhealthy: no answer within 0.3 s$/
    ]
  ] as const
  const backends = cases.map(([, backend]) => backend)
  const balancer = await startBalancer(t, backends, RARELY)
  await eventually(() => told(balancer).every((text) => !text.startsWith('checking')), PATIENCE_MS)
  for (const [i, [what, , wanted]] of cases.entries()) t.match(told(balancer)[i], wanted, what)
})

test('broken answers fail a check with a reason, and do no harm', async (t) => {
  const head = [':status', '200', 'content-type', 'application/grpc']
  const cases = [
    ['\0\0\0\0\x02\x08\x01', ['grpc-status', '0'], 'healthy: gRPC SERVING'],
    [
      '\0\0\0\0\x02\x08\x01',
      ['grpc-status', '14', 'grpc-message', 'zu%0Asp%C3%A4t'],
      'unhealthy: gRPC UNAVAILABLE (zu?sp?t)'
    ],
    ['\0\0\0\0\x02\x08\x09', ['grpc-status', '0'], 'unhealthy: gRPC status 9'],
    ['\0\0\0\0\0', ['grpc-status', '0'], 'unhealthy: gRPC UNKNOWN'],
    ['', ['grpc-status', '0'], 'unhealthy: gRPC OK, but nothing of its health'],
    ['\0\0\0\0\x02\x08\x01', ['x', 'y'], 'unhealthy: gRPC without a status'],
    ['\0\0\0\0\x01\x08', ['grpc-status', '0'], 'unhealthy: broken response (no message of health)'],
    ['\x01\0\0\0\x02\x08\x01', ['grpc-status', '0'], 'unhealthy: broken response (compressed message)'],
    ['\0\xff\xff\xff\xff', ['grpc-status', '0'], 'unhealthy: broken response (message too large)'],
    ['\0\0\0\0\x02\x08', ['grpc-status', '0'], 'unhealthy: gRPC OK, but nothing of its health']
  ] as const
  const backends = cases.map(([body, trailers]) =>
    framed(
      t,
      onRequest((id, peer) => {
        peer.head(id, head)
        peer.data(id, Buffer.from(body, 'latin1'))
        peer.head(id, trailers, true)
      })
    )
  )
  const balancer = await startBalancer(
    t,
    (await Promise.all(backends)).map((backend) => after(backend, 'h2')),
    RARELY
  )
  await eventually(() => told(balancer).every((text) => !text.startsWith('checking')), PATIENCE_MS)
  t.same(
    told(balancer),
    cases.map(([, , wanted]) => wanted)
  )
})

test('a check goes over a new connection, with the configured fields', async (t) => {
  const backend = await http2Backend(t, ({ stream }) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
      { endStream: true }
    )
  })
  const env = {
    ...RARELY,
    LB_HEALTH_CHECK_HEADERS: 'Authorization: Bearer x',
    LB_HEALTH_CHECK_HOST: 'app.test'
  }
  const balancer = await startBalancer(t, [after(backend, 'check-period=30')], env)
  await eventually(() => backend.sessions.size === 0 && backend.requests.length === 1, PATIENCE_MS)
  t.match(backend.requests[0]!.headers, {
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    ':authority': 'app.test',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'fairlead-health-check',
    authorization: 'Bearer x',
    'grpc-timeout': '2000m'
  })
  t.match(told(balancer)[0], /UNIMPLEMENTED/)
})

test('checks by gRPC over TLS', async (t) => {
  const by = authority(t)
  if (!by) return
  const server = await healthServer(t, { '': 'SERVING' }, by.issue('localhost'))
  const balancer = await startBalancer(t, [server], { ...RARELY, LB_BACKEND_CA: by.file })
  await eventually(() => told(balancer)[0] === 'healthy: gRPC SERVING', PATIENCE_MS)
  t.same(await new GrpcClient(t, balancer.port).all(), ALL_WELL)
  server.health.setStatus('', 'NOT_SERVING')
  await eventually(() => balancer.stats().backends[0]!.state === 'unhealthy', PATIENCE_MS)
})

test('a watched status counts at once, in both directions', async (t) => {
  const server = await healthServer(t, { [SERVICE]: 'SERVING' })
  const other = await healthServer(t, { [SERVICE]: 'SERVING' })
  const env = { ...RARELY, LB_HEALTH_CHECK_URL: `grpc:${SERVICE}`, LB_HEALTH_CHECK_FALL: '5' }
  const balancer = await startBalancer(t, [server, other], env)
  const client = new GrpcClient(t, balancer.port)
  const state = () => balancer.stats().backends[0]!.state
  await eventually(() => server.watchers === 1, PATIENCE_MS)
  server.health.setStatus(SERVICE, 'NOT_SERVING')
  await eventually(() => state() === 'unhealthy', PATIENCE_MS)
  t.match(told(balancer)[0], 'gRPC NOT_SERVING, told by Watch')
  t.same(await client.all(), ALL_WELL)
  server.health.setStatus(SERVICE, 'SERVING')
  await eventually(() => state() === 'healthy', PATIENCE_MS)
  t.match(balancer.stats().backends[0]!.reason, /2 checks passed: gRPC SERVING/)
  t.equal(balancer.stats().requests.failed, 0)
})

test('frequent changes of a watched status are reported together', async (t) => {
  const server = await healthServer(t, { '': 'SERVING' })
  const balancer = await startBalancer(t, [server], RARELY)
  await eventually(() => server.watchers === 1, PATIENCE_MS)
  let changes = 0
  balancer.registry.on('state', () => changes++)
  for (let i = 0; i < 500; i++) server.health.setStatus('', i % 2 === 0 ? 'NOT_SERVING' : 'SERVING')
  await sleep(300)
  t.ok(changes <= 2, `${changes} changes`)
})

test('a server without Watch is checked by Check alone', async (t) => {
  let isServing = true
  const server = await grpcServer(t, (server) =>
    server.addService(
      { Check: healthService.Check! },
      {
        Check: (_call: unknown, answer: (error: null, said: unknown) => void) =>
          answer(null, { status: isServing ? 'SERVING' : 'NOT_SERVING' })
      }
    )
  )
  const balancer = await startBalancer(t, [server], OFTEN)
  await eventually(() => told(balancer)[0] === 'healthy: gRPC SERVING', PATIENCE_MS)
  isServing = false
  await eventually(() => told(balancer)[0] === 'unhealthy: gRPC NOT_SERVING', PATIENCE_MS)
  isServing = true
  await eventually(() => told(balancer)[0] === 'healthy: gRPC SERVING', PATIENCE_MS)
})

test('a watch does not delay the graceful shutdown of a server', async (t) => {
  const server = await healthServer(t, { '': 'SERVING' })
  const balancer = await startBalancer(t, [server], OFTEN)
  await eventually(() => server.watchers === 1, PATIENCE_MS)
  await server.shutDown()
  await eventually(() => balancer.stats().backends[0]!.state === 'unhealthy', PATIENCE_MS)
  t.equal(server.watchers, 0)
})

test('a watch that breaks is opened again a period later', async (t) => {
  let watches = 0
  const opened: number[] = []
  const backend = await framed(t, (frame, peer) => {
    if (frame.type !== Type.headers) return
    const isWatch = frame.payload.includes('Watch')
    peer.head(frame.id, [':status', '200', 'content-type', 'application/grpc'])
    peer.data(frame.id, Buffer.from('\0\0\0\0\x02\x08\x01', 'latin1'))
    if (!isWatch) {
      peer.head(frame.id, ['grpc-status', '0'], true)
      return
    }
    watches++
    opened.push(performance.now())
    peer.reset(frame.id, 2)
  })
  const balancer = await startBalancer(t, [after(backend, 'h2')], OFTEN)
  await eventually(() => watches >= 3, PATIENCE_MS)
  t.ok(opened[2]! - opened[0]! > 350)
  t.equal(balancer.stats().backends[0]!.state, 'healthy')
  await balancer.fastify.close()
  await eventually(() => backend.sockets.size === 0, PATIENCE_MS)
})

test('the watch of a removed backend ends, and one that joins needs h2', async (t) => {
  const servers = [
    await healthServer(t, { '': 'SERVING' }),
    await healthServer(t, { '': 'SERVING' })
  ] as const
  const balancer = await startBalancer(t, servers, { ...RARELY, LB_ADMIN_TOKEN: 'secret-token-of-tests' })
  await eventually(() => servers.every((server) => server.watchers === 1), PATIENCE_MS)
  const call = (method: string, path: string, body?: unknown) =>
    fetch(`http://127.0.0.1:${balancer.adminPort}/__lb/api${path}`, {
      method,
      headers: {
        authorization: 'Bearer secret-token-of-tests',
        ...(body ? { 'content-type': 'application/json' } : {})
      },
      body: body ? JSON.stringify(body) : null
    })
  const { status } = await call('DELETE', `/backends/127.0.0.1:${servers[0].port}`)
  t.equal(status, 204)
  await eventually(() => servers[0].watchers === 0, PATIENCE_MS)
  t.equal(servers[1].watchers, 1)
  const refused = await call('POST', '/backends', { address: '127.0.0.1:1' })
  t.equal(refused.status, 400)
  t.match(await refused.text(), /needs h2, or a check of its own/)
  const added = await call('POST', '/backends', {
    address: `127.0.0.1:${servers[0].port}`,
    h2: true,
    check: 'grpc:'
  })
  t.equal(added.status, 201)
  await eventually(() => servers[0].watchers === 1, PATIENCE_MS)
  const changed = await call('PATCH', `/backends/127.0.0.1:${servers[0].port}`, { check: '/health' })
  t.equal(changed.status, 200)
  await eventually(() => servers[0].watchers === 0, PATIENCE_MS)
})
