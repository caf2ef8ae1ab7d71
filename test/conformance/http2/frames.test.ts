import {
  block,
  Code,
  data,
  Flag,
  frame,
  get,
  goaway,
  headers,
  ping,
  request,
  reset,
  Setting,
  settings,
  Type,
  uint32,
  window
} from '../../support/http2-frames.js'
import { type Expectation, each, section } from './case.js'
import {
  answered,
  anyError,
  arrived,
  confirmed,
  connectionError,
  goesOn,
  holds,
  ignored,
  settled,
  streamError,
  until
} from './expectations.js'
import { testCases } from './stage.js'

// Frames by themselves: RFC 9113, sections 4.1, 4.2, 5.5 and 6

const { protocol, frameSize } = Code
const MAX_FRAME_BYTES = 16_384
const RESERVED = 0x8000_0000
const HEAD = block(get())
const WHOLE = Flag.endHeaders | Flag.endStream
const upload = (path: string) => headers(1, request('POST', path), { open: true })
const held = headers(1, get('/hold'))
const padded = (length: number, text = '') => `${String.fromCharCode(length)}${text}`
const PRIORITY = Buffer.concat([uint32(0), Buffer.from([15])])

/** The stream is answered, and the session may end behind it. */
const wholly =
  (id: number, bytes: number): Expectation =>
  async (session) => {
    const stream = session.stream(id)
    await until(
      session,
      `${id} answered`,
      () => stream.ended && stream.status === 200 && stream.bodyBytes === bytes
    )
  }

const UNKNOWN = section('4.1, 5.5', {
  'an unknown type': [[frame(0xaa, 0, 0, 'what')], ignored],
  'an unknown type without a payload': [[frame(0xff, 0xff, 0)], ignored],
  'an unknown type of the largest size': [[frame(0x77, 0, 0, Buffer.alloc(MAX_FRAME_BYTES))], ignored],
  'an unknown type on a stream that is idle': [
    [frame(0xaa, 0xff, 1, 'what'), headers(1, get())],
    answered(1)
  ],
  'an unknown type on a stream of the server': [[frame(0xaa, 0, 2, 'what')], ignored],
  'an unknown type amid a body': [
    [upload('/echo'), data(1, 'a'), frame(0xaa, 1, 1, 'what'), data(1, 'b', true)],
    answered(1, 200, 2)
  ],
  'an unknown type on a closed stream': [[headers(1, get()), settled(1), frame(0xaa, 1, 1, 'what')], ignored],
  'ALTSVC and ORIGIN of a client': [[frame(10, 0, 0, '\0\x01x'), frame(12, 0, 0, '\0\x01x')], ignored]
})

const UNKNOWN_FLAGS = section('4.1', {
  DATA: [[upload('/echo'), frame(Type.data, 0xf6, 1, 'ab'), data(1, 'c', true)], answered(1, 200, 3)],
  HEADERS: [[frame(Type.headers, WHOLE | 0xd2, 1, HEAD)], answered(1)],
  PRIORITY: [[frame(Type.priority, 0xff, 1, PRIORITY)], ignored],
  SETTINGS: [[frame(Type.settings, 0xfe, 0)], ignored],
  PING: [[frame(Type.ping, 0xfe, 0, 'pingpong')], ignored],
  GOAWAY: [[frame(Type.goaway, 0xff, 0, uint32(0, 0)), headers(1, get())], wholly(1, 2)],
  WINDOW_UPDATE: [[frame(Type.window, 0xff, 0, uint32(1))], ignored],
  RST_STREAM: [[held, frame(Type.reset, 0xff, 1, uint32(8))], ignored],
  CONTINUATION: [
    [
      frame(Type.headers, Flag.endStream, 1, HEAD.subarray(0, 9)),
      frame(Type.continuation, 0xff, 1, HEAD.subarray(9))
    ],
    answered(1)
  ]
}).map((of) => ({ ...of, name: `unknown flags of ${of.name}` }))

