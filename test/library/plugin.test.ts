import type { Socket } from 'node:net'
import { eventually, test } from '../helper.js'
import { fairlead, startApplication } from '../support/application.js'
import { scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'

const says = (text: string) => (_request: unknown, socket: Socket) =>
  void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`)

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`

test('two pools stand beside routes of the application, one of them in a scope within another', async (t) => {
  const one = await scripted(t, says('one'))
  const two = await scripted(t, says('two'))
  const { fastify, port } = await startApplication(t, (app) => {
    app.get('/own', async () => 'own')
    app.get('/api/own', async () => 'own, below the prefix')
    app.register(
      async (scope) => {
        await scope.register(fairlead, { prefix: '/two', backends: two.address, name: 'second' })
        t.ok(scope.fairlead.pool('second'), 'a scope knows its pool')
      },
      { prefix: '/v1' }
    )
    app.register(fairlead, { prefix: '/api', backends: [one.address] })
  })
  t.equal((await exchange(t, port, get('/own'))).body.toString(), 'own')
  t.equal((await exchange(t, port, get('/api/own'))).body.toString(), 'own, below the prefix')
  t.equal((await exchange(t, port, get('/api/x?y=/z'))).body.toString(), 'one')
  t.equal((await exchange(t, port, get('/api'))).body.toString(), 'one')
  t.equal((await exchange(t, port, get('/v1/two/%7Ex%2Fy'))).body.toString(), 'two')
  t.match((await exchange(t, port, get('/v1/x'))).startLine, '404')
  t.same(
    one.requests.slice(-2).map(({ startLine }) => startLine),
    ['GET /x?y=/z HTTP/1.1', 'GET / HTTP/1.1']
  )
  t.equal(two.requests.at(-1)!.startLine, 'GET /%7Ex%2Fy HTTP/1.1')
  t.same(fastify.fairlead.names.sort(), ['/api', 'second'])
  t.equal(fastify.fairlead.pool('/api').stats().requests.total, 2)
  t.equal(fastify.fairlead.pool('second').stats().requests.total, 1)
  t.throws(() => fastify.fairlead.pool(), { code: 'LB_NO_SUCH_POOL', message: /"\/api"/ })
  t.throws(() => fastify.fairlead.pool('third'), { code: 'LB_NO_SUCH_POOL' })
})

test('the prefix is that of its scope and its own, and something else stands in its place', async (t) => {
  const backend = await scripted(t, says('x'))
  const { port } = await startApplication(t, (app) => {
    app.register(
      async (scope) =>
        scope.register(fairlead, { prefix: '/b/', rewritePrefix: '/c/d/', backends: backend.address }),
      {
        prefix: '/a'
      }
    )
  })
  await exchange(t, port, get('/a/b/c?q'))
  await exchange(t, port, get('http://a.example/a/b/c?q'))
  t.same(
    backend.requests.slice(-2).map(({ startLine }) => startLine),
    ['GET /c/d/c?q HTTP/1.1', 'GET /c/d/c?q HTTP/1.1']
  )
})

test('a path that some server would read as one outside of the prefix is passed to nobody', async (t) => {
  const backend = await scripted(t, says('x'))
  const { fastify, port } = await startApplication(t, (app) => {
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  for (const path of [
    '/api/../x',
    '/api/%2e%2e/x',
    '/api/..%2Fx',
    '/api/..%252fx',
    '/api/..;/x',
    '/api/..\\x'
  ]) {
    const answer = await exchange(t, port, get(path))
    t.match(answer.startLine, '400', path)
    t.match(JSON.parse(answer.body.toString()), { statusCode: 400, code: 'LB_AMBIGUOUS_PATH' })
  }
  t.same(backend.requests, [])
  t.equal(fastify.fairlead.pool().stats().requests.rejected.badRequest, 6)
})

test('without a prefix all that has no other route is balanced, byte for byte', async (t) => {
  const backend = await scripted(t, says('x'))
  const { fastify, port } = await startApplication(t, (app) => {
    app.get('/own', async () => 'own')
    app.register(fairlead, { backends: backend.address, noHealthCheck: true })
  })
  t.equal((await exchange(t, port, get('/own'))).body.toString(), 'own')
  await exchange(t, port, get('/a//b/../%7E;x?%zz'))
  t.equal(backend.requests[0]!.startLine, 'GET /a//b/../%7E;x?%zz HTTP/1.1')
  t.same(fastify.fairlead.names, ['/'])
})

test('a body goes on as it came, whatever parsers the application has', async (t) => {
  const backend = await scripted(t, says('x'))
  const { port } = await startApplication(t, (app) => {
    app.addContentTypeParser('application/x-own', { parseAs: 'string' }, (_request, _body, done) =>
      done(new Error('read'))
    )
    app.post('/own', async ({ body }) => body)
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  for (const type of [
    'application/json',
    'application/x-own',
    'text/plain; charset=utf-8',
    'application/x-other',
    undefined
  ]) {
    const field = type === undefined ? '' : `Content-Type: ${type}\r\n`
    const body = '{"not": json\0\xff'
    const answer = await exchange(
      t,
      port,
      `POST /api/x HTTP/1.1\r\nHost: a.example\r\n${field}Content-Length: ${body.length}\r\n\r\n${body}`
    )
    t.match(answer.startLine, '200', type ?? 'no type')
    t.equal(backend.requests.at(-1)!.body.toString('latin1'), body)
  }
  const chunked =
    'DELETE /api/x HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
  await exchange(t, port, chunked)
  t.equal(backend.requests.at(-1)!.body.toString(), 'abc')
  const own =
    'POST /own HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
  t.equal((await exchange(t, port, own)).body.toString(), '{"a":1}')
})

test('hooks of the application run, and one that answers is the last', async (t) => {
  const backend = await scripted(t, (_request, socket) => {
    socket.write(
      'HTTP/1.1 201 Made\r\nX-Backend: 1\r\nVary: Accept\r\nSet-Cookie: b=1\r\nX-Both: backend\r\nContent-Length: 0\r\n\r\n'
    )
  })
  const seen: string[] = []
  const { port } = await startApplication(t, (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      seen.push('onRequest')
      reply.headers({
        'x-host': 'host',
        vary: 'Origin',
        'set-cookie': 'h=1',
        'x-both': 'host',
        connection: 'close'
      })
    })
    app.addHook('preHandler', async (request, reply) => {
      seen.push('preHandler')
      if (request.headers.authorization === undefined) return reply.code(401).send('who are you?')
      return undefined
    })
    app.addHook('onResponse', async () => void seen.push('onResponse'))
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  t.match(await exchange(t, port, get('/api/x')), { startLine: /401/ })
  t.same(backend.requests, [])
  const answer = await exchange(t, port, get('/api/x').replace('\r\n\r\n', '\r\nAuthorization: me\r\n\r\n'))
  t.equal(answer.startLine, 'HTTP/1.1 201 Made')
  const lines = answer.fields.map(([name, value]) => `${name}: ${value}`)
  for (const line of [
    'X-Backend: 1',
    'Vary: Accept',
    'vary: Origin',
    'Set-Cookie: b=1',
    'set-cookie: h=1',
    'X-Both: backend',
    'x-host: host'
  ])
    t.ok(lines.includes(line), line)
  t.notOk(lines.includes('x-both: host'), 'what a backend says goes first')
  await eventually(() => seen.length === 6)
  t.same(seen, ['onRequest', 'preHandler', 'onResponse', 'onRequest', 'preHandler', 'onResponse'])
})

test('a request that no backend answers is for the error handler of the application', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.destroy())
  const { port, log } = await startApplication(t, (app) => {
    app.setErrorHandler((error: Error & { code?: string; statusCode?: number }, _request, reply) => {
      reply.code(error.statusCode ?? 500).send(`own page: ${error.code}`)
    })
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, retries: 0, backends: backend.address })
    app.register(fairlead, {
      prefix: '/full',
      noHealthCheck: true,
      maxBodySize: 5,
      backends: backend.address
    })
  })
  const answer = await exchange(t, port, get('/api/x'))
  t.match(answer.startLine, '502')
  t.equal(answer.body.toString(), 'own page: LB_CONNECTION_LOST')
  t.match(
    log.find(({ msg }) => /failed a request/.test(msg)),
    { pool: '/api', code: 'LB_CONNECTION_LOST' }
  )

  const client = await RawClient.open(t, port)
  client.send('POST /full/x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000\r\n\r\nabc')
  const refused = await client.response()
  t.match(refused.startLine, '413')
  t.equal(refused.body.toString(), 'own page: LB_BODY_TOO_LARGE')
  await client.untilClosed(5000)
})

test('a call of gRPC is told of a failure by its status', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.destroy())
  const { port } = await startApplication(t, (app) => {
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, retries: 0, backends: backend.address })
  })
  const answer = await exchange(
    t,
    port,
    'POST /api/x HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n'
  )
  t.match(answer.startLine, '200')
  t.ok(answer.fields.some(([name, value]) => name === 'grpc-status' && value === '14'))
})
