import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { atEnd, eventually, sleep, startBalancer, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { type Authority, authority } from '../support/certificates.js'
import { command, needs } from '../support/command.js'
import { Http2Client } from '../support/http2-client.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { startSecureBalancer } from '../support/secure-balancer.js'
import { securePorts } from '../support/secure-ports.js'
import { fieldValue, statusOf } from '../support/wire.js'

// Traffic

const get = (target = '/', ...lines: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: x.test', ...lines, '', ''].join('\r\n')

test('a connection goes on after an upload that has come before it was wanted', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await scripted(t, answering(OK))
  const { port } = await startSecureBalancer(t, by, [backend], { LB_BUFFER_SIZE: '1024' })
  const client = await RawClient.open(t, port)
  // Several records of TLS in one read, of which the first is more than is buffered while the backend is connected to.
  const body = pattern('upload', 40_000)
  client.send(
    Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`), body])
  )
  t.equal(statusOf(await client.response()), 200)
  t.ok(backend.requests[0]!.body.equals(body))
  client.send(get())
  t.equal(statusOf(await client.response()), 200)
})

test('backends learn that it is https, and from which port', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await scripted(t, answering(OK))
  const { port } = await startSecureBalancer(t, by, [backend], { LB_FORWARDED: 'true' })
  await exchange(t, port, get('/', 'X-Forwarded-Proto: http', 'X-Forwarded-Port: 1'))
  const { fields } = backend.requests[0]!
  const told = ['x-forwarded-proto', 'x-forwarded-port', 'x-forwarded-for', 'forwarded']
  t.same(
    told.map((name) => fieldValue(fields, name)),
    ['https', `${port}`, '127.0.0.1', 'for=127.0.0.1;host="x.test";proto=https']
  )
  const trusting = await startSecureBalancer(t, by, [backend], { LB_TRUSTED_PROXIES: '127.0.0.1' })
  for (const [sent, passed] of [
    ['X-Forwarded-Proto: http', 'http'],
    ['X-Other: 1', 'https']
  ] as const) {
    await exchange(t, trusting.port, get('/', sent))
    t.equal(fieldValue(backend.requests.at(-1)!.fields, 'x-forwarded-proto'), passed)
  }
})

test('responses over TLS promise TLS for the future, once', async (t) => {
  const by = authority(t)
  if (!by) return
  const withOwn = 'HTTP/1.1 200 OK\r\nstrict-Transport-security: max-age=5\r\nContent-Length: 0\r\n\r\n'
  const backend = await scripted(
    t,
    ({ startLine }, socket) => void socket.write(/own/.test(startLine) ? withOwn : OK)
  )
  const { port } = await startSecureBalancer(t, by, [backend], { LB_HSTS: '600' })
  const promises = async (bytes: string) =>
    (await exchange(t, port, bytes)).fields
      .filter(([name]) => name.toLowerCase() === 'strict-transport-security')
      .map(([, value]) => value)
  t.same(await promises(get()), ['max-age=600'])
  t.same(await promises(get('/own')), ['max-age=5'], "the backend's goes first")
  t.same(await promises(get('/__lb/live')), ['max-age=600'])
  t.same(await promises(get('/__lb/none')), ['max-age=600'])
  t.same(await promises(get('/', 'Host: y.test')), ['max-age=600'], 'what is refused')
  const silent = await startSecureBalancer(t, by, [backend])
  const { fields } = await exchange(t, silent.port, get())
  t.equal(fieldValue(fields, 'strict-transport-security'), undefined, 'not unless it is wanted')
})

test('the cookie of a session is for TLS alone', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await scripted(t, answering(OK))
  const env = { LB_STICKY_COOKIE: 'lb' }
  const { port } = await startSecureBalancer(t, by, [backend], env)
  t.match(fieldValue((await exchange(t, port, get())).fields, 'set-cookie'), /; Secure$/)
  const plain = await startBalancer(t, [backend], env)
  t.notMatch(fieldValue((await exchange(t, plain.port, get())).fields, 'set-cookie'), /Secure/)
})

test('WebSockets pass over TLS', async (t) => {
  const by = authority(t)
  if (!by) return
  const http = createServer()
  const server = new WebSocketServer({ server: http })
  server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  atEnd(t, () => {
    for (const socket of server.clients) socket.terminate()
    http.close()
  })
  const address = `127.0.0.1:${(http.address() as AddressInfo).port}`
  const { port, stats } = await startSecureBalancer(t, by, [{ address }])
  const socket = new WebSocket(`wss://localhost:${port}/`, { ca: by.pem, family: 4 })
  atEnd(t, () => socket.terminate())
  await once(socket, 'open')
  for (const message of ['hello', 'x'.repeat(1_000_000), 'ü€😀']) {
    socket.send(message)
    const [data] = await once(socket, 'message')
    t.ok(Buffer.from(message).equals(data), `${message.length} characters`)
  }
  t.equal(stats().requests.tunnels, 1)
  socket.close()
  await once(socket, 'close')
})

test('the PROXY protocol comes before TLS', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await scripted(t, answering(OK))
  const env = { LB_PROXY_PROTOCOL: 'true', LB_TRUSTED_PROXIES: '127.0.0.1', LB_REQUEST_HEAD_TIMEOUT: '1' }
  const balancer = await startSecureBalancer(t, by, [backend], env)
  const header = 'PROXY TCP4 203.0.113.9 192.0.2.1 4000 443\r\n'
  for (const isRead of [false, true]) {
    const client = await behindHeader(t, by, balancer.port, header, isRead)
    client.send(get())
    t.equal(statusOf(await client.response()), 200)
    const { fields } = backend.requests.at(-1)!
    const told = ['x-forwarded-for', 'x-forwarded-port', 'x-forwarded-proto']
    t.same(
      told.map((name) => fieldValue(fields, name)),
      ['203.0.113.9', '443', 'https']
    )
    client.socket.destroy()
  }
  await t.rejects(RawClient.open(t, balancer.port), 'without it there is no handshake')
  // At the end of a test a balancer is asked whether it is well, which goes without a header.
  await eventually(() => balancer.connections.size === 0)
  await balancer.fastify.close()
})

/** Sends a header, and shakes hands at once, or when it has been read. */
async function behindHeader(t: Test, by: Authority, port: number, header: string, isRead: boolean) {
  const raw: Socket = connect({ host: '127.0.0.1', port, noDelay: true })
  atEnd(t, () => raw.destroy())
  await once(raw, 'connect')
  raw.write(header)
  if (isRead) await sleep(50)
  return RawClient.secured(t, raw, { ca: by.pem, servername: 'localhost' })
}

test('curl believes it by the authority alone, and keeps its connection', async (t) => {
  const by = authority(t)
  if (!by || !needs(t, 'curl')) return
  const body = pattern('curl', 3_000_000)
  const backend = await scripted(t, ({ body }, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body)
  })
  const { port } = await startSecureBalancer(t, by, [backend])
  const url = `https://localhost:${port}/`
  const args = ['-q', '-sS', '-4', '--max-time', '15', '--noproxy', '*', '--data-binary', '@-']
  const answer = ['-w', '%{stderr}%{num_connects} %{http_code} ', '-o', '-']
  const known = await command(t, 'curl', [...args, ...answer, '--cacert', by.file, url], { input: body })
  t.equal(known.code, 0, known.stderr)
  t.ok(known.stdout.equals(body), 'all of it came back')
  const two = await command(t, 'curl', [
    '-q',
    '-sS',
    '-4',
    ...answer,
    '--cacert',
    by.file,
    url,
    '-o',
    '-',
    url
  ])
  t.equal(two.stderr, '1 200 0 200 ')
  const unknown = await command(t, 'curl', [...args, url], { input: body })
  t.equal(unknown.code, 60, 'a certificate of an authority that it does not know')
})

