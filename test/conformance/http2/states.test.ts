import {
  block,
  Code,
  data,
  Flag,
  frame,
  get,
  headers,
  request,
  reset,
  Setting,
  Type,
  uint32,
  window
} from '../../support/http2-frames.js'
import { type Expectation, each, section } from './case.js'
import {
  all,
  answered,
  anyError,
  arrived,
  bytesOf,
  confirmed,
  connectionError,
  connectionErrorAfter,
  ignored,
  seen,
  settled,
  streamError,
  until
} from './expectations.js'
import { testCases } from './stage.js'

// Streams: RFC 9113, sections 5.1 and 5.4

const { protocol, streamClosed, frameSize, cancel, refusedStream } = Code
const PRIORITY = Buffer.concat([uint32(0), Buffer.from([15])])
const priority = (id: number) => frame(Type.priority, 0, id, PRIORITY)
const continuation = (id: number) => frame(Type.continuation, Flag.endHeaders, id, block(get()))
const push = (id: number) => frame(Type.push, Flag.endHeaders, id, Buffer.concat([uint32(2), block(get())]))
const upload = (id = 1, path = '/hold') => headers(id, request('POST', path), { open: true })
const trailers = (id: number) => headers(id, [['a', 'b']])

const IDLE = [
  ...each(
    '5.1, idle',
    {
      DATA: data(1, 'x'),
      'DATA that ends': data(1, '', true),
      RST_STREAM: reset(1),
      WINDOW_UPDATE: window(1, 100),
      CONTINUATION: continuation(1),
      PUSH_PROMISE: push(1),
      'DATA of a stream of the server': data(2, 'x'),
      'RST_STREAM of a stream of the server': reset(2),
      'WINDOW_UPDATE of a stream of the server': window(2, 100),
      'HEADERS of a stream of the server': headers(2, get())
    },
    (sent) => [[sent], connectionError(protocol)]
  ),
  ...section('5.1, idle', {
    'a stream above those that are open': [[upload(1), data(3, 'x')], connectionError(protocol)],
    PRIORITY: [[priority(1), headers(1, get())], answered(1)]
  })
]

const held = headers(1, get('/hold'))

const HALF_CLOSED = [
  ...each(
    '5.1, half-closed (remote)',
    { DATA: data(1, 'x'), 'DATA without anything': data(1, ''), 'DATA that ends': data(1, 'x', true) },
    (sent) => [[held, sent], streamError(1, streamClosed)]
  ),
  ...section('5.1, half-closed (remote)', {
    HEADERS: [[held, headers(1, get())], streamError(1, streamClosed)],
    'HEADERS like trailers': [[held, trailers(1)], streamError(1, streamClosed)],
    'DATA behind a body': [[upload(), data(1, 'x', true), data(1, 'y')], streamError(1, streamClosed)],
    'trailers behind a body that has ended': [
      [upload(), data(1, 'x', true), trailers(1)],
      streamError(1, streamClosed)
    ],
    'trailers behind trailers': [
      [upload(), data(1, 'x'), trailers(1), trailers(1)],
      streamError(1, streamClosed)
    ],
    CONTINUATION: [[held, continuation(1)], connectionError(protocol)],
    PUSH_PROMISE: [[held, push(1)], connectionError(protocol)],
    PRIORITY: [[held, priority(1)], ignored],
    WINDOW_UPDATE: [[held, window(1, 10)], ignored],
    RST_STREAM: [[held, reset(1, cancel)], ignored],
    'WINDOW_UPDATE opens the window of the response': [
      [headers(1, get('/body/70000')), bytesOf(1, 65_535), window(1, 70_000), window(0, 70_000)],
      answered(1, 200, 70_000)
    ]
  })
]

const whole = headers(1, get('/status/204'))

const CLOSED = [
  ...each(
    '5.1, closed by END_STREAM',
    { DATA: data(1, 'x'), 'DATA that ends': data(1, 'x', true) },
    (sent) => [[whole, settled(1), sent], anyError(1, streamClosed)]
  ),
  ...section('5.1, closed by END_STREAM', {
    HEADERS: [[whole, settled(1), headers(1, get())], anyError(1, streamClosed, protocol)],
    CONTINUATION: [[whole, settled(1), continuation(1)], connectionError(protocol, streamClosed)],
    PUSH_PROMISE: [[whole, settled(1), push(1)], connectionError(protocol)],
    PRIORITY: [[whole, settled(1), priority(1)], ignored],
    'WINDOW_UPDATE, which may be on its way': [[whole, settled(1), window(1, 10)], ignored],
    'RST_STREAM, which may be on its way': [[whole, settled(1), reset(1, cancel)], ignored]
  }),
  ...section('5.1, closed by RST_STREAM of the client', {
    DATA: [[upload(), reset(1), data(1, 'x')], anyError(1, streamClosed)],
    HEADERS: [[upload(), reset(1), trailers(1)], anyError(1, streamClosed, protocol)],
    CONTINUATION: [[upload(), reset(1), continuation(1)], connectionError(protocol, streamClosed)],
    PRIORITY: [[upload(), reset(1), priority(1)], ignored],
    WINDOW_UPDATE: [[upload(), reset(1), window(1, 10)], ignored],
    'RST_STREAM again': [[upload(), reset(1), reset(1)], ignored]
  }),
  ...each(
    '5.1, closed by RST_STREAM of the server',
    {
      DATA: data(1, 'x'),
      'DATA that ends': data(1, 'x', true),
      HEADERS: trailers(1),
      PRIORITY: priority(1),
      WINDOW_UPDATE: window(1, 10),
      RST_STREAM: reset(1)
    },
    // An increment of 0 is an error of the stream.
    (sent) => [[upload(), window(1, 0), settled(1), sent], streamError(1, protocol)]
  ),
  ...section('5.1, closed by RST_STREAM of the server', {
    'all in one write': [
      [Buffer.concat([upload(), window(1, 0), data(1, 'x'), data(1, 'y', true), window(1, 1), reset(1)])],
      streamError(1, protocol)
    ]
  })
]

