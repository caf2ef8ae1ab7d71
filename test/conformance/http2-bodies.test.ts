import { eventually, test } from '../helper.js'
import { FrameClient } from '../support/frame-client.js'
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
const BROKEN: readonly Sent[] = [
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

const PASSED: readonly Passed[] = [
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
  },
  {
    name: 'with trailers that have lines in them, which are dropped',
    section: '8.2.1',
    frames: [post(), data(ID, 'hello'), trailers(['a', 'b\r\nc: d'], ['e\r\nf', 'g'], ['h', 'i'])],
    body: 'hello',
    framing: 'chunked',
    trailers: [['h', 'i']]
  }
]

for (const [what, cases, whole] of [
  ['is not what its head says reaches no backend whole', REFUSED, 0],
  ['goes on behind its end has that end', BROKEN, 1]
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
  for (const { name, section, frames, body, framing, trailers = [] } of PASSED) {
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
