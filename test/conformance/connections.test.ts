import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, test } from '../helper.js'
import { OK, type Script } from '../support/raw-backend.js'
import type { RawClient } from '../support/raw-client.js'
import { fieldValue, fieldValues, type Message, readMessage, statusOf } from '../support/wire.js'
import { openStage, type Stage } from './harness.js'
import { ownFields } from './own-fields.js'

const get = (...lines: string[]) => ['GET / HTTP/1.0', ...lines, '', ''].join('\r\n')
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n'
const closing: Script = (_request, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nhello')

const ANSWERS: readonly [name: string, act: string | Script, body: string][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  ['chunks', CHUNKED, 'hello'],
  ['no chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', ''],
  ['the end of the connection', closing, 'hello'],
  ['no body', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  ['a length of none', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '']
]

test('a client of HTTP/1.0 gets what it can read, and then the end', async (t) => {
  const stage = await openStage(t)
  for (const host of [[], ['Host: x']]) {
    for (const [name, act, body] of ANSWERS) {
      stage.act = act
      const client = await stage.client()
      client.send(get(...host))
      await client.untilClosed()
      const response = await client.response()
      const label = `${name}, ${host.length ? 'with' : 'without'} Host`
      t.equal(`${response.body}`, body, `${label} (RFC 9112, 9.3)`)
      t.not(response.framing, 'chunked', `${label} (RFC 9112, 6.1)`)
      t.same(fieldValues(response.fields, 'transfer-encoding'), [], `${label} (RFC 9112, 6.1)`)
      t.same(response.trailers, [])
      t.notMatch(fieldValues(response.fields, 'connection').join(), /keep-alive/i)
    }
  }
  t.ok(await stage.isWell())
})

test('a connection of HTTP/1.0 is kept as long as the client wants and the length is known', async (t) => {
  const stage = await openStage(t)
  const client = await stage.client()
  for (const word of ['keep-alive', 'Keep-Alive', 'foo, keep-alive']) {
    client.send(get('Host: x', `Connection: ${word}`))
    const response = await client.response()
    t.match(fieldValue(response.fields, 'connection'), /keep-alive/i, `${word} (RFC 9112, 9.3)`)
  }
  stage.act = CHUNKED
  client.send(get('Host: x', 'Connection: keep-alive'))
  await client.untilClosed()
  const response = await client.response()
  t.same([response.framing, `${response.body}`], ['close', 'hello'], 'RFC 9112, 6.3')
  t.notMatch(fieldValues(response.fields, 'connection').join(), /keep-alive/i)
  t.equal(stage.backend.connections, 1, 'which is not the business of the backend')
})

test('a request of HTTP/1.0 arrives as one of HTTP/1.1', async (t) => {
  const stage = await openStage(t)
  const { request } = await stage.ask('GET //a/../b?%zz HTTP/1.0\r\nA: 1\r\n\r\n')
  t.equal(request!.startLine, 'GET //a/../b?%zz HTTP/1.1', 'RFC 9110, 2.5')
  t.same(fieldValues(request!.fields, 'host'), [stage.backend.address], 'a Host is needed (RFC 9112, 3.2)')
  t.same(fieldValues(request!.fields, 'a'), ['1'])
})

test('a body of HTTP/1.0 arrives', async (t) => {
  const stage = await openStage(t)
  const { request, response } = await stage.ask('POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello')
  t.equal(statusOf(response), 200)
  t.equal(`${request!.body}`, 'hello', 'RFC 9112, 6.3')
})

test('a failure has a form that HTTP/1.0 can read', async (t) => {
  const stage = await openStage(t)
  const { response } = await stage.ask(get('Host: x'), (_request, socket) => socket.destroy())
  t.equal(statusOf(response), 502)
  t.not(response.framing, 'chunked')
  t.equal((await stage.ask(get('Host: x'), OK)).response.startLine, 'HTTP/1.1 200 OK')
})

test('a backend of HTTP/1.0 closes its connections, or keeps them as it says', async (t) => {
  const stage = await openStage(t)
  const head = 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n'
  for (let i = 1; i <= 2; i++) {
    const { response } = await stage.ask(get('Host: x'), `${head}\r\nok`)
    t.equal(statusOf(response), 200)
    t.equal(response.startLine, 'HTTP/1.1 200 OK', 'RFC 9110, 2.5')
    t.equal(stage.backend.connections, i, 'one request each, as it may close any time (RFC 9112, 9.3)')
  }
})

const getFrom = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`
const chunked = (path: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`

/** Answers with the target, `/slow` after a while. */
const telling: Script = async ({ startLine, body }, socket) => {
  const answer = `${startLine.split(' ')[1]} ${body}`
  if (answer.startsWith('/slow')) await sleep(60)
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`)
}

const ROWS: readonly [name: string, requests: readonly string[], answers: readonly string[]][] = [
  ['three of GET', [getFrom('/1'), getFrom('/2'), getFrom('/3')], ['/1 ', '/2 ', '/3 ']],
  ['the first is slow', [getFrom('/slow'), getFrom('/2'), getFrom('/3')], ['/slow ', '/2 ', '/3 ']],
  ['the second is slow', [getFrom('/1'), getFrom('/slow'), getFrom('/3')], ['/1 ', '/slow ', '/3 ']],
  ['a POST between', [getFrom('/1'), post('/2'), getFrom('/3')], ['/1 ', '/2 hello', '/3 ']],
  ['a POST in chunks between', [getFrom('/1'), chunked('/2'), getFrom('/3')], ['/1 ', '/2 hello', '/3 ']],
  ['a slow POST first', [post('/slow'), getFrom('/2'), post('/3')], ['/slow hello', '/2 ', '/3 hello']],
  ['blank lines between', [`\r\n${getFrom('/1')}`, `\r\n${getFrom('/2')}`], ['/1 ', '/2 ']],
  [
    'twenty',
    Array.from({ length: 20 }, (_, i) => getFrom(`/${i}`)),
    Array.from({ length: 20 }, (_, i) => `/${i} `)
  ]
]

test('requests sent at once are answered in their order', async (t) => {
  const stage = await openStage(t)
  stage.act = telling
  for (const [name, requests, answers] of ROWS) {
    const client = await stage.client()
    client.send(requests.join(''))
    const got: string[] = []
    for (const _ of answers) got.push(`${(await client.response()).body}`)
    t.same(got, answers, `${name} (RFC 9112, 9.3.2)`)
    t.equal(client.received.length, 0)
    client.socket.destroy()
  }
})

test('requests may come in any parts', async (t) => {
  const stage = await openStage(t)
  stage.act = telling
  const client = await stage.client()
  for (const byte of getFrom('/1') + chunked('/2')) {
    client.send(byte)
    await sleep(0)
  }
  t.equal(`${(await client.response()).body}`, '/1 ', 'RFC 9112, 2.2')
  t.equal(`${(await client.response()).body}`, '/2 hello', 'RFC 9112, 2.2')
})

test('blank lines before a request do not count', async (t) => {
  const stage = await openStage(t)
  for (const lines of ['\r\n', '\r\n\r\n'])
    t.equal(statusOf((await stage.ask(lines + getFrom('/'))).response), 200, 'RFC 9112, 2.2')
})

test('a connection is kept, or closed when the client wants it so', async (t) => {
  const stage = await openStage(t)
  const client = await stage.client()
  for (let i = 0; i < 3; i++) {
    client.send(getFrom('/'))
    t.equal(statusOf(await client.response()), 200, 'RFC 9112, 9.3')
  }
  client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, CLOSE\r\n\r\n')
  t.equal(fieldValue((await client.response()).fields, 'connection'), 'close', 'RFC 9112, 9.6')
  await client.untilClosed()
  t.equal(stage.backend.connections, 1, 'which is not the business of the backend')
})

test('what follows a request that closes is not served', async (t) => {
  const stage = await openStage(t)
  const client = await stage.client()
  client.send(`GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n${getFrom('/2')}`)
  t.equal(statusOf(await client.response()), 200)
  await client.untilClosed()
  t.equal(client.received.length, 0, 'RFC 9112, 9.6')
  t.same(
    stage.requests.map(({ startLine }) => startLine),
    ['GET /1 HTTP/1.1'],
    'RFC 9112, 9.6'
  )
})

test('nothing behind a broken request is served', async (t) => {
  const stage = await openStage(t)
  stage.act = telling
  for (const broken of ['no request\r\n\r\n', 'GET /2 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n']) {
    stage.requests.length = 0
    const client = await stage.client()
    client.send(getFrom('/1') + broken + getFrom('/3'))
    await client.untilClosed()
    const text = client.received.toString('latin1')
    t.notMatch(text, /\/3 /, 'RFC 9112, 2.2')
    t.ok(!text.includes('HTTP/1.1 400') || text.indexOf('/1 ') < text.indexOf('HTTP/1.1 400'), 'in order')
    t.ok(stage.requests.every(({ startLine }) => startLine === 'GET /1 HTTP/1.1'))
  }
})

test('a body that breaks behind other requests is broken off once those are answered', async (t) => {
  const stage = await openStage(t)
  stage.act = telling
  for (const broken of ['5\r\nhelloX', 'x\r\n', '5\r\nhello\r\n0\r\nX\r\n\r\n']) {
    const client = await stage.client()
    const head = 'POST /never HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
    client.send(getFrom('/slow') + getFrom('/2') + head + broken)
    t.equal(`${(await client.response()).body}`, '/slow ')
    t.equal(`${(await client.response()).body}`, '/2 ')
    // Otherwise it would be missed after a minute.
    await client.untilClosed(20_000)
    await eventually(async () => (await stage.balancer.stats()).requests.inFlight === 0, 20_000)
  }
  t.notOk(stage.requests.some(({ startLine }) => startLine.includes('/never')))
})

test('a failure is in its place among the answers', async (t) => {
  const stage = await openStage(t)
  stage.act = (request, socket) =>
    request.startLine.includes('/bad') ? void socket.end('garbage\r\n\r\n') : telling(request, socket)
  const client = await stage.client()
  client.send(getFrom('/slow') + getFrom('/bad') + getFrom('/3'))
  const statuses = []
  for (let i = 0; i < 3; i++) statuses.push(statusOf(await client.response()))
  t.same(statuses, [200, 502, 200], 'RFC 9112, 9.3.2')
})

const BROKEN: Record<string, string> = {
  length: 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello',
  chunks: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello'
}

for (const [framing, bytes] of Object.entries(BROKEN)) {
  test(`a response by ${framing} that breaks before its turn ends the connection after the one before`, async (t) => {
    const stage = await openStage(t)
    stage.act = (request, socket) =>
      request.startLine.includes('/broken') ? void socket.end(bytes) : telling(request, socket)
    const client = await stage.client()
    client.send(getFrom('/slow') + getFrom('/broken') + getFrom('/3'))
    t.equal(`${(await client.response()).body}`, '/slow ', 'RFC 9112, 9.3.2')
    await client.untilClosed()
    t.notMatch(client.received.toString('latin1'), /\/3 |\r\n0\r\n/, 'RFC 9112, 8')
  })
}

const upgrade = (protocol = 'websocket', ...lines: string[]) =>
  [
    'GET /chat HTTP/1.1',
    'Host: x',
    `Upgrade: ${protocol}`,
    'Connection: Upgrade',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Version: 13',
    ...lines,
    '',
    ''
  ].join('\r\n')
const switching = (protocol = 'websocket') =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n`
/** No HTTP, whoever reads it. */
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => 255 - i)).toString('latin1')

/** A client and a backend that speak another protocol with each other, after the client sent `sent`. */
async function switched(t: Test, stage: Stage, { sent = upgrade(), behind = '' } = {}) {
  let request: Message | undefined
  let socket!: Socket
  let received = ''
  stage.raw = (bytes, by) => {
    socket = by
    const isNew = request === undefined
    request ??= readMessage(bytes, { kind: 'request' })
    if (!request) return
    if (isNew) socket.write(Buffer.from(switching() + behind, 'latin1'))
    received = bytes.toString('latin1', request.size)
  }
  const client = await stage.client()
  client.send(sent)
  const response = await client.response({ timeoutMs: 1500 })
  t.equal(response.startLine, 'HTTP/1.1 101 Switching Protocols', 'RFC 9110, 7.8')
  return { client, socket, request: request!, response, received: () => received }
}

test('both sides agree on another protocol', async (t) => {
  const stage = await openStage(t)
  const { request, response, client } = await switched(t, stage)
  t.equal(request.startLine, 'GET /chat HTTP/1.1')
  t.equal(fieldValue(request.fields, 'upgrade'), 'websocket', 'RFC 9110, 7.8')
  t.match(fieldValue(request.fields, 'connection'), /^upgrade$/i, 'RFC 9110, 7.8')
  t.same(
    ownFields(request).filter(([name]) => name.startsWith('Sec-')),
    [
      ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
      ['Sec-WebSocket-Version', '13']
    ],
    'RFC 6455, 4.1'
  )
  t.equal(fieldValue(response.fields, 'upgrade'), 'websocket', 'RFC 6455, 4.2.2')
  t.match(fieldValue(response.fields, 'connection'), /^upgrade$/i, 'RFC 6455, 4.2.2')
  t.equal(fieldValue(response.fields, 'sec-websocket-accept'), 'x')
  t.same(fieldValues(response.fields, 'transfer-encoding'), [], 'RFC 9112, 6.1')
  client.socket.destroy()
})

test('whatever they say passes, both ways', async (t) => {
  const stage = await openStage(t)
  const { client, socket, received } = await switched(t, stage)
  let sent = ''
  for (const bytes of [BYTES, 'GET / HTTP/1.1\r\n\r\n', '\0', BYTES.repeat(300), 'HTTP/1.1 200 OK\r\n\r\n']) {
    sent += bytes
    client.send(bytes)
    await eventually(() => received().length >= sent.length)
    t.ok(received() === sent, `${bytes.length} bytes to the backend (RFC 9110, 7.8)`)
    socket.write(Buffer.from(bytes, 'latin1'))
    await client.until((text) => text.length >= sent.length)
    t.ok(client.received.toString('latin1') === sent, `${bytes.length} bytes to the client (RFC 9110, 7.8)`)
  }
  client.socket.destroy()
})

test('what is sent right behind a 101 is not lost', async (t) => {
  const stage = await openStage(t)
  const { client } = await switched(t, stage, { behind: BYTES })
  await client.until((text) => text.length >= 256)
  t.ok(client.received.toString('latin1') === BYTES, 'RFC 9110, 7.8')
  client.socket.destroy()
})

test('what a client sends right behind its request is not lost', async (t) => {
  const stage = await openStage(t)
  const { client, received } = await switched(t, stage, { sent: upgrade() + BYTES })
  await eventually(() => received().length >= 256)
  t.ok(received() === BYTES, 'RFC 9110, 7.8')
  client.socket.destroy()
})

test('another word for it, among others', async (t) => {
  const stage = await openStage(t)
  for (const sent of [
    upgrade('WebSocket'),
    upgrade('foo/2, websocket'),
    upgrade().replace('Connection: Upgrade', 'Connection: keep-alive, upgrade'),
    upgrade().replace('Connection: Upgrade', 'connection: close\r\nconnection: UPGRADE')
  ]) {
    const { client, request } = await switched(t, stage, { sent })
    t.equal(fieldValue(request.fields, 'upgrade'), /upgrade: (.*)\r/i.exec(sent)![1], 'RFC 9110, 7.8')
    client.socket.destroy()
    await eventually(() => stage.usedConnections() === 0)
  }
})

for (const [how, leaveClient, leaveBackend] of [
  ['closes', (client: RawClient) => client.socket.end(), (backend: Socket) => backend.end()],
  ['resets', (client: RawClient) => client.abort(), (backend: Socket) => backend.resetAndDestroy()]
] as const) {
  test(`when one side ${how}, the other is closed`, async (t) => {
    const stage = await openStage(t)
    const first = await switched(t, stage)
    leaveClient(first.client)
    await t.resolves(
      eventually(() => stage.usedConnections() === 0),
      'client first'
    )
    const second = await switched(t, stage)
    leaveBackend(second.socket)
    await t.resolves(second.client.untilClosed(), 'backend first')
  })
}

test('empty elements among the protocols of a switch do not count', async (t) => {
  const stage = await openStage(t)
  for (const answer of [
    switching(',websocket'),
    switching('websocket, '),
    switching(', ,\t,websocket,,'),
    switching().replace('Upgrade: websocket', 'Upgrade:\r\nUpgrade: websocket'),
    switching().replace('Upgrade: websocket', 'Upgrade: websocket\r\nUpgrade: ,')
  ]) {
    const name = /Upgrade:.*(?=\r\nConnection)/s.exec(answer)![0]
    const client = await stage.client()
    stage.act = answer
    client.send(upgrade())
    const response = await client.response()
    t.equal(statusOf(response), 101, `${JSON.stringify(name)} (RFC 9110, 5.6.1.2)`)
    t.same(fieldValues(response.fields, 'upgrade'), ['websocket'], 'none are sent on (RFC 9110, 5.6.1.1)')
    client.socket.destroy()
    await eventually(() => stage.usedConnections() === 0)
  }
})

test('a backend may refuse, and the connection goes on as HTTP', async (t) => {
  const stage = await openStage(t)
  const client = await stage.client()
  for (const line of ['200 OK', '426 Upgrade Required', '400 Bad Request']) {
    stage.act = `HTTP/1.1 ${line}\r\nContent-Length: 2\r\n\r\nok`
    client.send(upgrade())
    const response = await client.response()
    t.equal(response.startLine, `HTTP/1.1 ${line}`, 'RFC 9110, 7.8')
    t.equal(`${response.body}`, 'ok')
    stage.act = OK
    client.send('GET /next HTTP/1.1\r\nHost: x\r\n\r\n')
    t.equal(statusOf(await client.response()), 200, `goes on after ${line}`)
  }
  t.equal(stage.requests.length, 6)
})

test('a switch that nobody asked for is none: 502', async (t) => {
  const stage = await openStage(t)
  const cases = [
    ['not asked for', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', switching()],
    ['asked for by name alone', 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n', switching()],
    ['to another protocol', upgrade(), switching('foo')],
    ['to several, one not offered', upgrade(), switching('websocket, foo')],
    ['to several, one empty, one not offered', upgrade(), switching('websocket, , foo')],
    ['to an empty list', upgrade(), switching('')],
    ['to a list of nothing', upgrade(), switching(', ,')],
    ['to none', upgrade(), 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n'],
    ['of HTTP/1.0', upgrade().replace('HTTP/1.1', 'HTTP/1.0'), switching()]
  ] as const
  for (const [name, sent, answer] of cases) {
    const failed = await stage.failed()
    const client = await stage.client()
    stage.act = answer + BYTES
    client.send(sent)
    const response = await client.response()
    t.equal(statusOf(response), 502, `${name} (RFC 9110, 7.8)`)
    t.equal(client.received.length, 0, 'nothing of it follows')
    t.equal(await stage.failed(), failed + 1)
    client.socket.destroy()
    t.ok(await stage.isWell())
  }
})

test('an upgrade that is none does not arrive as one', async (t) => {
  const stage = await openStage(t)
  const cases = [
    ['of HTTP/1.0', upgrade().replace('HTTP/1.1', 'HTTP/1.0')],
    ['not named by Connection', upgrade().replace('Connection: Upgrade\r\n', '')],
    ['without a protocol', upgrade('')],
    ['to h2c', upgrade('h2c', 'HTTP2-Settings: AAA')]
  ] as const
  for (const [name, sent] of cases) {
    const { request, response } = await stage.ask(sent)
    t.equal(statusOf(response), 200)
    const left = ['upgrade', 'http2-settings'].flatMap((field) => fieldValues(request!.fields, field))
    t.same(left, [], `${name} (RFC 9110, 7.8)`)
    t.notMatch(fieldValues(request!.fields, 'connection').join(), /upgrade/i)
  }
})

test('h2c is taken out of what is offered', async (t) => {
  const stage = await openStage(t)
  const { request } = await stage.ask(upgrade('h2c, websocket'))
  t.same(fieldValues(request!.fields, 'upgrade'), ['websocket'], 'RFC 9113, 3.1')
})

test('a switch counts as a request in flight until it ends', async (t) => {
  const stage = await openStage(t)
  const { client } = await switched(t, stage)
  await sleep(20)
  t.equal((await stage.balancer.stats()).requests.inFlight, 1)
  client.socket.destroy()
  await eventually(async () => (await stage.balancer.stats()).requests.inFlight === 0)
})
