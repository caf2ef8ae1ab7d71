import { setTimeout as delay } from 'node:timers/promises'
import Fastify, { type FastifyServerOptions } from 'fastify'
import { atEnd, eventually, test } from '../helper.js'
import { fairlead, startApplication } from '../support/application.js'
import { Http2Client } from '../support/http2-client.js'
import { OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`

test('no backend is asked for a client that leaves while a hook of the application runs', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  for (const http2 of [false, true]) {
    let running = 0
    let release: () => void = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const { fastify, port, log } = await startApplication(
      t,
      (app) => {
        app.addHook('preHandler', async () => {
          running++
          await released
          running--
        })
        app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
      },
      (http2 ? { http2 } : {}) as FastifyServerOptions
    )
    let closed = 0
    fastify.server.on('connection', (socket) => socket.once('close', () => closed++))
    if (http2) {
      const client = await Http2Client.open(t, port)
      client.get('/api/x').catch(() => {})
      await eventually(() => running === 1)
      client.session.destroy()
    } else {
      const client = await RawClient.open(t, port)
      client.send(get('/api/x').repeat(2))
      await eventually(() => running === 2)
      client.abort()
    }
    await eventually(() => closed === 1)
    release()
    await eventually(() => running === 0)
    await delay(20)
    t.match(fastify.fairlead.pool().stats(), {
      requests: { inFlight: 0, total: 0 },
      backends: [{ active: 0 }]
    })
    t.notOk(
      log.some(({ level }) => Number(level) >= 40),
      'and that is no fault of anybody'
    )
  }
  t.same(backend.requests, [])
})

test('routes of the application at the prefix itself, or for everything, go before the pool', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { port } = await startApplication(t, (app) => {
    app.get('/', async () => 'own')
    app.get('/api', async () => 'own')
    app.options('*', async () => 'own')
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
    app.register(fairlead, { noHealthCheck: true, backends: backend.address })
    app.register(async (later) => void later.get('/later', async () => 'own'))
  })
  const options = get('/x').replace('GET', 'OPTIONS')
  for (const request of [get('/'), get('/api'), get('/later'), options])
    t.equal((await exchange(t, port, request)).body.toString(), 'own', request)
  for (const request of [get('/api/'), get('/x'), get('/api').replace('GET', 'PUT')])
    t.equal((await exchange(t, port, request)).body.toString(), 'ok', request)
})

test('a scope may end in a slash, and a prefix be one', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const options = { noHealthCheck: true, backends: backend.address }
  const { fastify, port } = await startApplication(t, (app) => {
    app.register(async (scope) => scope.register(fairlead, options), { prefix: '/a/' })
    app.register(async (scope) => scope.register(fairlead, { ...options, prefix: '/c/' }), { prefix: '/b/' })
    app.register(async (scope) => scope.register(fairlead, { ...options, prefix: '/' }), { prefix: '/d' })
  })
  t.same(fastify.fairlead.names, ['/a', '/b/c', '/d'])
  for (const [path, told] of Object.entries({
    '/a/x': '/x',
    '/a/': '/',
    '/b/c': '/',
    '/b/c/x': '/x',
    '/d': '/',
    '/d/': '/',
    '/d/x': '/x'
  })) {
    t.match((await exchange(t, port, get(path))).startLine, '200', path)
    t.equal(backend.requests.at(-1)!.startLine, `GET ${told} HTTP/1.1`, path)
  }
  const wrong = Fastify()
  atEnd(t, () => wrong.close())
  wrong.register(async (scope) => scope.register(fairlead, { ...options, prefix: 'x' }), { prefix: '/a' })
  await t.rejects(async () => wrong.ready(), { code: 'LB_BAD_CONFIG', message: /prefix must be a path/ })
})

test('the router says by either of its options that capitals make no difference', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { port } = await startApplication(
    t,
    (app) => app.register(fairlead, { prefix: '/Api', noHealthCheck: true, backends: backend.address }),
    { routerOptions: { caseSensitive: false } }
  )
  t.match((await exchange(t, port, get('/aPI/X'))).startLine, '200')
  t.equal(backend.requests[0]!.startLine, 'GET /X HTTP/1.1')
})

test('the application may name what it decorates as it likes', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { port } = await startApplication(t, (app) => {
    app.decorateRequest('exchange', 'of shares' as never)
    app.decorateReply('from', (() => 'nobody') as never)
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  t.match((await exchange(t, port, get('/api/x'))).startLine, '200')
})

test('an id of the application that cannot be sent is replaced', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const ids = ['a\r\nX-Other: 1', 'a\u010d\u010aX-Other: 1', 'its-own']
  const { port } = await startApplication(
    t,
    (app) => app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address }),
    { genReqId: () => ids.shift()! }
  )
  for (let i = 0; i < 3; i++) await exchange(t, port, get('/api/x'))
  const told = backend.requests.map(({ fields }) => fields.find(([name]) => name === 'X-Request-Id')![1])
  t.match(told[0], /^[\w-]{13,}$/)
  t.match(told[1], /^[\w-]{13,}$/)
  t.equal(told[2], 'its-own')
  t.notOk(backend.requests.some(({ fields }) => fields.some(([name]) => name === 'X-Other')))
})

test('a registration may have a level of its own for the log', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.destroy())
  const { port, log } = await startApplication(t, (app) => {
    const options = { noHealthCheck: true, retries: 0, backends: backend.address }
    app.register(fairlead, { ...options, prefix: '/quiet', logLevel: 'fatal' })
    app.register(fairlead, { ...options, prefix: '/loud' })
  })
  const before = log.length
  await exchange(t, port, get('/quiet/x'))
  t.equal(log.length, before)
  await exchange(t, port, get('/loud/x'))
  t.ok(log.some(({ msg, pool }) => /failed a request/.test(msg) && pool === '/loud'))
})

test('an application of HTTP/2 is told the status that a backend has sent', async (t) => {
  const backend = await scripted(
    t,
    (_request, socket) => void socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
  )
  const told: number[] = []
  const { port } = await startApplication(
    t,
    (app) => {
      app.addHook('onResponse', async (_request, reply) => void told.push(reply.statusCode))
      app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
    },
    { http2: true } as FastifyServerOptions
  )
  const client = await Http2Client.open(t, port)
  t.match(await client.get('/api/x'), { status: 404 })
  await eventually(() => told.length === 1)
  t.same(told, [404])
})

test('what is no backend is said to be none', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { fastify } = await startApplication(t, (app) => {
    const given = { address: backend.address, weight: undefined } as unknown as { address: string }
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: [given] })
  })
  const pool = fastify.fairlead.pool()
  for (const wrong of [undefined, null, 5, {}, { address: 5 }, 'a:1;weight=3', { address: 'a:1', foo: 1 }])
    t.throws(() => pool.add(wrong as never), { code: 'LB_WRONG_BACKEND' }, JSON.stringify(wrong))
  for (const wrong of [undefined, null, 5, {}]) {
    t.throws(() => pool.remove(wrong as never), { code: 'LB_NO_SUCH_BACKEND' })
    t.throws(() => pool.drain(wrong as never), { code: 'LB_NO_SUCH_BACKEND' })
  }
  t.match(pool.add({ address: 'a:1', weight: undefined } as never), { address: 'a:1', weight: 1 })
})

test('a body that a hook has begun to read is not passed on in part', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  for (const http2 of [false, true]) {
    const { port } = await startApplication(
      t,
      (app) => {
        app.addHook('preHandler', async ({ raw }) => {
          if (raw.url === '/api/x') await new Promise((resolve) => raw.once('data', resolve))
        })
        app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
      },
      (http2 ? { http2 } : {}) as FastifyServerOptions
    )
    if (http2) {
      const client = await Http2Client.open(t, port)
      const post = { ':method': 'POST', ':path': '/api/x' }
      t.match(await client.ask(post, 'abc'), { status: 500, body: /A hook has read the body/ })
      t.match(await client.ask({ ...post, ':path': '/api/y' }, 'abc'), { status: 200 })
    } else {
      const post = (path: string) =>
        `POST ${path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc`
      const { startLine, body } = await exchange(t, port, post('/api/x'))
      t.match(startLine, '500')
      t.match(body.toString(), /A hook has read the body/)
      t.match((await exchange(t, port, post('/api/y'))).startLine, '200')
    }
    t.equal(backend.requests.length, http2 ? 2 : 1)
  }
})

test('an application may have fewer fields read after it is ready, and none is dropped unseen', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { fastify, port } = await startApplication(t, (app) => {
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  fastify.server.maxHeadersCount = 50
  const head = (count: number) => `GET /api/x HTTP/1.1\r\nHost: a\r\n${'A: 1\r\n'.repeat(count - 1)}\r\n`
  t.match((await exchange(t, port, head(49))).startLine, '200')
  t.match((await exchange(t, port, head(60))).startLine, '431')
  t.equal(backend.requests.length, 1)
})
