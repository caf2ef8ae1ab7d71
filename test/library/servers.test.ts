import type { Socket } from 'node:net'
import Fastify, { type FastifyServerOptions } from 'fastify'
import { atEnd, eventually, test } from '../helper.js'
import { fairlead, startApplication } from '../support/application.js'
import { authority, contents } from '../support/certificates.js'
import { Http2Client } from '../support/http2-client.js'
import { scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'

const HEAD = 'HTTP/1.1 200 OK\r\nX-Backend: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n'
const answer = (_request: unknown, socket: Socket) => void socket.write(`${HEAD}Content-Length: 2\r\n\r\nok`)

test('an application of HTTP/2 balances over HTTP/2', async (t) => {
  const backend = await scripted(t, (request, socket) => {
    const trailing = request.startLine.includes('/trailers')
    if (trailing) socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n`)
    else answer(request, socket)
  })
  const { port } = await startApplication(
    t,
    (app) => {
      app.addHook('onRequest', async (_request, reply) => void reply.header('X-Host', '1'))
      app.get('/own', async () => 'own')
      app.register(fairlead, {
        prefix: '/api',
        noHealthCheck: true,
        maxBodySize: 1000,
        backends: backend.address
      })
    },
    { http2: true } as FastifyServerOptions
  )
  const client = await Http2Client.open(t, port)
  t.match(await client.get('/own'), { status: 200, body: 'own' })
  t.match(await client.get('/api/a%2Fb?c'), {
    status: 200,
    body: 'ok',
    code: 0,
    headers: { 'x-backend': '1', 'x-host': '1', 'set-cookie': ['a=1', 'b=2'] }
  })
  t.equal(backend.requests[0]!.startLine, 'GET /a%2Fb?c HTTP/1.1')
  t.match(await client.get('/api/trailers'), { body: 'ok', trailers: { 'x-sum': '1' } })
  const post = { ':method': 'POST', ':path': '/api/x', 'content-type': 'application/json' }
  t.match(await client.ask(post, '{"no json'), { status: 200, body: 'ok' })
  t.equal(backend.requests.at(-1)!.body.toString(), '{"no json')
  const large = await client.ask(post, Buffer.alloc(300_000))
  t.match(large, { status: 413, body: /LB_BODY_TOO_LARGE/ })
  t.match(await client.get('/api/..%2f'), { status: 400, body: /LB_AMBIGUOUS_PATH/ })
  t.match(await client.get('/own'), { status: 200 })
})

test('an application behind TLS balances, and backends are told so', async (t) => {
  const signer = authority(t)
  if (!signer) return
  const pair = contents(signer.issue('a.example'))
  const backend = await scripted(t, answer)
  const { port } = await startApplication(
    t,
    (app) => app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address }),
    { https: pair } as FastifyServerOptions
  )
  const client = await RawClient.open(t, port, { ca: signer.pem, servername: 'a.example' })
  client.send('GET /api/x HTTP/1.1\r\nHost: a.example\r\n\r\n')
  t.match(await client.response(), { startLine: 'HTTP/1.1 200 OK' })
  t.ok(backend.requests[0]!.fields.some(([name, value]) => name === 'X-Forwarded-Proto' && value === 'https'))
})

test('a test of the application may inject its requests', async (t) => {
  const backend = await scripted(t, answer)
  const app = Fastify()
  atEnd(t, () => app.close())
  app.addHook('onRequest', async (_request, reply) => void reply.header('x-host', '1'))
  app.register(fairlead, { prefix: '/api', noHealthCheck: true, retries: 0, backends: backend.address })
  const { statusCode, headers, body } = await app.inject({
    method: 'POST',
    url: '/api/x?y',
    payload: { a: 1 }
  })
  t.same([statusCode, body], [200, 'ok'])
  t.match(headers, { 'x-backend': '1', 'x-host': '1', 'set-cookie': ['a=1', 'b=2'], 'content-length': '2' })
  t.match(backend.requests[0], { startLine: 'POST /x?y HTTP/1.1', body: Buffer.from('{"a":1}') })
  t.match(await app.inject('/api/..%2F'), { statusCode: 400 })
  await backend.stop()
  t.match((await app.inject('/api/x')).json(), { statusCode: 502, code: 'LB_BACKEND_UNREACHABLE' })
  await eventually(() => app.fairlead.pool().stats().requests.inFlight === 0)
})

test('each pool believes the proxies that it trusts, also on one connection', async (t) => {
  const backend = await scripted(t, answer)
  const { port } = await startApplication(t, (app) => {
    const options = { noHealthCheck: true, backends: backend.address }
    app.register(fairlead, { ...options, prefix: '/wary' })
    app.register(fairlead, { ...options, prefix: '/trusting', trustedProxies: '127.0.0.0/8' })
  })
  const client = await RawClient.open(t, port)
  const told: (string | undefined)[] = []
  for (const prefix of ['/trusting', '/wary', '/trusting']) {
    client.send(`GET ${prefix}/x HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n`)
    await client.response()
    const [, value] = backend.requests.at(-1)!.fields.find(([name]) => name === 'X-Forwarded-For') ?? []
    told.push(value)
  }
  t.same(told, ['10.0.0.1, 127.0.0.1', '127.0.0.1', '10.0.0.1, 127.0.0.1'])
})

test('a client that waits to be told to go on is told so once', async (t) => {
  const backend = await scripted(t, (_request, socket) => {
    socket.write(`HTTP/1.1 100 Continue\r\n\r\n${HEAD}Content-Length: 2\r\n\r\nok`)
  })
  const { port } = await startApplication(t, (app) => {
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  const client = await RawClient.open(t, port)
  client.send('PUT /api/x HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n')
  t.match((await client.next()).startLine, '100')
  client.send('abc')
  t.match((await client.next()).startLine, '200')
})

test('fields of an application that could not be sent are its own fault', async (t) => {
  const backend = await scripted(t, answer)
  const { port } = await startApplication(t, (app) => {
    app.addHook('preHandler', async (request, reply) => {
      if (request.url.endsWith('bad')) reply.header('x-host', 'a\r\nb: c')
    })
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  const client = await RawClient.open(t, port)
  client.send('GET /api/bad HTTP/1.1\r\nHost: a.example\r\n\r\n')
  t.match((await client.response()).startLine, '500')
  t.same(backend.requests, [])
})

test('a body that a hook of the application has taken is not waited for', async (t) => {
  const backend = await scripted(t, answer)
  const { port } = await startApplication(t, (app) => {
    app.addHook('preParsing', async (_request, _reply, payload) => {
      const { PassThrough } = await import('node:stream')
      return payload.pipe(new PassThrough())
    })
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  const client = await RawClient.open(t, port)
  client.send('POST /api/x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc')
  const { startLine, body } = await client.response()
  t.match(startLine, '500')
  t.match(body.toString(), /preParsing hook/)
  t.same(backend.requests, [])
})

test('a head of which Node may have dropped fields goes no further', async (t) => {
  const backend = await scripted(t, answer)
  const { port } = await startApplication(t, (app) => {
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  const client = await RawClient.open(t, port)
  const head = (count: number) => `GET /api/x HTTP/1.1\r\nHost: a\r\n${'A: 1\r\n'.repeat(count - 1)}\r\n`
  client.send(head(999))
  t.match((await client.response()).startLine, '200')
  client.send(head(1200))
  t.match((await client.response()).startLine, '431')
  t.equal(backend.requests.length, 1)
})
