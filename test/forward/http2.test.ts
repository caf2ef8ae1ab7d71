import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import WebSocket, { WebSocketServer } from 'ws'
import { atEnd, eventually, inFlight, startBalancer, test } from '../helper.js'
import { TOKEN } from '../support/api.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { answering, OK, scripted, serving } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

// HTTP/2

const H2C = { LB_H2C: 'true' }

test('a request by HTTP/2 reaches the backend as one of HTTP/1.1', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, port)
  const { status, body } = await client.ask({
    ':path': '//a/../b?x=%zz',
    'x-own': 'caf\xe9',
    cookie: ['a=1', 'b=2'],
    te: 'trailers',
    'x-forwarded-for': '6.6.6.6'
  })
  t.same([status, body], [200, 'ok'])
  const [{ startLine, fields } = { startLine: '', fields: [] }] = backend.requests
  t.equal(startLine, 'GET //a/../b?x=%zz HTTP/1.1')
  t.same(fields.slice(0, 5), [
    ['host', 'a.test'],
    ['x-own', 'caf\xe9'],
    ['cookie', 'a=1; b=2'],
    ['TE', 'trailers'],
    ['Connection', 'TE']
  ])
  const named = Object.fromEntries(fields)
  t.match(named, { 'X-Forwarded-For': '127.0.0.1', 'X-Forwarded-Host': 'a.test', Via: '2.0 fairlead' })
  t.notOk(fields.some(([name]) => name.startsWith(':') || name === 'transfer-encoding'))
})

test('a response keeps its fields, without those of its connection', async (t) => {
  const backend = await scripted(
    t,
    answering(
      'HTTP/1.1 299 Odd\r\nSet-Cookie: a=1\r\nX-Up: caf\xe9\r\nSet-Cookie: b=2\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n' +
        'Keep-Alive: timeout=9\r\nConnection: X-Named\r\nX-Named: gone\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 2\r\n\r\nok'
    )
  )
  const { port } = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, port)
  const { status, headers, body } = await client.get('/')
  t.same([status, body], [299, 'ok'])
  t.match(headers, {
    'set-cookie': ['a=1', 'b=2'],
    'x-up': 'caf\xe9',
    // Of a repeated one, which is passed on as it came, this client shows the first.
    'content-type': 'a/b',
    'x-two': '1, 2',
    'content-length': '2',
    date: /GMT$/
  })
  t.notOk(headers['x-named'] ?? headers['keep-alive'] ?? headers.connection)
})

test('bodies arrive whole, whether their length is declared or not', async (t) => {
  const backend = await scripted(t, (request, socket) => {
    const length = request.body.length
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`)
    socket.write(request.body)
  })
  const { port } = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, port)
  const big = Buffer.alloc(3_000_000, 'abcdefghij')
  const asked = [
    client.ask({ ':method': 'POST', ':path': '/1' }, big),
    client.ask({ ':method': 'PUT', ':path': '/2', 'content-length': big.length }, big),
    client.ask({ ':method': 'DELETE', ':path': '/3' }, 'small'),
    client.ask({ ':method': 'POST', ':path': '/4', 'content-length': 0 }, '')
  ]
  const bodies = (await Promise.all(asked)).map(({ body }) => body)
  t.same(
    bodies.map((body) => body.length),
    [big.length, big.length, 5, 0]
  )
  t.ok(bodies[0] === big.toString() && bodies[1] === big.toString())
  const framing = Object.fromEntries(
    backend.requests.map(({ startLine, framing }) => [startLine[5]!, framing])
  )
  t.match(backend.requests.map(({ startLine }) => startLine.split(' ')[0]).sort(), [
    'DELETE',
    'POST',
    'POST',
    'PUT'
  ])
  t.ok(framing)
})

test('heads without a body, and chunks with trailers in both directions', async (t) => {
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n')
    else if (startLine.includes('/204')) socket.write('HTTP/1.1 204 No Content\r\n\r\n')
    else if (startLine.includes('/304'))
      socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n')
    else
      socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\nContent-Length: 1\r\n\r\n'
      )
  })
  const { port } = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, port)
  const head = await client.ask({ ':method': 'HEAD', ':path': '/' })
  t.match(head, { status: 200, body: '', headers: { 'content-length': '500' } })
  t.match(await client.get('/204'), { status: 204, body: '' })
  t.match(await client.get('/304'), { status: 304, body: '' })

  const stream = client.begin({ ':method': 'POST', ':path': '/' }, true, true)
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-check': '1' }))
  stream.end('body')
  const { body, trailers } = await answerOn(stream)
  t.equal(body, 'abc')
  t.match(trailers, { 'x-sum': '7' })
  t.notOk(trailers['content-length'])
  const { framing, trailers: sent, body: sentBody } = backend.requests.at(-1)!
  t.same([framing, sent, `${sentBody}`], ['chunked', [['x-check', '1']], 'body'])
})

test('interim responses go on, and whether a body is wanted is for the backend to say', async (t) => {
  const backend = await serving(t, (socket) => {
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      if (text.endsWith('\r\n\r\n') && text.includes('100-continue'))
        socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      else if (text.endsWith('\r\n\r\n')) socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`)
      else if (text.endsWith('later')) socket.write(OK)
    })
  })
  const { port } = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, port)
  t.match(await client.get('/'), { status: 200, interim: [103] })
  const fields = { ':method': 'POST', ':path': '/', expect: '100-continue', 'content-length': 5 }
  const stream = client.begin(fields, true)
  const answer = answerOn(stream)
  await once(stream, 'continue')
  stream.end('later')
  t.match(await answer, { status: 200, interim: [100] })
})