// HTTP/2

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** What is agreed on with a client that offers these. */
async function agreed(t: Parameters<typeof startBalancer>[0], port: number, protocols: string[]) {
  const client = await RawClient.open(t, port, { ...securePorts.get(port), ALPNProtocols: protocols })
  return { client, protocol: (client.socket as unknown as { alpnProtocol: string | false }).alpnProtocol }
}

test('the version is agreed on in the handshake, and HTTP/2 goes first', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await scripted(t, answering(OK))
  const { port } = await startSecureBalancer(t, by, [backend])
  t.equal((await agreed(t, port, ['http/1.1', 'h2'])).protocol, 'h2')
  const { protocol, client } = await agreed(t, port, ['http/1.1'])
  t.equal(protocol, 'http/1.1')
  client.send(GET)
  t.equal(statusOf(await client.response()), 200)
  const old = await RawClient.open(t, port)
  old.send(GET)
  t.equal(statusOf(await old.response()), 200, 'who names none speaks HTTP/1.1')

  const { port: oldPort } = await startSecureBalancer(t, by, [backend], { LB_NO_HTTP2: 'true' })
  t.equal((await agreed(t, oldPort, ['h2', 'http/1.1'])).protocol, 'http/1.1')
})

test('requests over TLS say so, and the promise to use nothing else goes along', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await startSecureBalancer(t, by, [backend], { LB_HSTS: '60' })
  const client = await Http2Client.open(t, port)
  t.match(await client.get('/'), { status: 200, headers: { 'strict-transport-security': 'max-age=60' } })
  t.match(Object.fromEntries(backend.requests[0]!.fields), {
    'X-Forwarded-Proto': 'https',
    Via: '2.0 fairlead'
  })
  t.match(await client.ask({ ':path': '/__lb/stats', ':authority': 'localhost' }), {
    status: 200,
    headers: { 'strict-transport-security': 'max-age=60' }
  })
  t.match(await client.ask({ ':path': '/#' }), {
    status: 400,
    headers: { 'strict-transport-security': 'max-age=60' }
  })
  t.equal(stats().connections.open, 1)
  const many = await Promise.all(Array.from({ length: 200 }, (_, index) => client.get(`/${index}`)))
  t.ok(many.every(({ status }) => status === 200))
  const closed = once(client.session, 'close')
  client.session.close()
  await closed
})

test('curl speaks HTTP/2 with it', async (t) => {
  const by = authority(t)
  if (!by || !needs(t, 'curl')) return
  const backend = await scripted(t, answering(OK))
  const { port } = await startSecureBalancer(t, by, [backend])
  const args = ['-sS', '--http2', '--cacert', by.file, '-w', ' %{http_version} %{http_code}']
  const url = `https://localhost:${port}/`
  const { stdout } = await command(t, 'curl', [...args, '--resolve', `localhost:${port}:127.0.0.1`, url])
  t.equal(`${stdout}`, 'ok 2 200')
})