const IDS = section('5.1.1', {
  'a stream of the server': [[headers(2, get())], connectionError(protocol)],
  'a number that goes back': [[headers(5, get()), headers(3, get())], connectionError(protocol)],
  'a number that goes back, when all are answered': [
    [headers(5, get()), settled(5), headers(3, get())],
    connectionError(protocol)
  ],
  'a number that goes back, with a body': [[upload(5), upload(3)], connectionError(protocol)],
  'DATA of a stream that was left out': [[upload(5), data(3, 'x')], anyError(3, protocol, streamClosed)],
  'WINDOW_UPDATE of a stream that was left out': [[upload(5), window(3, 1)], ignored],
  'a number that was used': [[whole, settled(1), headers(1, get())], anyError(1, protocol, streamClosed)],
  'numbers that leave some out': [[headers(7, get()), headers(101, get())], all(answered(7), answered(101))],
  'the highest number': [
    [headers(2 ** 31 - 1, get())],
    async (session) => {
      const stream = session.stream(2 ** 31 - 1)
      await until(session, 'answered', () => stream.ended && stream.status === 200)
    }
  ]
})

/** What the server says of a setting. */
function settingOf({ frames }: Parameters<Expectation>[0], setting: number): number | undefined {
  const { payload } = frames.find(({ type, flags }) => type === Type.settings && flags === 0)!
  for (let at = 0; at < payload.length; at += 6)
    if (payload.readUInt16BE(at) === setting) return payload.readUInt32BE(at + 2)
  return undefined
}

const LIMIT = section('5.1.2', {
  'streams above the limit are refused, and the others are not': [
    [confirmed],
    async (session, { asked }) => {
      const limit = settingOf(session, Setting.maxStreams)!
      const ids = Array.from({ length: limit + 3 }, (_, i) => 2 * i + 1)
      for (const id of ids) session.send(upload(id, '/hold/limit'))
      const above = ids.slice(limit)
      await Promise.all(above.map((id) => settled(id)(session)))
      const codes = above.map((id) => session.stream(id).resetCode)
      if (!codes.every((code) => code === refusedStream || code === protocol))
        throw new Error(`${codes}: ${seen(session)}`)
      await until(
        session,
        'the others arrive',
        () => asked.filter((path) => path === '/hold/limit').length === limit
      )
      if (session.isOver) throw new Error('the session is over')
      // Trailers and data of those that are open are taken at the limit, too.
      session.send(data(1, 'x'), trailers(1), reset(1), reset(3))
      await confirmed(session)
      const next = 2 * ids.length + 1
      session.send(headers(next, get('/status/204')))
      await answered(next, 204)(session)
    }
  ]
})

const ERRORS = [
  ...section('5.4.1', {
    'the last stream is told': [
      [headers(1, get()), settled(1), headers(3, get()), settled(3), data(0, 'x')],
      connectionErrorAfter(3, protocol)
    ],
    'the last stream is told, of those under way': [
      [held, headers(3, get('/hold')), arrived('/hold'), data(0, 'x')],
      connectionErrorAfter(3, protocol)
    ],
    'the last stream is 0 where there was none': [[data(0, 'x')], connectionErrorAfter(0, protocol)],
    'responses that were sent before arrive': [
      [headers(1, get('/body/1000')), settled(1), frame(Type.ping, 0, 0, 'x')],
      async (session) => {
        await connectionError(frameSize)(session)
        if (!session.stream(1).ended) throw new Error('not answered')
      }
    ],
    'nothing is served behind it': [
      [Buffer.concat([data(0, 'x'), headers(1, get('/status/299'))])],
      async (session, stage) => {
        await connectionErrorAfter(0, protocol)(session)
        if (stage.asked.includes('/status/299')) throw new Error('it was')
      }
    ]
  }),
  ...section('5.4.2', {
    'RST_STREAM is not answered by another': [
      [upload(), reset(1)],
      async (session) => {
        await ignored(session)
        if (session.counts[Type.reset]! > 0) throw new Error('it was')
      }
    ],
    'the others of the session go on': [
      [upload(1), upload(3, '/echo'), window(1, 0), settled(1), data(3, 'abc', true)],
      all(streamError(1, protocol), answered(3, 200, 3))
    ],
    'the request is given up at the backend': [
      [upload(1, '/hold/542'), arrived('/hold/542'), window(1, 0)],
      async (session, { aborted }) => {
        await settled(1)(session)
        await until(session, 'given up', () => aborted.includes('/hold/542'))
      }
    ]
  })
]

testCases('HTTP/2: streams', [...IDLE, ...HALF_CLOSED, ...CLOSED, ...IDS, ...LIMIT, ...ERRORS])
