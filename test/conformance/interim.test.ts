import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, test } from '../helper.js'
import { OK } from '../support/raw-backend.js'
import { type Field, fieldValue, fieldValues, statusOf } from '../support/wire.js'
import { openStage, type Stage } from './harness.js'
import { answeredFields } from './own-fields.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const EARLY = 'HTTP/1.1 103 Early Hints\r\n'
const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n'
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

const INTERIMS: readonly [
  name: string,
  section: string,
  sent: string,
  gets: readonly [line: string, fields: readonly Field[]][]
][] = [
  ['none', 'RFC 9110, 15.2', '', []],
  [
    'one 103',
    'RFC 8297, 2',
    `${EARLY}Link: </a>; rel=preload\r\n\r\n`,
    [['HTTP/1.1 103 Early Hints', [['Link', '</a>; rel=preload']]]]
  ],
  [
    'two 103',
    'RFC 8297, 2',
    `${EARLY}Link: </a>\r\nLink: </b>\r\nlINK: \xe9\r\n\r\n${EARLY}X: y\r\n\r\n`,
    [
      [
        'HTTP/1.1 103 Early Hints',
        [
          ['Link', '</a>'],
          ['Link', '</b>'],
          ['lINK', '\xe9']
        ]
      ],
      ['HTTP/1.1 103 Early Hints', [['X', 'y']]]
    ]
  ],
  ['102', 'RFC 9110, 15.2', PROCESSING, [['HTTP/1.1 102 Processing', []]]],
  [
    'a status that nobody knows',
    'RFC 9110, 15.2',
    'HTTP/1.1 199 Odd\r\nX: y\r\n\r\n',
    [['HTTP/1.1 199 Odd', [['X', 'y']]]]
  ],
  [
    '102 and 103',
    'RFC 9110, 15.2',
    `${PROCESSING}${EARLY}\r\n`,
    [
      ['HTTP/1.1 102 Processing', []],
      ['HTTP/1.1 103 Early Hints', []]
    ]
  ],
  ['an odd reason', 'RFC 9112, 4', 'HTTP/1.1 103 \r\n\r\n', [['HTTP/1.1 103 ', []]]],
  [
    'fields of the connection, which go no further',
    'RFC 9110, 7.6.1',
    `${EARLY}Connection: X\r\nX: y\r\nKeep-Alive: z\r\nA: 1\r\n\r\n`,
    [['HTTP/1.1 103 Early Hints', [['A', '1']]]]
  ],
  ['100 that nobody asked for, which goes no further', 'RFC 9110, 10.1.1', CONTINUE, []],
  ['100 twice, which goes no further', 'RFC 9110, 10.1.1', CONTINUE + CONTINUE, []],
  [
    '100 and 103',
    'RFC 9110, 10.1.1',
    `${CONTINUE}${EARLY}X: y\r\n\r\n`,
    [['HTTP/1.1 103 Early Hints', [['X', 'y']]]]
  ]
]

test('interim responses come before the final one', async (t) => {
  const stage = await openStage(t)
  for (const [name, section, sent, gets] of INTERIMS) {
    for (const apart of [false, true]) {
      stage.act = async (_request, socket) => {
        const bytes = Buffer.from(sent + OK, 'latin1')
        if (!apart) return void socket.write(bytes)
        socket.write(bytes.subarray(0, sent.length))
        await sleep(20)
        socket.write(bytes.subarray(sent.length))
      }
      const client = await stage.client()
      client.send(GET)
      const got: unknown[] = []
      let response = await client.next()
      for (; statusOf(response) < 200; response = await client.next())
        got.push([response.startLine, response.fields])
      t.same(got, gets, `${name}${apart ? ', some time before' : ''} (${section})`)
      t.equal(`${response.body}`, 'ok')
      t.equal(client.received.length, 0)
      client.socket.destroy()
    }
  }
  t.equal(stage.failed, 0)
  t.ok(await stage.isWell())
})

test('a client of HTTP/1.0 gets no interim response', async (t) => {
  const stage = await openStage(t)
  for (const [name, , sent] of INTERIMS) {
    const { response } = await stage.ask('GET / HTTP/1.0\r\nHost: x\r\n\r\n', sent + OK)
    t.equal(statusOf(response), 200, `${name} (RFC 9110, 15.2)`)
    t.same(answeredFields(response), [['Content-Length', '2']])
  }
})

