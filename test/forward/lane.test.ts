import { createLoadBalancer } from '../../index.js'
import { LANE_MODES } from '../../lib/listener/http1/lane/options.js'
import { type Balancer, eventually, startBalancer, test } from '../helper.js'
import { Http2Client } from '../support/http2-client.js'
import { answering, OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { atEnd } from '../support/test.js'
import { fieldValue, statusOf } from '../support/wire.js'

const GET = 'GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n'

/** Heads and bodies that the lane takes. */
const PLAIN = {
  GET,
  HEAD: 'HEAD / HTTP/1.1\r\nHost: a.test:80\r\nAccept: */*\r\n\r\n',
  'fields in any case and order':
    'GET / HTTP/1.1\r\nx-A: 1\r\nHOST: \t x \r\nX-a:2\r\nCookie: a=b\r\ncookie: c\r\nEmpty:\r\nÀ-b: c\r\n\r\n'.replace(
      'À-b',
      'a-b'
    ),
  'values of obs-text': 'GET / HTTP/1.1\r\nHost: x\r\nA: \xa0b\xff\xa0\r\n\r\n',
  'an id of its own': 'GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc\r\nA: b\r\n\r\n',
  'the last request': 'GET / HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n',
  'fields that stay behind':
    'GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\nTE: trailers\r\nX_Real-IP: 1\r\nVia: 1.0 a\r\nB: c\r\n\r\n',
  POST: 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Type: a/b\r\n\r\nhello',
  'an empty POST': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
  'a DELETE with a body': 'DELETE /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'
}

const idless = (text: string) => text.replace(/X-Request-Id: (?!abc\r)\S+/, 'X-Request-Id: new')

test('every way to read a plain request sends the same on', async (t) => {
  const backend = await scripted(t, (request, socket) =>
    socket.write(request.startLine.startsWith('HEAD') ? OK.slice(0, -2) : OK)
  )
  const seen = new Map<string, string[]>()
  for (const mode of LANE_MODES) {
    const balancer = await startBalancer(t, [backend], { LB_LANE: mode })
    const by = readers(balancer)
    for (const [name, bytes] of Object.entries(PLAIN)) {
      const response = await exchange(t, balancer.port, bytes, { head: name === 'HEAD' })
      t.equal(statusOf(response), 200, `${mode}: ${name}`)
      const { startLine, fields, body } = backend.requests.at(-1)!
      const lines = [startLine, ...fields.map(([field, value]) => `${field}: ${value}`), `${body}`].map(
        (line) => idless(line).replace(/-Port: \d+/, '-Port: 0')
      )
      const answer = response.fields.map(([field, value]) =>
        field === 'Date' ? field : `${field}: ${value}`
      )
      if (!seen.has(name)) seen.set(name, [...lines, ...answer])
      else t.same([...lines, ...answer], seen.get(name), `${mode}: ${name}`)
    }
    t.equal(balancer.stats().lane, mode === 'auto' ? 'direct' : mode)
    t.same(by(), mode === 'auto' ? { node: 0, lane: 0 } : wayOf(mode), `${mode}: who has read them`)
  }
})

const COUNT = Object.keys(PLAIN).length
const wayOf = (mode: string) => (mode === 'off' ? { node: COUNT, lane: 0 } : { node: 0, lane: COUNT })

/** Counts the requests that come to the router, by who has read them. */
function readers({ fastify }: Balancer): () => { node: number; lane: number } {
  const count = { node: 0, lane: 0 }
  fastify.server.prependListener('request', (req: { plainHost?: string }) => {
    if (req.plainHost === undefined) count.node++
    else count.lane++
  })
  return () => count
}

test('what is not plain goes to the server of Node, with its connection', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend])
  const by = readers(balancer)
  const client = await RawClient.open(t, balancer.port)
  for (const [bytes, byNode] of [
    [GET, 0],
    ['POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n', 1],
    [GET, 2]
  ] as const) {
    client.send(bytes)
    t.equal(statusOf(await client.response()), 200)
    t.same(by(), { node: byNode, lane: 0 })
  }
  t.equal(`${backend.requests[1]!.body}`, 'hi')
})

test('a request that comes in pieces is read as a whole one, in whatever order it is cut', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend])
  const post = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'
  await Promise.all(
    Array.from({ length: post.length - 1 }, async (_, i) => {
      const client = await RawClient.open(t, balancer.port)
      client.send(GET)
      await client.response()
      client.send(post.slice(0, i + 1))
      await new Promise((resolve) => setTimeout(resolve, 20))
      client.send(post.slice(i + 1) + GET)
      t.equal(statusOf(await client.response()), 200)
      t.equal(statusOf(await client.response()), 200, `cut behind byte ${i}`)
    })
  )
  t.equal(backend.requests.filter(({ body }) => `${body}` === 'hello').length, post.length - 1)
})