const reservedId = (bytes: Buffer) => {
  const copy = Buffer.from(bytes)
  copy[5]! |= 0x80
  return copy
}

const RESERVED_BITS = section('4.1', {
  HEADERS: [[reservedId(headers(1, get()))], answered(1)],
  DATA: [[upload('/echo'), reservedId(data(1, 'abc', true))], answered(1, 200, 3)],
  PING: [[reservedId(ping())], ignored],
  SETTINGS: [[reservedId(settings())], ignored],
  'the increment of WINDOW_UPDATE': [[window(0, RESERVED + 1)], ignored],
  'the last stream of GOAWAY': [
    [headers(1, get()), frame(Type.goaway, 0, 0, uint32(RESERVED, 0))],
    wholly(1, 2)
  ]
}).map((of) => ({ ...of, name: `the reserved bit in ${of.name}` }))

const SIZES = section('4.2', {
  'DATA of the largest size': [
    [upload('/echo'), data(1, Buffer.alloc(MAX_FRAME_BYTES), true)],
    answered(1, 200, MAX_FRAME_BYTES)
  ],
  'DATA that is larger': [
    [upload('/hold'), data(1, Buffer.alloc(MAX_FRAME_BYTES + 1))],
    anyError(1, frameSize)
  ],
  'HEADERS that are larger': [
    [frame(Type.headers, WHOLE, 1, block(get('/', ['a', 'b'.repeat(MAX_FRAME_BYTES)])))],
    connectionError(frameSize)
  ],
  'CONTINUATION that is larger': [
    [
      frame(Type.headers, Flag.endStream, 1, HEAD),
      frame(Type.continuation, Flag.endHeaders, 1, Buffer.alloc(MAX_FRAME_BYTES + 1))
    ],
    connectionError(frameSize)
  ],
  'SETTINGS that are larger': [
    [frame(Type.settings, 0, 0, Buffer.alloc(16_386))],
    connectionError(frameSize)
  ],
  'an unknown type that is larger': [
    [frame(0xaa, 0, 0, Buffer.alloc(MAX_FRAME_BYTES + 1))],
    connectionError(frameSize)
  ],
  'a size of 2^24-1, of which only the head comes': [
    [Buffer.from([0xff, 0xff, 0xff, Type.headers, 5, 0, 0, 0, 1])],
    connectionError(frameSize)
  ]
})

const DATA = section('6.1', {
  'DATA without a stream': [[data(0, 'x')], connectionError(protocol)],
  'padding as long as the payload': [
    [upload('/hold'), frame(Type.data, Flag.padded | Flag.endStream, 1, padded(4, 'abc'))],
    connectionError(protocol)
  ],
  'padding longer than the frame': [
    [upload('/hold'), frame(Type.data, Flag.padded, 1, padded(255, 'abc'))],
    connectionError(protocol)
  ],
  'padding without its length': [
    [upload('/hold'), frame(Type.data, Flag.padded, 1)],
    connectionError(protocol, frameSize)
  ],
  'nothing but padding': [
    [upload('/echo'), frame(Type.data, Flag.padded | Flag.endStream, 1, padded(3, '\0\0\0'))],
    answered(1, 200, 0)
  ],
  'padding of no length': [
    [upload('/echo'), frame(Type.data, Flag.padded | Flag.endStream, 1, padded(0, 'abc'))],
    answered(1, 200, 3)
  ],
  'the longest padding': [
    [upload('/echo'), frame(Type.data, Flag.padded | Flag.endStream, 1, padded(255, `a${'\0'.repeat(255)}`))],
    answered(1, 200, 1)
  ]
})

