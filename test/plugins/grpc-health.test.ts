import { createServer } from 'node:http'
import { type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { framed, onRequest } from '../support/frame-backend.js'
import { ALL_WELL, GrpcClient, grpcServer } from '../support/grpc.js'
import { healthServer, healthService } from '../support/grpc-health.js'
import { http2Backend } from '../support/http2-backend.js'
import { Type } from '../support/http2-frames.js'
import { listen } from '../support/listen.js'

const CHECKED = { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_URL: 'grpc:', LB_H2C: 'true' }
/** So rarely that what is seen meanwhile was told by itself. */
const RARELY = { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '60' }
const OFTEN = { ...CHECKED, LB_HEALTH_CHECK_PERIOD: '0.2' }
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