test('a response that breaks is reset, and never ended as if whole', async (t) => {
  const backend = await scripted(t, ({ startLine }, socket) => {
    const head = startLine.includes('/length') ? 'Content-Length: 9' : 'Transfer-Encoding: chunked'
    socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${head.startsWith('C') ? 'part' : '4\r\npart\r\n'}`)
  })
  const balancer = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, balancer.port)
  for (const path of ['/length', '/chunks']) {
    const { status, code } = await client.get(path)
    t.same([status, code], [200, 2], path)
  }
  t.match(await client.get('/length'), { status: 200 }, 'the session goes on')
  t.equal(balancer.stats().backends[0]!.failed, 3)
})

test('what the balancer answers itself', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await startBalancer(t, [backend], {
    ...H2C,
    LB_MAX_BODY_SIZE: '10',
    LB_MAX_TARGET_LENGTH: '20',
    LB_ADMIN_TOKEN: TOKEN
  })
  const client = await Http2Client.open(t, port)
  const fails = async (headers: object, status: number, code: string, body?: string) => {
    const answer = await client.ask(headers as never, body)
    t.equal(answer.status, status, code)
    t.equal(JSON.parse(answer.body).code, code)
  }
  await fails({ ':path': `/${'x'.repeat(30)}` }, 414, 'LB_TARGET_TOO_LONG')
  await fails(
    { ':path': '/', ':method': 'POST', 'content-length': 11 },
    413,
    'LB_BODY_TOO_LARGE',
    'x'.repeat(11)
  )
  await fails({ ':path': '/', ':method': 'POST' }, 413, 'LB_BODY_TOO_LARGE', 'x'.repeat(11))
  await fails({ ':path': '/', expect: 'magic' }, 417, 'LB_EXPECTATION')
  t.equal((await client.get('/')).status, 200)
  t.equal((await client.get('/__lb/live')).status, 200)
  const page = await client.ask({ ':path': '/__lb/stats', ':authority': 'localhost' })
  t.equal(JSON.parse(page.body).requests.total, stats().requests.total)
  t.equal((await client.get('/__lb/%73tats')).status, 404)
  const change = {
    ':method': 'PATCH',
    ':authority': 'lb.internal',
    ':path': `/__lb/api/backends/${backend.address}`,
    'content-type': 'application/json',
    authorization: `Bearer ${TOKEN}`
  }
  for (const [origin, status] of [
    ['http://lb.internal', 200],
    ['https://lb.internal', 403],
    ['http://b.test', 403]
  ] as const)
    t.equal((await client.ask({ ...change, origin }, '{"weight":2}')).status, status, origin)
  t.equal((await client.ask({ ...change, authorization: 'Bearer x' }, '{"weight":2}')).status, 401)
})

test('a client that leaves takes its request along, and no other', async (t) => {
  const open: unknown[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/slow')) {
      open.push(socket)
      socket.on('close', () => open.pop())
    } else socket.write(OK)
  })
  const balancer = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, balancer.port)
  const slow = client.begin({ ':path': '/slow' })
  await eventually(() => open.length === 1)
  slow.close(8)
  await eventually(() => open.length === 0 && inFlight(balancer).every((count) => count === 0))
  t.equal((await client.get('/')).status, 200)
  client.begin({ ':path': '/slow' })
  await eventually(() => open.length === 1)
  // Its body is wanted by nobody yet.
  client.begin({ ':method': 'POST', ':path': '/slow', 'content-length': 9 }, true)
  await eventually(() => balancer.registry.inFlight === 2)
  client.session.destroy()
  await eventually(() => open.length === 0 && inFlight(balancer).every((count) => count === 0))
  t.equal(balancer.stats().backends[0]!.failed, 0)
})

test('HTTP/1.1 is spoken beside it, in whatever parts its first line comes', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], H2C)
  for (const method of ['GET', 'POST', 'PRI', 'PROPFIND']) {
    const status = method === 'PRI' ? 400 : 200
    const request = `${method} / HTTP/1.1\r\nHost: a\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`
    if (method !== 'PRI') t.equal(statusOf(await exchange(t, port, request)), status, method)
  }
  const plain = await startBalancer(t, [backend])
  const session = connect(`http://127.0.0.1:${plain.port}`)
  atEnd(t, () => session.destroy())
  const [error] = await once(session, 'error')
  t.ok(error, 'without the option nobody understands it')
})

// WebSocket over HTTP/2

const OPENING = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':path': '/chat',
  'sec-websocket-version': '13'
}
const MB = 1_000_000

/** Parts of ws that it does not describe. */
const { Sender, Receiver } = WebSocket as unknown as {
  Sender: new (stream: Duplex) => { send(data: Buffer, options: object): void }
  Receiver: new (options: object) => NodeJS.WritableStream
}

/** A backend that echoes every message. */
async function echoing(t: Test) {
  const http = createServer((_req, res) => void res.writeHead(426).end())
  const server = new WebSocketServer({ server: http, maxPayload: 4 * MB, handleProtocols: () => 'two' })
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    socket.on('error', () => {})
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  atEnd(t, () => {
    for (const socket of server.clients) socket.terminate()
    http.close()
    http.closeAllConnections()
  })
  return { address: `127.0.0.1:${(http.address() as AddressInfo).port}`, clients: server.clients }
}

/** Opens a WebSocket on a stream; the messages that come are noted. */
async function open(client: Http2Client, fields: object = {}) {
  const stream = client.begin({ ...OPENING, ...fields }, true)
  const [headers] = await once(stream, 'response')
  const messages: Buffer[] = []
  const receiver = new Receiver({ isServer: false, maxPayload: 4 * MB })
  receiver.on('message', (data: Buffer) => messages.push(data))
  stream.pipe(receiver)
  const sender = new Sender(stream)
  const send = (data: Buffer) => sender.send(data, { fin: true, mask: true, binary: true, compress: false })
  return { stream, headers, messages, send }
}

test('a WebSocket over HTTP/2 reaches a backend that speaks HTTP/1.1', async (t) => {
  const backend = await echoing(t)
  const balancer = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, balancer.port)
  t.equal(client.session.remoteSettings.enableConnectProtocol, true)
  const { stream, headers, messages, send } = await open(client, { 'sec-websocket-protocol': 'one, two' })
  t.match(headers, { ':status': 200, 'sec-websocket-protocol': 'two' })
  t.notOk(headers['sec-websocket-accept'] ?? headers.upgrade ?? headers.connection)
  t.same(inFlight(balancer), [1, 1])
  t.equal(balancer.stats().requests.tunnels, 1)
  const data = Buffer.alloc(MB, 'frame ')
  send(Buffer.from('hello'))
  send(data)
  await eventually(() => messages.length === 2)
  t.equal(`${messages[0]}`, 'hello')
  t.ok(data.equals(messages[1]!))
  stream.end()
  await eventually(() => inFlight(balancer).every((count) => count === 0))
  t.equal(backend.clients.size, 0)
  t.equal((await client.get('/')).status, 426, 'the session goes on')
})