const HEADERS = section('6.2', {
  'HEADERS without a stream': [[headers(0, get())], connectionError(protocol)],
  'padding longer than the payload': [
    [frame(Type.headers, WHOLE | Flag.padded, 1, Buffer.concat([Buffer.from([HEAD.length + 1]), HEAD]))],
    connectionError(protocol)
  ],
  'padding without its length': [
    [frame(Type.headers, WHOLE | Flag.padded, 1)],
    connectionError(protocol, frameSize)
  ],
  'a priority that is cut off': [
    [frame(Type.headers, WHOLE | Flag.priority, 1, 'abc')],
    connectionError(protocol, frameSize)
  ],
  'padding that reaches into the priority': [
    [frame(Type.headers, WHOLE | Flag.priority | Flag.padded, 1, `${padded(5)}abcde`)],
    connectionError(protocol, frameSize)
  ],
  padding: [
    [frame(Type.headers, WHOLE | Flag.padded, 1, Buffer.concat([Buffer.from([9]), HEAD, Buffer.alloc(9)]))],
    answered(1)
  ],
  'a priority': [
    [frame(Type.headers, WHOLE | Flag.priority, 1, Buffer.concat([PRIORITY, HEAD]))],
    answered(1)
  ],
  'padding and a priority': [
    [
      frame(
        Type.headers,
        WHOLE | Flag.priority | Flag.padded,
        1,
        Buffer.concat([Buffer.from([3]), PRIORITY, HEAD, Buffer.alloc(3)])
      )
    ],
    answered(1)
  ],
  'padding, and more in CONTINUATION': [
    [
      frame(
        Type.headers,
        Flag.endStream | Flag.padded,
        1,
        Buffer.concat([Buffer.from([2]), HEAD.subarray(0, 12), Buffer.alloc(2)])
      ),
      frame(Type.continuation, Flag.endHeaders, 1, HEAD.subarray(12))
    ],
    answered(1)
  ]
})

const PRIORITIES = section('6.3', {
  'PRIORITY without a stream': [[frame(Type.priority, 0, 0, PRIORITY)], connectionError(protocol)],
  'PRIORITY of four bytes': [[held, frame(Type.priority, 0, 1, 'abcd')], streamError(1, frameSize)],
  'PRIORITY of six bytes': [[held, frame(Type.priority, 0, 1, 'abcdef')], streamError(1, frameSize)],
  'PRIORITY of no bytes': [[held, frame(Type.priority, 0, 1)], streamError(1, frameSize)],
  'PRIORITY opens no stream': [[frame(Type.priority, 0, 9, PRIORITY), headers(3, get())], answered(3)]
})

/** The backend learns that a request is given up. */
const givenUp =
  (path: string): Expectation =>
  (session, { aborted }) =>
    until(session, `${path} given up`, () => aborted.includes(path))

const RESETS = section('6.4', {
  'RST_STREAM without a stream': [[reset(0)], connectionError(protocol)],
  'RST_STREAM of three bytes': [[held, frame(Type.reset, 0, 1, 'abc')], connectionError(frameSize)],
  'RST_STREAM of five bytes': [[held, frame(Type.reset, 0, 1, 'abcde')], connectionError(frameSize)],
  'RST_STREAM gives the request up': [
    [headers(1, get('/hold/61')), arrived('/hold/61'), reset(1)],
    givenUp('/hold/61')
  ],
  'RST_STREAM amid a body gives the request up': [
    [upload('/hold/62'), data(1, 'x'), arrived('/hold/62'), reset(1)],
    givenUp('/hold/62')
  ],
  'RST_STREAM with a code that nobody knows': [[held, reset(1, 0xffff_ffff)], ignored],
  'RST_STREAM without an error': [[held, reset(1, 0)], ignored]
})

const PUSHES = section('6.6, 8.4', {
  'PUSH_PROMISE of a client': [
    [frame(Type.push, Flag.endHeaders, 1, Buffer.concat([uint32(2), HEAD]))],
    connectionError(protocol)
  ],
  'PUSH_PROMISE on a stream that is open': [
    [upload('/hold'), frame(Type.push, Flag.endHeaders, 1, Buffer.concat([uint32(2), HEAD]))],
    connectionError(protocol)
  ],
  'PUSH_PROMISE without a stream': [
    [frame(Type.push, Flag.endHeaders, 0, Buffer.concat([uint32(2), HEAD]))],
    connectionError(protocol)
  ]
})

