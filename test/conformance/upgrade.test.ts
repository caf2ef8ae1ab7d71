import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, test } from '../helper.js'
import { OK } from '../support/raw-backend.js'
import type { RawClient } from '../support/raw-client.js'
import { fieldValue, fieldValues, type Message, readMessage, statusOf } from '../support/wire.js'
import { openStage, type Stage } from './harness.js'
import { ownFields } from './own-fields.js'

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
    const failed = stage.failed
    const client = await stage.client()
    stage.act = answer + BYTES
    client.send(sent)
    const response = await client.response()
    t.equal(statusOf(response), 502, `${name} (RFC 9110, 7.8)`)
    t.equal(client.received.length, 0, 'nothing of it follows')
    t.equal(stage.failed, failed + 1)
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
  t.equal(stage.balancer.registry.inFlight, 1)
  client.socket.destroy()
  await eventually(() => stage.balancer.registry.inFlight === 0)
})