test('WebSockets of one session know nothing of each other', async (t) => {
  const backend = await echoing(t)
  const balancer = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, balancer.port)
  const sockets = await Promise.all(Array.from({ length: 50 }, () => open(client)))
  for (const [index, { send }] of sockets.entries()) send(Buffer.from(`${index}`))
  await eventually(() => sockets.every(({ messages }) => messages.length === 1))
  t.ok(sockets.every(({ messages }, index) => `${messages[0]}` === `${index}`))
  sockets[0]!.stream.close(8)
  await eventually(() => inFlight(balancer)[0] === 49)
  for (const socket of backend.clients) socket.terminate()
  await eventually(() => sockets.every(({ stream }) => stream.closed))
  t.equal((await client.get('/')).status, 426)
})

test('a backend that does not change its protocol has its answer passed on', async (t) => {
  const backend = await scripted(t, answering('HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnope'))
  const { port } = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, port)
  const answer = await answerOn(client.begin(OPENING, true))
  t.match(answer, { status: 403, body: 'nope' })
  const [{ startLine, fields } = { startLine: '', fields: [] }] = backend.requests
  t.equal(startLine, 'GET /chat HTTP/1.1')
  t.match(Object.fromEntries(fields), {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': /^[\w+/]{22}==$/
  })
})

test('a silent WebSocket is closed in time, and other protocols are none that are known', async (t) => {
  const backend = await echoing(t)
  const { port } = await startBalancer(t, [backend], { ...H2C, LB_TUNNEL_TIMEOUT: '1' })
  const client = await Http2Client.open(t, port)
  const { stream } = await open(client)
  await eventually(() => stream.closed)
  const other = await answerOn(client.begin({ ...OPENING, ':protocol': 'connect-udp' }, true))
  t.match(other, { status: 501, body: /LB_UNKNOWN_METHOD/ })
  t.equal((await client.get('/')).status, 426)
})