const pingAnswers =
  (payload: string): Expectation =>
  async (session) => {
    const isAnswer = ({ type, flags, payload: got }: (typeof session.frames)[number]) =>
      type === Type.ping && flags === Flag.ack && got.toString('latin1') === payload
    await until(session, 'answered', () => session.frames.some(isAnswer))
  }

const notAnswered: Expectation = async (session) => {
  await goesOn(session)
  // The one of `goesOn` itself.
  if (session.counts[Type.ping] !== 1) throw new Error(`${session.counts[Type.ping]} PINGs`)
}

const PINGS = section('6.7', {
  'PING is answered with what it holds': [
    [frame(Type.ping, 0, 0, '\0\x01\xfe\xffabcd')],
    pingAnswers('\0\x01\xfe\xffabcd')
  ],
  'PING that acknowledges is not': [[ping(Flag.ack)], notAnswered],
  'PING of a stream': [[frame(Type.ping, 0, 1, 'pingpong')], connectionError(protocol)],
  'PING of seven bytes': [[frame(Type.ping, 0, 0, 'pingpon')], connectionError(frameSize)],
  'PING of nine bytes': [[frame(Type.ping, 0, 0, 'pingpongs')], connectionError(frameSize)],
  'PING that acknowledges, of no bytes': [[frame(Type.ping, Flag.ack, 0)], connectionError(frameSize)],
  'PING is answered while a response waits for a window': [
    [headers(1, get('/body/100000')), confirmed],
    holds(1, 65_535)
  ]
})

const GOAWAYS = section('6.8', {
  'GOAWAY of a stream': [[frame(Type.goaway, 0, 1, uint32(0, 0))], connectionError(protocol)],
  'GOAWAY of seven bytes': [[frame(Type.goaway, 0, 0, 'abcdefg')], connectionError(frameSize)],
  'a request under way is answered after GOAWAY': [
    [upload('/echo'), data(1, 'a'), goaway(0), data(1, 'b', true)],
    wholly(1, 2)
  ],
  'a request behind GOAWAY is answered': [[goaway(0), headers(1, get())], wholly(1, 2)],
  'GOAWAY with something to read': [
    [
      upload('/echo'),
      frame(Type.goaway, 0, 0, Buffer.concat([uint32(0, 0), Buffer.from('bye')])),
      data(1, 'b', true)
    ],
    wholly(1, 1)
  ]
})

const WINDOWS = each(
  '6.9',
  {
    'WINDOW_UPDATE of three bytes': frame(Type.window, 0, 0, 'abc'),
    'WINDOW_UPDATE of five bytes': frame(Type.window, 0, 0, 'abcde'),
    'WINDOW_UPDATE of three bytes, of a stream': frame(Type.window, 0, 1, 'abc')
  },
  (bytes) => [[held, bytes], connectionError(frameSize)]
)

testCases('HTTP/2: frames', [
  ...UNKNOWN,
  ...UNKNOWN_FLAGS,
  ...RESERVED_BITS,
  ...SIZES,
  ...DATA,
  ...HEADERS,
  ...PRIORITIES,
  ...RESETS,
  ...PUSHES,
  ...PINGS,
  ...GOAWAYS,
  ...WINDOWS
])

testCases(
  'HTTP/2: frames to a client that takes larger ones',
  section('6.5.2', {
    'DATA is no longer than it said': [
      [headers(1, get('/body/60000'))],
      async (session) => {
        await answered(1, 200, 60_000)(session)
        const longest = Math.max(...session.frames.map(({ payload }) => payload.length))
        if (longest > 20_000) throw new Error(`${longest} bytes`)
      },
      { own: [[Setting.maxFrame, 20_000]] }
    ],
    'DATA is no longer than the default without a word': [
      [headers(1, get('/body/60000'))],
      async (session) => {
        await answered(1, 200, 60_000)(session)
        const longest = Math.max(...session.frames.map(({ payload }) => payload.length))
        if (longest > MAX_FRAME_BYTES) throw new Error(`${longest} bytes`)
      }
    ]
  })
)
