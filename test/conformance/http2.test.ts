import { eventually, test } from '../helper.js'
import { FrameClient } from '../support/frame-client.js'
import { Http2Client } from '../support/http2-client.js'
import { data, type Fields, Flag, frame, get, headers, request, Type } from '../support/http2-frames.js'
import { forHttp2 } from '../support/secure-ports.js'
import { openStage } from './harness.js'

const PROTOCOL_ERROR = 1
const PATIENCE_MS = 3000
const ID = 1

const post = (...more: Fields) => headers(ID, request('POST', '/body', ...more), { open: true })
const length = (bytes: number) => ['content-length', `${bytes}`] as const
const trailers = (...fields: Fields) => headers(ID, fields)

interface Sent {
  readonly name: string
  readonly section: string
  readonly frames: readonly Buffer[]
}

interface Passed extends Sent {
  readonly body: string
  readonly framing: 'length' | 'chunked' | 'none'
  readonly trailers?: Fields
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n'

/** Bodies that are not what their head says: a backend gets no more than a request that has no end. */
const REFUSED: readonly Sent[] = [
  { name: 'longer than declared', section: '8.1.1', frames: [post(length(5)), data(ID, 'hello!', true)] },
  { name: 'shorter than declared', section: '8.1.1', frames: [post(length(5)), data(ID, 'hell', true)] },
  {
    name: 'shorter than declared, with trailers',
    section: '8.1.1',
    frames: [post(length(5)), data(ID, 'hell'), trailers(['a', 'b'])]
  },
  {
    name: 'with a pseudo-field in trailers',
    section: '8.1',
    frames: [post(), data(ID, 'hello'), trailers([':path', '/'])]
  },
  {
    name: 'with upper case in trailers',
    section: '8.2.1',
    frames: [post(), data(ID, 'hello'), trailers(['A', 'b'])]
  },
  {
    name: 'with a field of the connection in trailers',
    section: '8.2.2',
    frames: [post(), data(ID, 'hello'), trailers(['transfer-encoding', 'chunked'])]
  },
  {
    name: 'with trailers that are not its end',
    section: '8.1',
    frames: [post(), data(ID, 'hello'), headers(ID, [['a', 'b']], { open: true })]
  }
]

/** Bodies of which a backend may get all that was declared, and that the client then breaks off. */
const BROKEN_BODIES: readonly Sent[] = [
  {
    name: 'that goes on behind its declared end',
    section: '8.1.1',
    frames: [post(length(5)), data(ID, 'hello'), data(ID, SMUGGLED, true)]
  },
  {
    name: 'of something that was to have none',
    section: '8.1.1',
    frames: [post(length(0)), data(ID, SMUGGLED, true)]
  }
]

const WHOLE_BODIES: readonly Passed[] = [
  {
    name: 'of a declared length',
    section: '8.1.1',
    frames: [post(length(5)), data(ID, 'hello', true)],
    body: 'hello',
    framing: 'length'
  },
  {
    name: 'of no declared length',
    section: '8.1',
    frames: [post(), data(ID, 'hello', true)],
    body: 'hello',
    framing: 'chunked'
  },
  {
    name: 'of nothing',
    section: '8.1',
    frames: [post(length(0)), data(ID, '', true)],
    body: '',
    framing: 'length'
  },
  {
    name: 'in parts, with padding and nothing between them',
    section: '6.1',
    frames: [
      post(length(5)),
      data(ID, 'he'),
      data(ID, ''),
      frame(Type.data, Flag.padded | Flag.endStream, ID, '\x03llo\0\0\0')
    ],
    body: 'hello',
    framing: 'length'
  },
  {
    name: 'of a GET',
    section: 'RFC 9110, 9.3.1',
    frames: [headers(ID, get('/body'), { open: true }), data(ID, SMUGGLED, true)],
    body: SMUGGLED,
    framing: 'chunked'
  },
  {
    name: 'with trailers',
    section: '8.1',
    frames: [post(), data(ID, 'hello'), trailers(['a', 'b'])],
    body: 'hello',
    framing: 'chunked',
    trailers: [['a', 'b']]
  },
  {
    name: 'with trailers that frame, route or authorize',
    section: 'RFC 9110, 6.5.1',
    frames: [
      post(),
      data(ID, 'hello'),
      trailers(['host', 'y'], ['authorization', 'a'], ['x-forwarded-for', 'b'], ['c', 'd'])
    ],
    body: 'hello',
    framing: 'chunked',
    trailers: [['c', 'd']]
  }
]

for (const [what, cases, whole] of [
  ['is not what its head says reaches no backend whole', REFUSED, 0],
  ['goes on behind its end has that end', BROKEN_BODIES, 1]
] as const) {
  test(`a body that ${what}`, async (t) => {
    const stage = await openStage(t, forHttp2())
    for (const { name, section, frames } of cases) {
      const before = stage.requests.length
      const session = await FrameClient.open(t, stage.balancer.port)
      session.send(...frames)
      const { status, resetCode } = await session.over(ID)
      const label = `${name} (${section})`
      // Node ends the session from version 22 on, and it may have been answered already.
      const isRefused = resetCode === PROTOCOL_ERROR || session.isOver
      t.ok(isRefused && (whole === 1 || status === 0), `${label}: ${status}, ${resetCode}`)
      const isIdle = () => stage.usedConnections() === 0 || stage.requests.length > before
      await t.resolves(eventually(isIdle, PATIENCE_MS), `${label}: it is broken off`)
      const arrived = stage.requests.slice(before)
      t.ok(
        arrived.length <= whole && arrived.every(({ startLine }) => startLine === 'POST /body HTTP/1.1'),
        label
      )
      if (!session.isOver) {
        session.send(headers(3, get('/well')))
        t.equal((await session.over(3)).status, 200, 'the session goes on')
      }
      session.leave()
      await stage.reset()
    }
    t.same(stage.faults, [])
  })
}

test('a body that is what its head says arrives so', async (t) => {
  const stage = await openStage(t, forHttp2())
  for (const { name, section, frames, body, framing, trailers = [] } of WHOLE_BODIES) {
    const before = stage.requests.length
    const session = await FrameClient.open(t, stage.balancer.port)
    // Each in a read of its own, too.
    for (const part of frames) {
      session.send(part)
      await new Promise((resolve) => setImmediate(resolve))
    }
    t.equal((await session.over(ID)).status, 200, `${name} (${section})`)
    const arrived = stage.requests
      .slice(before)
      .map((request) => [`${request.body}`, request.framing, request.trailers])
    t.same(arrived, [[body, framing, trailers]], name)
    session.leave()
  }
  t.same(stage.faults, [])
})

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked'
const withTrailers = (...lines: string[]) =>
  `${CHUNKED}\r\n\r\n2\r\nok\r\n0\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`
const head = (status: number, ...lines: string[]) => [`HTTP/1.1 ${status} X`, ...lines, '', ''].join('\r\n')
const whole = (...lines: string[]) => `${head(200, 'Content-Length: 2', ...lines)}ok`
const OF_CONNECTION = ['TE: x', 'HTTP2-Settings: x', 'Proxy-Connection: x', 'Keep-Alive: x', 'Upgrade: x']
const INHERITED = ['constructor: a', '__proto__: b', 'toString: c']

interface Case {
  readonly name: string
  /** What a backend sends. */
  readonly sent: string
  /** Some of what the client gets. */
  readonly gets: Readonly<Record<string, unknown>>
}

const OK = { status: 200, body: 'ok', code: 0 }
const BROKEN_RESPONSES = { status: 502, code: 0 }

/** What is passed on as it comes; of a field that it takes once, this client shows the first. */
const CASES: readonly Case[] = [
  {
    name: 'fields of which Node takes one, twice',
    sent: whole('ETag: a', 'ETag: b', 'Set-Cookie: c', 'Set-Cookie: d'),
    gets: { ...OK, headers: { etag: 'a', 'set-cookie': ['c', 'd'] } }
  },
  {
    name: 'fields of the connection',
    sent: whole(...OF_CONNECTION, 'Last: a'),
    gets: { ...OK, headers: { last: 'a', te: undefined, 'http2-settings': undefined, upgrade: undefined } }
  },
  {
    name: 'names that every object has',
    sent: whole(...INHERITED),
    gets: { ...OK, headers: { constructor: 'a', tostring: 'c' } }
  },
  {
    name: 'an interim response with one field twice',
    sent: head(103, 'Content-Type: a', 'Content-Type: b') + whole(),
    gets: { ...OK, interim: [103] }
  },
  {
    name: 'an interim response with fields of the connection',
    sent: head(103, 'Connection: x', ...OF_CONNECTION) + whole(),
    gets: { ...OK, interim: [103] }
  },
  {
    name: 'trailers of which Node takes one, twice',
    sent: withTrailers('ETag: a', 'ETag: b', 'Location: c', 'Location: d'),
    gets: { ...OK, trailers: { etag: 'a', location: 'c' } }
  },
  {
    name: 'trailers of the connection',
    sent: withTrailers('Connection: x', ...OF_CONNECTION, 'Last: a'),
    gets: { ...OK, trailers: { last: 'a', 'http2-settings': undefined } }
  },
  {
    name: 'trailers with names that every object has',
    sent: withTrailers(...INHERITED),
    gets: { ...OK, trailers: { constructor: 'a', tostring: 'c' } }
  },
  { name: 'a status above 599', sent: `${head(600, 'Content-Length: 2')}ok`, gets: { ...OK, status: 600 } },
  {
    name: 'a status above 599 in chunks',
    sent: withTrailers('A: b').replace('200', '999'),
    gets: { ...OK, status: 999 }
  },
  {
    name: 'a 205 with a body',
    sent: `${head(205, 'Content-Length: 2')}ok`,
    gets: { status: 205, body: '', code: 0 }
  },
  { name: 'a 101 that was not asked for', sent: head(101, 'Upgrade: websocket'), gets: BROKEN_RESPONSES }
]

test('what backends send passes by HTTP/2, or is answered for', async (t) => {
  const stage = await openStage(t, forHttp2())
  const client = await Http2Client.open(t, stage.balancer.port)
  for (const { name, sent, gets } of CASES) {
    stage.act = sent
    t.match(await client.get('/'), gets, name)
    await stage.reset()
  }
  stage.act = whole()
  t.match(await client.get('/'), OK, 'the session goes on')
  t.notOk(stage.balancer.log.some(({ level }) => level >= 50))
})
