import { once } from 'node:events'
import { request } from 'node:http'
import type { Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { atEnd, eventually, inFlight, startBalancer, test } from '../helper.js'
import { framed, onRequest } from '../support/frame-backend.js'
import { answering, bodyOf, http2Backend, type StreamRequest } from '../support/http2-backend.js'
import { pairs } from '../support/message.js'
import { OK, answering as rawly, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, fieldValues, type Message, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

const own = (name: string) => !/^(via|x-forwarded-|x-request-id)/.test(name)

/** The fields of a request that the client sent, in order. */
const sentFields = ({ raw }: StreamRequest) => pairs(raw).filter(([name]) => own(name))

async function through(t: Test, answer: (request: StreamRequest) => void, bytes: string, head = false) {
  const backend = await http2Backend(t, answer)
  const balancer = await startBalancer(t, [backend])
  const response = await exchange(t, balancer.port, bytes, { head })
  return { backend, balancer, response, request: backend.requests[0]! }
}

test('a request is the same in the fields of HTTP/2, and the response in those of HTTP/1.1', async (t) => {
  const { response, request } = await through(
    t,
    answering('hello', { 'x-back': 'caf\xe9', 'set-cookie': ['a=1', 'b=2'] }),
    'GET /a/./b?c=%zz HTTP/1.1\r\nX-One: caf\xe9\r\nHost: App.example:8080\r\nUSER-AGENT: u\r\nx-empty:\r\nConnection: close, x-secret\r\nX-Secret: s\r\n\r\n'
  )
  t.same(sentFields(request), [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/a/./b?c=%zz'],
    [':authority', 'App.example:8080'],
    ['x-one', 'caf\xe9'],
    ['user-agent', 'u'],
    ['x-empty', '']
  ])
  t.equal(request.headers.via, '1.1 fairlead')
  t.equal(request.headers['x-forwarded-for'], '127.0.0.1')
  t.equal(response.startLine, 'HTTP/1.1 200 OK')
  t.equal(fieldValue(response.fields, 'x-back'), 'caf\xe9')
  t.same(fieldValues(response.fields, 'set-cookie'), ['a=1', 'b=2'])
  t.equal(response.body.toString(), 'hello')
})

test('fields that come twice go twice, whatever they are', async (t) => {
  const names = [
    'User-Agent',
    'Referer',
    'Cookie',
    'Content-Type',
    'If-Match',
    'X-Mine',
    'TE',
    '__proto__',
    'constructor'
  ]
  const lines = names.map((name) => `${name}: trailers\r\n${name}: two\r\n`).join('')
  const { response, request } = await through(t, answering(), `GET / HTTP/1.1\r\nHost: x\r\n${lines}\r\n`)
  t.equal(statusOf(response), 200)
  const got = sentFields(request).filter(([name]) => !name.startsWith(':'))
  const wanted = names.flatMap((name) =>
    name === 'TE'
      ? []
      : [
          [name.toLowerCase(), 'trailers'],
          [name.toLowerCase(), 'two']
        ]
  )
  t.same(got, [...wanted, ['te', 'trailers']])
})

test('a head longer than a frame goes in several', async (t) => {
  const values = Array.from({ length: 5 }, (_, i) => `${i}`.repeat(9000))
  const lines = values.map((value, i) => `X-${i}: ${value}\r\n`).join('')
  const backend = await http2Backend(t, answering(), { settings: { maxHeaderListSize: 100_000 } })
  const balancer = await startBalancer(t, [backend], { LB_MAX_HEADER_SIZE: '60000' })
  const response = await exchange(
    t,
    balancer.port,
    `GET /${'p'.repeat(4000)} HTTP/1.1\r\nHost: x\r\n${lines}\r\n`
  )
  t.equal(statusOf(response), 200)
  const [request] = backend.requests
  t.same(
    values.map((_, i) => request!.headers[`x-${i}`]),
    values
  )
})

for (const [framing, field, body] of [
  ['of a length', 'Content-Length: 10', 'hellothere'],
  [
    'in chunks',
    'Transfer-Encoding: chunked',
    '5\r\nhello\r\n5\r\nthere\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n'
  ]
] as const) {
  test(`a body ${framing} is passed on as it comes, with its trailers`, async (t) => {
    const backend = await http2Backend(t, async (request) => {
      const trailers = once(request.stream, 'trailers').catch(() => [])
      const whole = await bodyOf(request)
      const fields = framing === 'in chunks' ? (await trailers)[0] : {}
      answering(JSON.stringify([whole.toString(), fields]))(request)
    })
    const balancer = await startBalancer(t, [backend])
    const client = await RawClient.open(t, balancer.port)
    client.send(`POST / HTTP/1.1\r\nHost: x\r\n${field}\r\n\r\n${body.slice(0, 8)}`)
    await eventually(() => backend.requests.length === 1)
    client.send(body.slice(8))
    const response = await client.response()
    const [got, trailers] = JSON.parse(response.body.toString())
    t.equal(got, 'hellothere')
    t.same(trailers, framing === 'in chunks' ? { 'x-sum': '7' } : {})
    t.equal(backend.requests[0]!.headers['content-length'], framing === 'in chunks' ? undefined : '10')
    t.equal(backend.requests[0]!.headers['transfer-encoding'], undefined)
  })
}

test('the last byte of a response goes on before its end comes, and other responses leave it alone', async (t) => {
  const backend = await framed(
    t,
    onRequest((id, peer) => {
      peer.head(id, [':status', '200', 'content-length', '5'])
      peer.data(id, 'hello')
    })
  )
  const balancer = await startBalancer(t, `${backend.address};h2`)
  const [first, second] = [await RawClient.open(t, balancer.port), await RawClient.open(t, balancer.port)]
  first.send(GET)
  await first.until((text) => text.endsWith('hello'))
  t.same(inFlight(balancer), [1, 1])
  second.send(GET)
  await second.until((text) => text.endsWith('hello'))
  const [peer] = backend.peers
  peer!.data(1, '', true)
  peer!.data(3, '', true)
  for (const client of [first, second]) {
    t.equal((await client.response()).body.toString(), 'hello')
    t.equal(client.received.length, 0)
  }
})

test('trailers of a response pass', async (t) => {
  const { response } = await through(
    t,
    ({ stream }) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-t': 'caf\xe9' }))
      stream.end('body')
    },
    'GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n'
  )
  t.equal(response.framing, 'chunked')
  t.same(response.trailers, [
    ['grpc-status', '0'],
    ['x-t', 'caf\xe9']
  ])
})

for (const [what, method, status] of [
  ['the response to HEAD', 'HEAD', 200],
  ['204', 'GET', 204],
  ['304', 'GET', 304]
] as const) {
  test(`${what} has no body, and its connection goes on`, async (t) => {
    const backend = await http2Backend(t, ({ stream }) => {
      stream.respond(
        { ':status': status, ...(status === 204 ? {} : { 'content-length': '5' }) },
        { endStream: true }
      )
    })
    const balancer = await startBalancer(t, [backend])
    const client = await RawClient.open(t, balancer.port)
    for (let i = 0; i < 2; i++) {
      client.send(`${method} / HTTP/1.1\r\nHost: x\r\n\r\n`)
      const response = await client.response({ head: method === 'HEAD' })
      t.equal(statusOf(response), status)
      t.equal(fieldValue(response.fields, 'content-length'), status === 204 ? undefined : '5')
    }
  })
}

test('interim responses pass, and a client that waits with its body is told to go on', async (t) => {
  const backend = await http2Backend(t, async (request) => {
    request.stream.additionalHeaders({ ':status': 103, link: '</x>' })
    request.stream.additionalHeaders({ ':status': 100 })
    answering(await bodyOf(request))(request)
  })
  // Node answers by itself otherwise.
  backend.server.on('checkContinue', () => {})
  const balancer = await startBalancer(t, [backend])
  const client = await RawClient.open(t, balancer.port)
  client.send('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
  t.match(await client.next(), { startLine: 'HTTP/1.1 103 Early Hints', fields: [['link', '</x>']] })
  t.match(await client.next(), { startLine: 'HTTP/1.1 100 Continue' })
  t.equal(backend.requests[0]!.headers.expect, '100-continue')
  client.send('hello')
  t.equal((await client.response()).body.toString(), 'hello')
})

test('an answer before the end of the request reaches the client, and the backend is spared the rest', async (t) => {
  const backend = await http2Backend(t, ({ stream }) => {
    stream.respond({ ':status': 413 })
    stream.end('big')
  })
  const balancer = await startBalancer(t, [backend])
  const client = await RawClient.open(t, balancer.port)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n')
  const upload = setInterval(() => client.socket.writable && client.socket.write(Buffer.alloc(65_536)), 1)
  const response = await client.response().finally(() => clearInterval(upload))
  t.match([response.startLine, response.body.toString()], ['HTTP/1.1 413 Payload Too Large', 'big'])
  await client.untilClosed()
  const { stream } = backend.requests[0]!
  await eventually(() => stream.destroyed)
  t.equal(backend.sessions.size, 1, 'its connection goes on')
  t.match(balancer.stats(), { requests: { failed: 0 }, backends: [{ failed: 0 }] })
})

test('both directions may run at once', async (t) => {
  const backend = await http2Backend(t, ({ stream }) => {
    stream.respond({ ':status': 200 })
    stream.pipe(stream)
  })
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  client.send('POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (const word of ['one', 'two', 'six']) {
    client.send(`3\r\n${word}\r\n`)
    await client.until((text) => text.includes(word))
  }
  client.send('0\r\n\r\n')
  t.equal((await client.response()).body.toString(), 'onetwosix')
})

test('OPTIONS *, methods of WebDAV, and a host that is named in the target', async (t) => {
  const backend = await http2Backend(t, answering())
  const { port } = await startBalancer(t, [backend])
  for (const bytes of [
    'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
    'PROPFIND /dav HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET http://y.test/z HTTP/1.1\r\nHost: y.test\r\n\r\n',
    'GET /old HTTP/1.0\r\n\r\n'
  ])
    t.equal(statusOf(await exchange(t, port, bytes)), 200)
  t.match(
    backend.requests.map(({ headers }) => [headers[':method'], headers[':path'], headers[':authority']]),
    [
      ['OPTIONS', '*', 'x'],
      ['PROPFIND', '/dav', 'x'],
      ['GET', '/z', 'y.test'],
      ['GET', '/old', backend.address.replace(';h2', '')]
    ]
  )
})

test('clients share connections, and one that leaves takes its stream alone', async (t) => {
  const backend = await http2Backend(t, () => {})
  const balancer = await startBalancer(t, [backend])
  const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(t, balancer.port)))
  for (const client of clients) client.send(GET)
  await eventually(() => backend.requests.length === 20)
  t.equal(backend.connections, 1)
  t.same(inFlight(balancer), [20, 20])
  const start = performance.now()
  clients[7]!.abort()
  await eventually(() => backend.requests.filter(({ stream }) => stream.destroyed).length === 1)
  t.ok(performance.now() - start < 5000)
  t.match(
    backend.requests.find(({ stream }) => stream.destroyed),
    { stream: { rstCode: 8 } }
  )
  for (const request of backend.requests) if (!request.stream.destroyed) answering()(request)
  const responses: Message[] = []
  for (const client of clients) if (client !== clients[7]) responses.push(await client.response())
  t.ok(responses.every((response) => response.body.toString() === 'ok'))
  t.match(balancer.stats(), { requests: { failed: 0 }, backends: [{ failed: 0, retries: 0 }] })
})

