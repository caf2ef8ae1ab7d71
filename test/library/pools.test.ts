import Fastify from 'fastify'
import { atEnd, eventually, test } from '../helper.js'
import { fairlead, startApplication } from '../support/application.js'
import { BEFORE_IDLE_MS, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'

const REQUEST = 'GET /api/x HTTP/1.1\r\nHost: a.example\r\n\r\n'

test('backends come, go and are drained while the application runs', async (t) => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
  const one = await scripted(t, (_request, socket) => void socket.write(ok))
  const two = await scripted(t, (_request, socket) => void socket.write(ok))
  const { fastify, port } = await startApplication(t, (app) => {
    app.register(fairlead, {
      prefix: '/api',
      noHealthCheck: true,
      backends: [{ address: one.address, weight: 2 }]
    })
  })
  const pool = fastify.fairlead.pool()
  t.equal(pool.name, '/api')
  t.throws(() => pool.remove(one.address), { code: 'LB_LAST_BACKEND' })
  t.match(pool.add({ address: two.address, weight: 3 }), { address: two.address, weight: 3 })
  t.throws(() => pool.add(two.address), { code: 'LB_BACKEND_EXISTS' })
  t.throws(() => pool.add({ address: 'b:1', weight: 1000 }), /weight/)
  t.match(pool.drain(`http://${one.address}`), { orders: { draining: true } })
  for (let i = 0; i < 4; i++) await exchange(t, port, REQUEST)
  t.equal(one.requests.length, 0)
  t.equal(two.requests.length, 4)
  t.match(pool.drain(one.address, false), { orders: { draining: false } })
  pool.remove(two.address)
  await exchange(t, port, REQUEST)
  t.equal(one.requests.length, 1)
  t.throws(() => pool.drain(two.address), { code: 'LB_NO_SUCH_BACKEND' })
  t.throws(() => pool.remove('nobody'), { code: 'LB_NO_SUCH_BACKEND' })
  t.match(pool.stats(), { state: 'serving', backends: [{ address: one.address, total: 1 }] })
  t.notOk('connections' in pool.stats())
})

test('checks of health run for each pool, from before the application listens', async (t) => {
  const well = await scripted(
    t,
    (_request, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  )
  const ill = await scripted(
    t,
    (_request, socket) => void socket.write('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n')
  )
  const { fastify, log } = await startApplication(t, (app) => {
    app.register(fairlead, {
      prefix: '/api',
      backends: [well.address, ill.address],
      'health-check-url': '/healthz'
    })
  })
  t.equal(well.requests[0]?.startLine, 'GET /healthz HTTP/1.1')
  t.same(
    fastify.fairlead
      .pool()
      .stats()
      .backends.map(({ state }) => state),
    ['healthy', 'unhealthy']
  )
  t.ok(log.some(({ msg, pool }) => /is UNHEALTHY/.test(msg) && pool === '/api'))
})

test('everything that is wrong with options is named in one error, before anything is opened', async (t) => {
  const app = Fastify()
  atEnd(t, () => app.close())
  app.register(fairlead, {
    prefix: '/api',
    backends: ['127.0.0.1:99999'],
    healthCheckPeriod: 0,
    'max-sockets': 10,
    port: 80,
    retrys: 1,
    http2: false,
    healthCheck: { url: 'nowhere' },
    algorithm: 'round-robin',
    hashKey: 'target',
    queueSize: {},
    'stats-interval': 1,
    statsInterval: 2
  } as object)
  const error = await app.ready().then(
    () => undefined,
    (error) => error
  )
  t.equal(error?.code, 'LB_BAD_CONFIG')
  const said = error.message
  for (const line of [
    'backends "127.0.0.1:99999": ',
    'healthCheckPeriod must be a number of seconds',
    'max-sockets is for a whole server to have: see createLoadBalancer',
    'port is for listen() to say',
    'retrys is not a known setting; did you mean retry?',
    'http2 is for a whole server to have: see createLoadBalancer',
    'healthCheck.url must be',
    'queueSize must be a text, a number, true or false, or a list of those',
    'statsInterval is given as stats-interval as well'
  ])
    t.ok(said.includes(line), `${line} in ${said}`)
  t.notMatch(said, /LB_/)
})

test('contradictions are named by the options too', async (t) => {
  const app = Fastify()
  atEnd(t, () => app.close())
  app.register(fairlead, { backends: 'a:1', algorithm: 'random', hashKey: 'target' })
  await t.rejects(async () => app.ready(), { message: /hashKey needs algorithm=hash/ })
})

test('a prefix has to mean itself, and a name one pool', async (t) => {
  for (const options of [
    { prefix: '/:tenant' },
    { prefix: '/a%20b' },
    { prefix: 'api' },
    { prefix: '/a', rewritePrefix: '/../b' },
    { prefix: '/a', rewritePrefix: '/x?y' }
  ]) {
    const app = Fastify()
    atEnd(t, () => app.close())
    app.register(fairlead, { backends: 'a:1', ...options })
    await t.rejects(async () => app.ready(), { code: 'LB_BAD_CONFIG' }, JSON.stringify(options))
  }
  const app = Fastify()
  atEnd(t, () => app.close())
  app.register(fairlead, { backends: 'a:1', prefix: '/a', name: 'x' })
  app.register(fairlead, { backends: 'a:1', prefix: '/b', name: 'x' })
  await t.rejects(async () => app.ready(), { code: 'LB_POOL_EXISTS', message: /"x"/ })
})

test('neither variables nor the server of the application have a part in it', async (t) => {
  process.env.LB_RETRIES = 'wrong'
  process.env.LB_BACKENDS = 'wrong:'
  atEnd(t, () => {
    delete process.env.LB_RETRIES
    delete process.env.LB_BACKENDS
  })
  const signals = process.eventNames().map((name) => [name, process.listenerCount(name)])
  const backend = await scripted(
    t,
    (_request, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  )
  const plain = await startApplication(t, (app) =>
    app.register(fairlead, { prefix: '/x', backends: backend.address })
  )
  const alone = Fastify()
  atEnd(t, () => alone.close())
  await alone.ready()
  const of = ({ server }: typeof alone) => ({
    listeners: server.eventNames().map((name) => [name, server.listenerCount(name)]),
    limits: [server.maxHeadersCount, server.maxConnections, server.timeout, server.keepAliveTimeout],
    methods: alone.supportedMethods
  })
  t.same(of(plain.fastify as typeof alone).limits, of(alone).limits)
  t.same(plain.fastify.supportedMethods, alone.supportedMethods)
  for (const event of ['upgrade', 'clientError', 'connect', 'checkContinue', 'connection', 'request'])
    t.equal(plain.fastify.server.listenerCount(event), alone.server.listenerCount(event), event)
  t.same(
    process.eventNames().map((name) => [name, process.listenerCount(name)]),
    signals
  )
})

test('closing waits for what is under way, and ends every connection to backends', async (t) => {
  let answer: (() => void) | undefined
  const backend = await scripted(t, (_request, socket) => {
    answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  })
  const { fastify, port } = await startApplication(t, (app) => {
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  const pending = exchange(t, port, REQUEST)
  await eventually(() => answer)
  const closing = fastify.close()
  await eventually(() => fastify.fairlead.pool().stats().state === 'draining')
  answer!()
  t.equal((await pending).body.toString(), 'ok')
  await closing
  await eventually(() => backend.sockets.size === 0, BEFORE_IDLE_MS)
})