test('requests that come before their turn are answered in theirs', async (t) => {
  const backend = await scripted(t, (request, socket) => {
    const [, path] = request.startLine.split(' ')
    setTimeout(() => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path!.length}\r\n\r\n${path}`), 20)
  })
  const balancer = await startBalancer(t, [backend])
  const client = await RawClient.open(t, balancer.port)
  for (let i = 0; i < 5; i++) {
    client.send(`GET /${i} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  for (let i = 0; i < 5; i++) t.equal(`${(await client.response()).body}`, `/${i}`)
})

test('a connection is closed that is idle, silent, or has carried its requests', async (t) => {
  const backend = await scripted(t, answering(OK))
  const idle = await startBalancer(t, [backend], { LB_KEEP_ALIVE_TIMEOUT: '1' })
  const client = await RawClient.open(t, idle.port)
  client.send(GET)
  const first = await client.response()
  t.equal(fieldValue(first.fields, 'keep-alive'), 'timeout=1')
  await client.untilClosed(8000)
  t.notOk(client.broken)

  const silent = await startBalancer(t, [backend], { LB_REQUEST_HEAD_TIMEOUT: '1' })
  const nobody = await RawClient.open(t, silent.port)
  t.equal(statusOf(await nobody.response({ timeoutMs: 8000 })), 408)
  await nobody.untilClosed(8000)

  const limited = await startBalancer(t, [backend], { LB_MAX_REQUESTS_PER_SOCKET: '2' })
  const busy = await RawClient.open(t, limited.port)
  for (const connection of ['keep-alive', 'close']) {
    busy.send(GET)
    t.equal(fieldValue((await busy.response()).fields, 'connection'), connection)
  }
  await busy.untilClosed(8000)
})

for (const mode of ['auto', 'routed'] as const) {
  test(`a body that stops is given up, and one over its limit refused (${mode})`, async (t) => {
    const backend = await scripted(t, answering(OK))
    const slow = await startBalancer(t, [backend], { LB_REQUEST_BODY_TIMEOUT: '0.3', LB_LANE: mode })
    const post = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe'
    t.equal(statusOf(await exchange(t, slow.port, post, { timeoutMs: 8000 })), 408)
    const whole = await startBalancer(t, [backend], { LB_REQUEST_TIMEOUT: '0.3', LB_LANE: mode })
    t.equal(statusOf(await exchange(t, whole.port, post, { timeoutMs: 8000 })), 408)
    const small = await startBalancer(t, [backend], { LB_MAX_BODY_SIZE: '4', LB_LANE: mode })
    t.equal(statusOf(await exchange(t, small.port, post)), 413)
    await eventually(
      () => slow.connections.size + whole.connections.size + small.connections.size === 0,
      8000
    )
  })
}

/** A whole balancer, to which hooks can be added. */
async function hooked(t: Parameters<Parameters<typeof test>[1]>[0], backend: RawBackend) {
  const fastify = createLoadBalancer({ backends: backend.address, noHealthCheck: true, h2c: true })
  atEnd(t, () => fastify.close())
  const listen = async () => {
    await fastify.listen({ host: '127.0.0.1', port: 0 })
    return (fastify.server.address() as { port: number }).port
  }
  return { fastify, listen }
}

for (const hook of ['onRequest', 'preHandler', 'onResponse'] as const) {
  test(`a hook that is added runs for each request, whatever way it came (${hook})`, async (t) => {
    const backend = await scripted(t, answering(OK))
    const { fastify, listen } = await hooked(t, backend)
    const seen: string[] = []
    fastify.addHook(
      hook,
      async (request) => void seen.push(`${request.raw.httpVersion} ${request.method} ${request.originalUrl}`)
    )
    const port = await listen()
    const client = await RawClient.open(t, port)
    client.send(GET)
    await client.response()
    client.send('POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi')
    await client.response()
    client.send('POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n')
    await client.response()
    const http2 = await Http2Client.open(t, port)
    const { status, body } = await http2.get('/d')
    t.same([status, body], [200, 'ok'])
    await eventually(() => seen.length === 4)
    t.same(seen, ['1.1 GET /a?b', '1.1 POST /b', '1.1 POST /c', '2.0 GET /d'])
    t.same(
      backend.requests.map(({ startLine }) => startLine.split(' ')[1]),
      ['/a?b', '/b', '/c', '/d']
    )
  })
}

test('a hook that is added may answer itself', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { fastify, listen } = await hooked(t, backend)
  fastify.addHook('onRequest', async (request, reply) => {
    if (request.headers['x-key'] !== 'k') return reply.code(403).header('a', 'b').send('no')
  })
  const port = await listen()
  const client = await RawClient.open(t, port)
  for (const [key, status] of [
    ['', 403],
    ['X-Key: k\r\n', 200],
    ['', 403]
  ] as const) {
    client.send(GET.replace('\r\n\r\n', `\r\n${key}\r\n`))
    const response = await client.response()
    t.equal(statusOf(response), status)
    t.equal(`${response.body}`, status === 403 ? 'no' : 'ok')
  }
  const http2 = await Http2Client.open(t, port)
  t.equal((await http2.get('/d')).status, 403)
  t.equal((await http2.ask({ ':path': '/d', 'x-key': 'k' })).status, 200)
  t.equal(backend.requests.length, 2)
})