test('a body that the client leaves alone ends its stream', async (t) => {
  const backend = await http2Backend(t, ({ stream }) => stream.resume())
  const balancer = await startBalancer(t, [backend])
  const client = await RawClient.open(t, balancer.port)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello')
  await eventually(() => backend.requests.length === 1)
  client.abort()
  await eventually(() => backend.requests[0]!.stream.destroyed)
  t.equal(backend.requests[0]!.stream.rstCode, 8)
  await eventually(() => inFlight(balancer).every((count) => count === 0))
})

test('a WebSocket goes over HTTP/1.1, where the backend speaks that too', async (t) => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}!`)))
  await once(sockets, 'listening')
  atEnd(t, () => sockets.close())
  const { port } = sockets.address() as { port: number }
  const balancer = await startBalancer(t, `127.0.0.1:${port};h2`)
  const socket = new WebSocket(`ws://127.0.0.1:${balancer.port}/chat`)
  atEnd(t, () => socket.terminate())
  await once(socket, 'open')
  socket.send('hi')
  t.equal(`${(await once(socket, 'message'))[0]}`, 'hi!')
})

test('where it does not, a change of protocol is refused', async (t) => {
  const backend = await http2Backend(t, answering())
  const { port } = await startBalancer(t, [backend])
  const response = await exchange(
    t,
    port,
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  )
  t.equal(statusOf(response), 502)
})

