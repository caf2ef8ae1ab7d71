import Fastify from 'fastify'
import { atEnd, eventually, test } from '../helper.js'
import { fairlead, startApplication } from '../support/application.js'
import { OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { echo, openTunnel, switching, upgrade } from '../support/tunnel.js'

test('a connection changes its protocol below the prefix, when the hooks of the application have let it', async (t) => {
  const backend = await switching(t, echo)
  const { fastify, port } = await startApplication(t, (app) => {
    app.addHook('onRequest', async (request, reply) => {
      if (request.headers.cookie === 'no') reply.code(401).send('no')
    })
    app.register(fairlead, {
      prefix: '/api',
      websocket: true,
      noHealthCheck: true,
      backends: backend.address
    })
  })
  const client = await openTunnel(t, { port }, 'early', '/api/ws?x')
  await client.until((text) => text === 'early')
  client.send(' and late')
  await client.until((text) => text === 'early and late')
  t.equal(backend.requests[0]!.startLine, 'GET /ws?x HTTP/1.1')
  t.equal(fastify.fairlead.pool().stats().requests.tunnels, 1)
  client.socket.destroy()
  await eventually(() => fastify.fairlead.pool().stats().requests.tunnels === 0)

  t.match((await exchange(t, port, upgrade('/api/ws', 'Cookie: no'))).startLine, '401')
  t.equal(backend.requests.length, 1)
})

test('what a backend does not agree to ends as a response', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { port } = await startApplication(t, (app) => {
    app.register(fairlead, {
      prefix: '/api',
      websocket: true,
      noHealthCheck: true,
      backends: backend.address
    })
  })
  const client = await RawClient.open(t, port)
  client.send(upgrade('/api/ws'))
  t.match((await client.response()).startLine, '200')
  await client.untilClosed(5000)
})

test('what wants something else, or elsewhere, is served as if nobody listened', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { port } = await startApplication(t, (app) => {
    app.post('/own', async ({ body }) => body)
    app.register(fairlead, {
      prefix: '/api',
      websocket: true,
      noHealthCheck: true,
      backends: backend.address
    })
  })
  const fields =
    'Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
  for (const path of ['/own', '/api/own']) {
    const { startLine } = await exchange(
      t,
      port,
      `POST ${path} HTTP/1.1\r\n${fields}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}`
    )
    t.match(startLine, '200', path)
  }
  t.equal(backend.requests[0]!.body.toString(), '{"a":1}')
  const client = await RawClient.open(t, port)
  for (const path of ['/nowhere', '/here']) {
    client.send(upgrade(path))
    t.match((await client.response()).startLine, '404', path)
  }
})

test('closing ends what has changed its protocol', async (t) => {
  const backend = await switching(t, echo)
  const { fastify, port } = await startApplication(t, (app) => {
    app.register(fairlead, {
      prefix: '/api',
      websocket: true,
      noHealthCheck: true,
      backends: backend.address
    })
  })
  const client = await openTunnel(t, { port }, '', '/api/ws')
  await fastify.close()
  await client.untilClosed(5000)
  await eventually(() => backend.sockets.size === 0)
})

test('without it nobody listens, and options that need it are wrong', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { fastify, port } = await startApplication(t, (app) => {
    app.register(fairlead, { prefix: '/api', noHealthCheck: true, backends: backend.address })
  })
  t.equal(fastify.server.listenerCount('upgrade'), 0)
  t.match((await exchange(t, port, upgrade('/api/ws'))).startLine, '200')
  t.notOk(backend.requests[0]!.fields.some(([name]) => name === 'Upgrade'))

  const of = async (options: object, server: object = {}) => {
    const app = Fastify(server)
    atEnd(t, () => app.close())
    app.register(fairlead, { backends: backend.address, noHealthCheck: true, ...options })
    await app.ready()
  }
  await t.rejects(of({ tunnelTimeout: 5 }), { message: /tunnelTimeout needs websocket/ })
  await t.rejects(of({ websocket: 'yes' }), { message: /websocket must be true or false/ })
  await t.rejects(of({ websocket: true }, { http2: true }), {
    message: /websocket needs a server of HTTP\/1.1/
  })
})
