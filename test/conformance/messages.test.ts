import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, test } from '../helper.js'
import { OK } from '../support/raw-backend.js'
import { type Field, fieldValue, fieldValues, statusOf } from '../support/wire.js'
import { forwardedMethods } from './cases/methods.js'
import { requestBodies } from './cases/request-bodies.js'
import { responseBodies } from './cases/response-bodies.js'
import { forwardedTargets } from './cases/targets.js'
import { openStage, type Stage, testCases } from './harness.js'
import { answeredFields } from './own-fields.js'
import { testRefusals } from './refusals.js'
import { chunks, methods, targets } from './refused/index.js'

for (const [name, cases] of Object.entries(forwardedMethods)) testCases(name, cases)

testRefusals('a method that nobody reads is refused', methods)

for (const [name, cases] of Object.entries(forwardedTargets)) testCases(name, cases)

testRefusals('a target that has no form for a backend is refused', targets)

const HELLO = '5\r\nhello\r\n0\r\n'

for (const [name, cases] of Object.entries(requestBodies)) testCases(name, cases)

test('a trailer that would frame the request does not arrive', async (t) => {
  const stage = await openStage(t)
  for (const trailer of ['Content-Length: 3', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip']) {
    const client = await stage.client()
    client.send(
      `PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${HELLO}${trailer}\r\nX: 1\r\n\r\n`
    )
    const response = await client.response()
    t.ok([200, 400].includes(statusOf(response)), `${trailer} (RFC 9110, 6.5.1)`)
    const arrived = stage.requests.flatMap(({ trailers }) => trailers.filter(([name]) => name !== 'X'))
    t.same(arrived, [], `${trailer} (RFC 9110, 6.5.1)`)
    t.ok(await stage.isWell())
  }
})

test('a request without a body stays one', async (t) => {
  const stage = await openStage(t)
  for (const [method, line, lengths] of [
    ['GET', '', [[]]],
    ['DELETE', '', [[]]],
    ['HEAD', '', [[]]],
    ['POST', '', [[], ['0']]],
    ['PUT', '', [[], ['0']]],
    ['POST', 'Content-Length: 0\r\n', [['0']]],
    ['PUT', 'Content-Length: 0\r\n', [['0']]],
    ['PATCH', 'Content-Length: 0\r\n', [['0']]],
    ['GET', 'Content-Length: 0\r\n', [['0'], []]]
  ] as const) {
    const { request } = await stage.ask(`${method} / HTTP/1.1\r\nHost: x\r\n${line}\r\n`, OK, {
      head: method === 'HEAD'
    })
    const got = fieldValues(request!.fields, 'content-length').join()
    t.ok(lengths.map(String).includes(got), `${method} ${line.trim()}: ${got} (RFC 9110, 8.6)`)
    t.same(fieldValues(request!.fields, 'transfer-encoding'), [], `${method} ${line.trim()} (RFC 9112, 6.3)`)
  }
})

test('a body passes while it is being sent', async (t) => {
  const stage = await openStage(t)
  for (const [framing, first, rest] of [
    ['Content-Length: 10', 'hello', 'world'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n', '5\r\nworld\r\n0\r\n\r\n']
  ] as const) {
    let arrived = ''
    stage.raw = (bytes, socket) => {
      arrived = bytes.toString('latin1')
      if (arrived.includes('world')) socket.end(OK)
    }
    const client = await stage.client()
    client.send(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`)
    await t.resolves(
      eventually(() => arrived.includes('\r\n\r\n')),
      `the head comes first: ${framing}`
    )
    client.send(first)
    await t.resolves(
      eventually(() => arrived.includes('hello')),
      `then what there is: ${framing} (RFC 9112, 7.1)`
    )
    client.send(rest)
    t.equal(statusOf(await client.response()), 200)
    await stage.reset()
  }
})

test('a body that its client does not finish is not finished for the backend', async (t) => {
  const stage = await openStage(t)
  for (const [framing, part] of [
    ['Content-Length: 10', 'hello'],
    ['Content-Length: 10', ''],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n'],
    ['Transfer-Encoding: chunked', '9\r\nhello'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\nX: y\r\n']
  ] as const) {
    for (const how of ['end', 'destroy'] as const) {
      const before = stage.bytes
      const client = await stage.client()
      client.send(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${part}`)
      await eventually(() => stage.bytes > before, 500).catch(() => {})
      client.socket[how]()
      await eventually(() => stage.usedConnections() === 0).catch(() => {})
      t.equal(stage.usedConnections(), 0, `${how} amid ${framing}, ${part.length} bytes (RFC 9112, 8)`)
      client.socket.destroy()
    }
  }
  t.same(stage.requests, [])
  t.ok(await stage.isWell())
})

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

const TE = 'Transfer-Encoding: chunked\r\n'

const PARTS: readonly [name: string, parts: readonly string[]][] = [
  ['a length', ['Content-Length: 10\r\n\r\n', 'hello', 'world']],
  ['chunks', [`${TE}\r\n`, '5\r\nhello\r\n', '5\r\nworld\r\n0\r\n\r\n']],
  ['half a chunk', [`${TE}\r\n`, 'a\r\nhello', 'world\r\n0\r\n\r\n']],
  [
    'an event stream',
    [`Content-Type: text/event-stream\r\n${TE}\r\n`, '7\r\nhello\n\n\r\n', '5\r\nworld\r\n0\r\n\r\n']
  ]
]

for (const [name, cases] of Object.entries(responseBodies)) testCases(name, cases)

test('a body that ends with the connection is in chunks for the client', async (t) => {
  const stage = await openStage(t)
  const heads = ['HTTP/1.1 200 OK', 'HTTP/1.0 200 OK', 'HTTP/1.1 200 OK\r\nConnection: close']
  for (const head of heads) {
    const { response } = await stage.ask(GET, (_request, socket) =>
      socket.end(`${head}\r\nX: y\r\n\r\nhello`)
    )
    t.match([response.framing, `${response.body}`], ['chunked', 'hello'], `${head} (RFC 9112, 6.3)`)
    t.same(answeredFields(response), [['X', 'y']])
  }
  t.ok(await stage.isWell())
})

test('a part of a response does not wait for the next', async (t) => {
  const stage = await openStage(t)
  for (const [name, [head, first, rest]] of PARTS) {
    let send!: (bytes: string) => void
    stage.act = (_request, socket) => {
      send = (bytes) => void socket.write(bytes)
      send(`HTTP/1.1 200 OK\r\n${head}`)
    }
    const client = await stage.client()
    client.send(GET)
    await t.resolves(
      client.until((text) => text.includes('\r\n\r\n')),
      `head before body: ${name} (RFC 9112, 7.1)`
    )
    send(first!)
    await t.resolves(
      client.until((text) => text.includes('hello')),
      `first part before last: ${name} (RFC 9112, 7.1)`
    )
    t.notMatch(client.received.toString(), /world/)
    send(rest!)
    await eventually(() => client.received.includes('world'))
    t.match(`${(await client.response()).body}`, /^hello\s*world$/)
  }
  t.ok(await stage.isWell())
})

testRefusals('a body that breaks is broken off at the backend as well', chunks, true)

test('a body that breaks when a part of it has arrived is never ended', async (t) => {
  const stage = await openStage(t)
  for (const broken of [
    'zz\r\n',
    '-1\r\n',
    '5\r\nhelloX',
    '0x5\r\nhello\r\n',
    '0\r\nno trailer\r\n\r\n',
    '\n',
    '0\n\n'
  ]) {
    let arrived = ''
    stage.raw = (bytes) => {
      arrived = bytes.toString('latin1')
    }
    const client = await stage.client()
    client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
    await eventually(() => arrived.includes('hello'))
    client.send(broken)
    await client.untilClosed()
    await eventually(() => stage.usedConnections() === 0).catch(() => {})
    const label = `${JSON.stringify(broken)} (RFC 9112, 8)`
    t.equal(stage.usedConnections(), 0, label)
    t.notOk(arrived.endsWith('0\r\n\r\n'), label)
    t.match(client.received.toString('latin1'), /^(HTTP\/1\.1 400 |$)/, label)
    await stage.reset()
  }
  t.equal(await stage.failed(), 0, 'the backend is not to blame')
  t.ok(await stage.isWell())
})

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
  t.equal(await stage.failed(), 0)
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
  t.equal(await stage.failed(), 0)
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