test('a backend may be said to speak another HTTP while it runs', async (t) => {
  const backend = await http2Backend(t, answering())
  const balancer = await startBalancer(t, backend.address.replace(';h2', ''))
  const status = async () => statusOf(await exchange(t, balancer.port, GET))
  t.equal(await status(), 502)
  const [it] = balancer.registry.backends
  balancer.registry.reconfigure(it!, { ...it!.config, h2: true })
  t.equal(await status(), 200)
})

test('a mixed fleet takes each request in the HTTP of the backend', async (t) => {
  const backends = [await http2Backend(t, answering('two')), await scripted(t, rawly(OK))]
  const balancer = await startBalancer(t, backends, { LB_ALGORITHM: 'round-robin' })
  const bodies: string[] = []
  for (let i = 0; i < 4; i++) bodies.push((await exchange(t, balancer.port, GET)).body.toString())
  t.same(bodies.sort(), ['ok', 'ok', 'two', 'two'])
})

test('a client with keep-alive sends one request after another', async (t) => {
  const backend = await http2Backend(t, async (asked) => answering(await bodyOf(asked))(asked))
  const { port } = await startBalancer(t, [backend])
  for (let size = 1; size < 5_000_000; size *= 7) {
    const body = Buffer.alloc(size, `${size}.`)
    const req = request({ host: '127.0.0.1', port, method: 'POST' })
    req.end(body)
    const [res] = await once(req, 'response')
    const parts: Buffer[] = []
    for await (const part of res) parts.push(part)
    t.ok(Buffer.concat(parts).equals(body), `${size} bytes`)
  }
})
