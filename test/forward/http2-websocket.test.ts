import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import WebSocket, { WebSocketServer } from 'ws'
import { atEnd, eventually, inFlight, startBalancer, test } from '../helper.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { answering, scripted } from '../support/raw-backend.js'

const H2C = { LB_H2C: 'true' }
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
  await eventually(() => messages.length === 2, 5000)
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
  await eventually(() => sockets.every(({ messages }) => messages.length === 1), 5000)
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
  await eventually(() => stream.closed, 4000)
  const other = await answerOn(client.begin({ ...OPENING, ':protocol': 'connect-udp' }, true))
  t.match(other, { status: 501, body: /LB_UNKNOWN_METHOD/ })
  t.equal((await client.get('/')).status, 426)
})