test('interim responses pass to HEAD as well, and on a connection that goes on', async (t) => {
  const stage = await openStage(t)
  const client = await stage.client()
  for (const method of ['HEAD', 'GET', 'HEAD']) {
    stage.act = `${EARLY}\r\nHTTP/1.1 204 No Content\r\n\r\n`
    client.send(`${method} / HTTP/1.1\r\nHost: x\r\n\r\n`)
    t.equal(statusOf(await client.next({ head: true })), 103, `${method} (RFC 8297, 2)`)
    t.equal(statusOf(await client.next({ head: true })), 204)
  }
})

const upload = (version = '1.1', expect = '100-continue') =>
  `PUT / HTTP/${version}\r\nHost: x\r\nExpect: ${expect}\r\nContent-Length: 5\r\n\r\n`

/** Sends the head of an upload, and waits until it arrives. */
async function begin(stage: Stage, t: Test, onHead: (socket: Socket) => void, head = upload()) {
  let arrived = ''
  stage.raw = (bytes, socket) => {
    if (arrived === '') onHead(socket)
    arrived = bytes.toString('latin1')
    if (arrived.endsWith('\r\n\r\nhello')) socket.write(OK)
  }
  const client = await stage.client()
  client.send(head)
  await eventually(() => arrived.includes('\r\n\r\n')).catch(() => {})
  t.match(arrived, /^PUT \/ HTTP\/1\.1\r\n/, 'the head arrives without the body')
  t.match(arrived, /\r\nExpect: 100-continue\r\n/i, 'with what is expected (RFC 9110, 10.1.1)')
  return { client, arrived: () => arrived }
}

test('a client goes on when the backend says so', async (t) => {
  const stage = await openStage(t)
  const { client } = await begin(stage, t, (socket) => void socket.write(CONTINUE))
  t.equal(statusOf(await client.next()), 100, 'RFC 9110, 10.1.1')
  client.send('hello')
  t.equal(statusOf(await client.next()), 200)
  t.equal(client.received.length, 0)
  await stage.reset()
  t.ok(await stage.isWell())
})

test('a client that does not wait is not told to go on by the balancer', async (t) => {
  const stage = await openStage(t)
  stage.act = OK
  const client = await stage.client()
  client.send(`${upload()}hello`)
  t.equal(statusOf(await client.next()), 200, 'RFC 9110, 10.1.1')
  t.equal(`${stage.requests[0]!.body}`, 'hello')
})

test('while the backend is silent nobody tells the client to go on', async (t) => {
  const stage = await openStage(t, { LB_RESPONSE_TIMEOUT: '0' })
  const { client, arrived } = await begin(stage, t, () => {})
  await sleep(150)
  t.equal(client.received.toString(), '', 'RFC 9110, 10.1.1')
  client.send('hello')
  t.equal(statusOf(await client.next()), 200, 'it may lose patience and go on')
  t.ok(arrived().endsWith('\r\n\r\nhello'))
})

test('a backend that does not want the body says so before it was sent', async (t) => {
  const stage = await openStage(t)
  for (const line of ['417 Expectation Failed', '413 Content Too Large', '401 Unauthorized', '200 OK']) {
    const answer = `HTTP/1.1 ${line}\r\nContent-Length: 2\r\n\r\nno`
    const { client, arrived } = await begin(stage, t, (socket) => void socket.write(answer))
    const response = await client.next()
    t.equal(response.startLine, `HTTP/1.1 ${line}`, 'RFC 9110, 10.1.1')
    t.equal(fieldValue(response.fields, 'connection'), 'close', 'the body was not read')
    await client.untilClosed()
    t.notMatch(arrived(), /hello/)
    await eventually(() => stage.usedConnections() === 0).catch(() => {})
    t.equal(stage.usedConnections(), 0, 'the backend would wait for the body')
    await stage.reset()
  }
  t.equal(stage.failed, 0)
  t.ok(await stage.isWell())
})

test('HTTP/1.0 knows nothing to expect', async (t) => {
  const stage = await openStage(t)
  const { request, response } = await stage.ask(`${upload('1.0')}hello`)
  t.equal(statusOf(response), 200, 'RFC 9110, 10.1.1')
  t.same(fieldValues(request!.fields, 'expect'), [])
  t.equal(`${request!.body}`, 'hello')
})

test('what cannot be met is not expected of the backend: 417', async (t) => {
  const stage = await openStage(t)
  for (const expect of ['x', '200-ok', '100-continue, x', '100-continue=x', '100-continued']) {
    const { response } = await stage.ask(upload('1.1', expect))
    t.equal(statusOf(response), 417, `${expect} (RFC 9110, 10.1.1)`)
  }
  t.equal(stage.bytes, 0)
  t.equal(statusOf((await stage.ask(`${upload('1.1', '100-Continue')}hello`)).response), 200, 'in any case')
})
