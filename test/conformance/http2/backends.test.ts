import type { Test } from 'tap'
import { eventually, test } from '../../helper.js'
import { blockOf, type FrameBackend, framed, type Peer } from '../../support/frame-backend.js'
import { connectionsTo } from '../../support/http2-connections.js'
import {
  Code,
  data,
  Flag,
  frame,
  goaway,
  ping,
  reset,
  Setting,
  settings,
  Type,
  uint32,
  window
} from '../../support/http2-frames.js'
import { allEnded, ask, type Ending } from '../../support/stack.js'
import { inLanes } from '../mutations.js'

// RFC 9113 towards backends: what a backend sends, and what it and who has asked must see

const LANES = 32
const { protocol, frameSize, flowControl, compression } = Code
const MAX_FRAME_BYTES = 16_384
const WHOLE = Flag.endHeaders | Flag.endStream
const HEAD = blockOf(':status', '200')
const PRIORITY = Buffer.concat([uint32(0), Buffer.from([15])])

/** What the backend does when the request has come, on stream 1. */
type Act = (peer: Peer) => void

interface Scene {
  readonly backend: FrameBackend
  readonly peer: Peer
  readonly ending: Ending
  /** Has another request sent, and answers it. Returns its connection's number. */
  readonly another: () => Promise<number>
}

type Expectation = (scene: Scene) => Promise<unknown>

interface Case {
  readonly name: string
  readonly section: string
  readonly act: Act
  readonly sees: Expectation
  readonly method: string
  readonly greeting: Buffer
}

interface Variant {
  readonly method?: string
  /** Takes the place of settings without any. */
  readonly greeting?: Buffer
}

type Row = readonly [act: Act | Buffer, sees: Expectation, variant?: Variant]

function section(of: string, rows: Readonly<Record<string, Row>>): Case[] {
  return Object.entries(rows).map(([name, [act, sees, { method = 'GET', greeting = settings() } = {}]]) => ({
    name,
    section: of,
    act: typeof act === 'function' ? act : (peer: Peer) => void peer.socket.write(act),
    sees,
    method,
    greeting
  }))
}

const each = <T>(of: string, things: Readonly<Record<string, T>>, row: (thing: T) => Row): Case[] =>
  section(of, Object.fromEntries(Object.entries(things).map(([name, thing]) => [name, row(thing)])))

const framesOf = ({ frames }: Peer, type: number) => frames.filter((frame) => frame.type === type)

function fail(what: string, { peer, ending }: Scene): never {
  const resets = framesOf(peer, Type.reset).map(({ id, payload }) => `reset ${id} ${payload.readUInt32BE(0)}`)
  const goaways = framesOf(peer, Type.goaway).map(({ payload }) => `goaway ${payload.readUInt32BE(4)}`)
  const errors = ending.errors.map((error) => `${error.code} ${error.message}`)
  throw new Error(
    `not ${what}, but ${[...resets, ...goaways, ...errors, JSON.stringify(ending.told)].join('; ')}`
  )
}

const within = (scene: Scene, what: string, condition: () => unknown) =>
  eventually(condition, 4000).catch(() => fail(what, scene))

/** The connection ends with one of these codes, the request breaks, and the next one goes on another (section 5.4.1). */
function connectionError(...codes: number[]): Expectation {
  return async (scene) => {
    const { peer, ending, another } = scene
    const what = `goaway ${codes}`
    await within(scene, what, () => peer.socket.destroyed)
    const [told] = framesOf(peer, Type.goaway)
    if (!told || !codes.includes(told.payload.readUInt32BE(4))) fail(what, scene)
    await within(scene, 'broken', () => ending.count > 0)
    if (ending.completed > 0 || ending.count !== 1) fail('broken', scene)
    if ((await another()) !== 1) fail('another connection', scene)
  }
}

/** The stream is reset with one of these codes, the request breaks, and its connection goes on (section 5.4.2). */
function streamError(...codes: number[]): Expectation {
  return async (scene) => {
    const { peer, ending, another } = scene
    const what = `reset ${codes}`
    await within(scene, what, () => framesOf(peer, Type.reset).length > 0 || peer.socket.destroyed)
    const [told] = framesOf(peer, Type.reset)
    if (told?.id !== 1 || !codes.includes(told.payload.readUInt32BE(0))) fail(what, scene)
    await within(scene, 'broken', () => ending.count > 0)
    if (ending.completed > 0 || ending.count !== 1) fail('broken', scene)
    if ((await another()) !== 0) fail('the same connection', scene)
  }
}

/** The response is not complete, and the connection goes on; whether it is reset is open, as both sides have ended. */
const malformed: Expectation = async (scene) => {
  const { ending, another } = scene
  await within(scene, 'broken', () => ending.count > 0)
  if (ending.completed > 0 || ending.count !== 1) fail('broken', scene)
  if ((await another()) !== 0) fail('the same connection', scene)
}

/** The request is answered with this body, and the connection goes on. */
function answered(body = 'ok'): Expectation {
  return async (scene) => {
    const { peer, ending, another } = scene
    await within(scene, 'answered', () => ending.count > 0)
    if (ending.completed !== 1 || (ending.body ?? '') !== body) fail(`answered with ${body}`, scene)
    if ((await another()) !== 0) fail('the same connection', scene)
    if (framesOf(peer, Type.reset).length > 0) fail('without a reset', scene)
  }
}

/** Nothing is said of what was sent; the request is answered behind it. */
const ignored: Expectation = async (scene) => {
  scene.peer.answer(1)
  await answered()(scene)
}

const heads =
  (fields: readonly string[], isEnd = true) =>
  (peer: Peer) =>
    peer.head(1, fields, isEnd)
/** The same amid a response that has begun. */
const amid = (...parts: Buffer[]) => Buffer.concat([frame(Type.headers, Flag.endHeaders, 1, HEAD), ...parts])

const PREFACES = each(
  '3.4',
  {
    'settings without any': settings(),
    'settings that nobody knows': settings([0xff, 1], [0, 2]),
    'settings of all kinds': settings([1, 0], [3, 1000], [4, 1], [5, 20_000], [6, 1], [8, 1], [9, 1]),
    'the smallest values': settings([1, 0], [2, 0], [3, 1], [4, 0], [5, 16_384], [6, 0]),
    'the largest values': settings(
      [1, 2 ** 32 - 1],
      [3, 2 ** 32 - 1],
      [4, 2 ** 31 - 1],
      [5, 2 ** 24 - 1],
      [6, 2 ** 32 - 1]
    ),
    'settings with flags that nobody knows': frame(Type.settings, 0xfe, 0),
    'settings twice': Buffer.concat([settings(), settings([4, 10])])
  },
  (greeting) => [
    (peer) => peer.answer(1),
    async (scene) => {
      await answered()(scene)
      const acks = scene.peer.settingsFrames.filter(({ flags }) => flags === Flag.ack)
      if (acks.length === 0 || acks.some(({ payload }) => payload.length > 0)) fail('acknowledged', scene)
    },
    { greeting }
  ]
)

const SETTINGS = [
  ...each(
    '6.5.2',
    {
      'SETTINGS_ENABLE_PUSH of 1': [[2, 1], protocol],
      'SETTINGS_ENABLE_PUSH of 2': [[2, 2], protocol],
      'SETTINGS_INITIAL_WINDOW_SIZE of 2^31': [[4, 2 ** 31], flowControl],
      'SETTINGS_MAX_FRAME_SIZE of 16,383': [[5, 16_383], protocol],
      'SETTINGS_MAX_FRAME_SIZE of 2^24': [[5, 2 ** 24], protocol],
      'SETTINGS_ENABLE_CONNECT_PROTOCOL of 2 (RFC 8441, 3)': [[8, 2], protocol],
      'SETTINGS_NO_RFC7540_PRIORITIES of 2 (RFC 9218, 2.1)': [[9, 2], protocol]
    } as Record<string, [[number, number], number]>,
    ([setting, code]) => [settings(setting), connectionError(code)]
  ),
  ...section('6.5', {
    'SETTINGS of a stream': [frame(Type.settings, 0, 1), connectionError(protocol)],
    'SETTINGS that acknowledge, of a stream': [frame(Type.settings, Flag.ack, 1), connectionError(protocol)],
    'SETTINGS of five bytes': [frame(Type.settings, 0, 0, 'abcde'), connectionError(frameSize)],
    'SETTINGS of seven bytes': [frame(Type.settings, 0, 0, 'abcdefg'), connectionError(frameSize)],
    'SETTINGS that acknowledge, with a payload': [
      frame(Type.settings, Flag.ack, 0, 'abcdef'),
      connectionError(frameSize)
    ]
  })
]

const FRAMES = [
  ...each(
    '4.1, 5.5',
    {
      'an unknown type': frame(0xaa, 0xff, 0, 'what'),
      'an unknown type on the stream': frame(0xaa, 0xff, 1, 'what'),
      'an unknown type on a stream that is idle': frame(0xaa, 1, 99, 'what'),
      ALTSVC: frame(10, 0, 0, '\0\x01xh2=":1"'),
      ORIGIN: frame(12, 0, 0, '\0\x08http://x'),
      PRIORITY: frame(Type.priority, 0xff, 1, PRIORITY),
      'PRIORITY of a stream that is idle': frame(Type.priority, 0, 99, PRIORITY),
      'WINDOW_UPDATE with flags': frame(Type.window, 0xff, 1, uint32(1)),
      'WINDOW_UPDATE with the reserved bit': window(0, 2 ** 31 + 1),
      'PING that acknowledges': ping(Flag.ack),
      'SETTINGS that acknowledge': frame(Type.settings, Flag.ack, 0),
      'the reserved bit': frame(Type.ping, 0, 2 ** 31, 'pingpong')
    },
    (bytes) => [bytes, ignored]
  ),
  ...section('4.2', {
    'DATA of the largest size': [
      (peer) => {
        peer.head(1)
        peer.data(1, 'a'.repeat(MAX_FRAME_BYTES), true)
      },
      answered('a'.repeat(MAX_FRAME_BYTES))
    ],
    'DATA that is larger': [amid(data(1, Buffer.alloc(MAX_FRAME_BYTES + 1))), connectionError(frameSize)],
    'an unknown type that is larger': [
      frame(0xaa, 0, 0, Buffer.alloc(MAX_FRAME_BYTES + 1)),
      connectionError(frameSize)
    ]
  }),
  ...section('6.1', {
    'DATA without a stream': [data(0, 'x'), connectionError(protocol)],
    'padding as long as the payload': [
      amid(frame(Type.data, Flag.padded, 1, '\x04abc')),
      connectionError(protocol)
    ],
    'padding without its length': [
      amid(frame(Type.data, Flag.padded, 1)),
      connectionError(protocol, frameSize)
    ],
    'nothing but padding': [amid(frame(Type.data, 9, 1, '\x02\0\0')), answered('')],
    'padding of no length': [amid(frame(Type.data, 9, 1, '\0ok')), answered()],
    'the longest padding': [amid(frame(Type.data, 9, 1, `\xffok${'\0'.repeat(255)}`)), answered()],
    'DATA without anything': [amid(data(1, ''), data(1, 'o'), data(1, ''), data(1, 'k', true)), answered()]
  }),
  ...section('6.2', {
    'HEADERS without a stream': [frame(Type.headers, WHOLE, 0, HEAD), connectionError(protocol)],
    'padding longer than the payload': [
      frame(Type.headers, WHOLE | 8, 1, '\x09abc'),
      connectionError(protocol)
    ],
    'padding without its length': [frame(Type.headers, WHOLE | 8, 1), connectionError(protocol, frameSize)],
    'a priority that is cut off': [
      frame(Type.headers, WHOLE | 32, 1, 'abc'),
      connectionError(protocol, frameSize)
    ],
    'padding and a priority': [
      Buffer.concat([
        frame(
          Type.headers,
          Flag.endHeaders | Flag.padded | Flag.priority,
          1,
          Buffer.concat([Buffer.from([2]), PRIORITY, HEAD, Buffer.alloc(2)])
        ),
        data(1, 'ok', true)
      ]),
      answered()
    ]
  }),
  ...section('6.3', {
    'PRIORITY without a stream': [frame(Type.priority, 0, 0, PRIORITY), connectionError(protocol)],
    'PRIORITY of four bytes': [frame(Type.priority, 0, 1, 'abcd'), streamError(frameSize)],
    'PRIORITY of six bytes': [frame(Type.priority, 0, 1, 'abcdef'), streamError(frameSize)]
  }),
  ...section('6.4', {
    'RST_STREAM without a stream': [reset(0), connectionError(protocol)],
    'RST_STREAM of a stream that is idle': [reset(99), connectionError(protocol)],
    'RST_STREAM of three bytes': [frame(Type.reset, 0, 1, 'abc'), connectionError(frameSize)],
    'RST_STREAM of five bytes': [frame(Type.reset, 0, 1, 'abcde'), connectionError(frameSize)]
  }),
  ...section('6.6, 8.4', {
    PUSH_PROMISE: [
      frame(Type.push, Flag.endHeaders, 1, Buffer.concat([uint32(2), HEAD])),
      connectionError(protocol)
    ],
    'PUSH_PROMISE of a stream that is idle': [
      frame(Type.push, Flag.endHeaders, 99, Buffer.concat([uint32(2), HEAD])),
      connectionError(protocol)
    ],
    'PUSH_PROMISE without a stream': [
      frame(Type.push, Flag.endHeaders, 0, Buffer.concat([uint32(2), HEAD])),
      connectionError(protocol)
    ]
  }),
  ...section('RFC 9218, 7.1', {
    'PRIORITY_UPDATE of a backend': [
      frame(Type.priorityUpdate, 0, 0, Buffer.concat([uint32(1), Buffer.from('u=1')])),
      connectionError(protocol)
    ]
  }),
  ...section('6.7', {
    PING: [
      frame(Type.ping, 0, 0, '\0\x01\xfe\xffabcd'),
      async (scene) => {
        const [answer] = await within(
          scene,
          'answered',
          () => framesOf(scene.peer, Type.ping).length > 0
        ).then(() => framesOf(scene.peer, Type.ping))
        if (answer!.flags !== Flag.ack || answer!.payload.toString('latin1') !== '\0\x01\xfe\xffabcd')
          fail('the same', scene)
        await ignored(scene)
      }
    ],
    'PING of a stream': [frame(Type.ping, 0, 1, 'pingpong'), connectionError(protocol)],
    'PING of seven bytes': [frame(Type.ping, 0, 0, 'pingpon'), connectionError(frameSize)],
    'PING of nine bytes': [frame(Type.ping, 0, 0, 'pingpongs'), connectionError(frameSize)],
    'PING that acknowledges, of no bytes': [frame(Type.ping, Flag.ack, 0), connectionError(frameSize)]
  }),
  ...section('6.8', {
    'GOAWAY of a stream': [frame(Type.goaway, 0, 1, uint32(1, 0)), connectionError(protocol)],
    'GOAWAY of seven bytes': [frame(Type.goaway, 0, 0, 'abcdefg'), connectionError(frameSize)],
    'GOAWAY with something to read': [
      (peer) => {
        peer.socket.write(frame(Type.goaway, 0, 0, Buffer.concat([uint32(1, 77), Buffer.from('bye')])))
        peer.answer(1)
      },
      onAnother
    ],
    'GOAWAY in two steps': [
      (peer) => {
        peer.goAway(2 ** 31 - 1)
        peer.goAway(1)
        peer.answer(1)
      },
      onAnother
    ]
  })
]

/** It is answered, and the next one goes on another connection. */
async function onAnother(scene: Scene): Promise<void> {
  await within(scene, 'answered', () => scene.ending.completed === 1)
  if ((await scene.another()) !== 1) fail('another connection', scene)
}

const begun = (bytes: Buffer | string = HEAD.subarray(0, 4)) => frame(Type.headers, 0, 1, bytes)
const continued = (bytes: Buffer | string, isEnd = true, id = 1) =>
  frame(Type.continuation, isEnd ? Flag.endHeaders : 0, id, bytes)
const OK = data(1, 'ok', true)

const FIELD_BLOCKS = [
  ...each(
    '4.3, 6.10',
    {
      'DATA amid a head': data(1, 'x'),
      'HEADERS amid a head': frame(Type.headers, WHOLE, 1, HEAD),
      'SETTINGS amid a head': settings(),
      'PING amid a head': ping(),
      'RST_STREAM amid a head': reset(1),
      'PRIORITY amid a head': frame(Type.priority, 0, 1, PRIORITY),
      'GOAWAY amid a head': goaway(1),
      'WINDOW_UPDATE amid a head': window(0, 1),
      'an unknown type amid a head': frame(0xaa, 0, 1, 'what'),
      'CONTINUATION of another stream': continued(HEAD.subarray(4), true, 3),
      'CONTINUATION without a stream': continued(HEAD.subarray(4), true, 0)
    },
    (between) => [
      Buffer.concat([begun(), between, continued(HEAD.subarray(4)), OK]),
      connectionError(protocol)
    ]
  ),
  ...section('6.10', {
    'CONTINUATION at first': [continued(HEAD), connectionError(protocol)],
    'CONTINUATION behind a whole head': [amid(continued(HEAD)), connectionError(protocol)],
    'CONTINUATION without anything': [
      Buffer.concat([begun(), continued('', false), continued(HEAD.subarray(4)), OK]),
      answered()
    ],
    'all of it in CONTINUATION': [Buffer.concat([begun(''), continued(HEAD), OK]), answered()],
    'a frame for each byte': [
      Buffer.concat([
        begun(''),
        ...[...HEAD].map((byte) => continued(Buffer.from([byte]), false)),
        continued(''),
        OK
      ]),
      answered()
    ]
  }),
  ...each(
    '4.3',
    {
      'index 0': Buffer.from([0x80]),
      'an index above the table': Buffer.from([0x80 | 62]),
      'a value that breaks off': Buffer.from([0x00, 0x01, 0x61, 0x05, 0x62]),
      'a number without end': Buffer.alloc(12, 0xff),
      'a table above the limit': Buffer.from([0x3f, 0xe2, 0x1f]),
      'Huffman codes padded with zeros': Buffer.from([0x00, 0x01, 0x61, 0x81, 0x18])
    },
    (bytes) => [frame(Type.headers, WHOLE, 1, bytes), connectionError(compression)]
  )
]

const STATES = section('5.1', {
  'DATA of a stream that is idle': [data(99, 'x'), connectionError(protocol)],
  'HEADERS of a stream that is idle': [frame(Type.headers, WHOLE, 99, HEAD), connectionError(protocol)],
  'WINDOW_UPDATE of a stream that is idle': [window(99, 1), connectionError(protocol)],
  'HEADERS of a stream of the backend': [frame(Type.headers, WHOLE, 2, HEAD), connectionError(protocol)],
  'DATA of a stream of the backend': [data(2, 'x'), connectionError(protocol)],
  'RST_STREAM of a stream of the backend': [reset(2), connectionError(protocol)],
  'WINDOW_UPDATE of a closed stream': [
    (peer) => {
      peer.answer(1)
      peer.socket.write(window(1, 1))
    },
    answered()
  ],
  'RST_STREAM of a closed stream': [
    (peer) => {
      peer.answer(1)
      peer.socket.write(reset(1, 0))
    },
    answered()
  ],
  'RST_STREAM of three bytes, of a closed stream': [
    (peer) => {
      peer.answer(1)
      peer.socket.write(frame(Type.reset, 0, 1, 'abc'))
    },
    async (scene) => {
      await within(scene, 'goaway', () => framesOf(scene.peer, Type.goaway).length > 0)
      if (framesOf(scene.peer, Type.goaway)[0]!.payload.readUInt32BE(4) !== frameSize) fail('goaway 6', scene)
    }
  ]
})

const WINDOWS = section('6.9', {
  'no increment of the connection': [window(0, 0), connectionError(protocol)],
  'no increment of the stream': [window(1, 0), streamError(protocol)],
  'WINDOW_UPDATE of three bytes': [frame(Type.window, 0, 0, 'abc'), connectionError(frameSize)],
  'WINDOW_UPDATE of three bytes, of the stream': [
    frame(Type.window, 0, 1, 'abc'),
    connectionError(frameSize)
  ],
  'a connection opened too far': [window(0, 2 ** 31 - 1), connectionError(flowControl)],
  'a stream opened too far': [window(1, 2 ** 31 - 1), streamError(flowControl)],
  'a stream opened too far by degrees': [
    Buffer.concat([window(1, 2 ** 30), window(1, 2 ** 30)]),
    streamError(flowControl)
  ],
  'a stream opened as far as can be': [window(1, 2 ** 31 - 1 - 65_535), ignored],
  'a stream opened too far by settings (6.9.2)': [
    Buffer.concat([window(1, 2 ** 31 - 1 - 65_535), settings([Setting.window, 65_536])]),
    connectionError(flowControl)
  ],
  'a window that settings make negative': [settings([Setting.window, 0]), ignored]
})

const FIELDS = [
  ...each(
    '8.3.2',
    {
      'no :status': ['a', 'b'],
      'no field': [],
      'two :status': [':status', '200', ':status', '200'],
      ':status behind a field': ['a', 'b', ':status', '200'],
      'a pseudo-field that nobody knows': [':status', '200', ':odd', 'a'],
      'a pseudo-field of requests': [':status', '200', ':path', '/'],
      ':status without anything': [':status', ''],
      ':status of two digits': [':status', '20'],
      ':status of four digits': [':status', '2000'],
      ':status of letters': [':status', 'abc'],
      ':status with a reason': [':status', '200 OK'],
      ':status below 100': [':status', '099'],
      ':status 101 (8.6)': [':status', '101'],
      'an interim response that ends': [':status', '103']
    } as Record<string, string[]>,
    (fields) => [heads(fields), malformed]
  ),
  ...each(
    '8.2',
    {
      'a name in upper case': ['Abc', 'd'],
      'a name without anything': ['', 'a'],
      'a name with a space': ['a b', 'c'],
      'a name with a colon': ['a:b', 'c'],
      'a name with obs-text': ['caf\xe9', 'a'],
      'a value with NUL': ['a', 'b\0'],
      'a value with LF': ['a', 'b\nc'],
      'a value with CR': ['a', 'b\rc'],
      'a value that begins with a space': ['a', ' b'],
      'a value that ends with a space': ['a', 'b '],
      'a value that ends with a tab': ['a', 'b\t'],
      connection: ['connection', 'close'],
      'keep-alive': ['keep-alive', 'timeout=5'],
      'proxy-connection': ['proxy-connection', 'close'],
      'transfer-encoding': ['transfer-encoding', 'chunked'],
      upgrade: ['upgrade', 'websocket'],
      'two content-length': ['content-length', '0', 'content-length', '0'],
      'content-length with a sign': ['content-length', '+0'],
      'content-length of a list': ['content-length', '0, 0']
    } as Record<string, string[]>,
    (fields) => [heads([':status', '200', ...fields]), malformed]
  )
]

const MESSAGES = [
  ...section('8.1', {
    'interim responses': [
      (peer) => {
        peer.head(1, [':status', '100'])
        peer.head(1, [':status', '103', 'link', '</a>'])
        peer.answer(1)
      },
      answered()
    ],
    'interim responses and RST_STREAM': [
      (peer) => {
        peer.head(1, [':status', '103'])
        peer.reset(1, 2)
      },
      malformed
    ],
    'DATA behind an interim response': [
      (peer) => {
        peer.head(1, [':status', '103'])
        peer.data(1, 'x')
      },
      streamError(protocol)
    ],
    'DATA at first': [(peer) => peer.data(1, 'x'), streamError(protocol)],
    trailers: [
      (peer) => {
        peer.head(1)
        peer.data(1, 'ok')
        peer.head(1, ['a', 'b'], true)
      },
      answered()
    ],
    'trailers without anything': [amid(data(1, 'ok'), frame(Type.headers, WHOLE, 1)), answered()],
    'trailers that end nothing': [
      (peer) => {
        peer.head(1)
        peer.data(1, 'ok')
        peer.head(1, ['a', 'b'])
      },
      streamError(protocol)
    ],
    'an interim response behind the final one': [
      (peer) => {
        peer.head(1)
        peer.head(1, [':status', '103'])
      },
      streamError(protocol)
    ],
    'RST_STREAM without an error amid a body': [
      (peer) => {
        peer.head(1)
        peer.data(1, 'o')
        peer.reset(1, 0)
      },
      malformed
    ],
    'all of it, and RST_STREAM without an error': [
      (peer) => {
        peer.answer(1)
        peer.reset(1, 0)
      },
      answered()
    ]
  }),
  ...each(
    '8.1',
    {
      ':status in trailers': [':status', '200'],
      'a pseudo-field in trailers': [':path', '/'],
      'a name in upper case in trailers': ['A', 'b'],
      'a value with LF in trailers': ['a', 'b\nc'],
      'a field of the connection in trailers': ['connection', 'close']
    } as Record<string, string[]>,
    (fields) => [
      (peer) => {
        peer.head(1)
        peer.data(1, 'ok')
        peer.head(1, fields, true)
      },
      malformed
    ]
  ),
  ...section('8.1.1', {
    'a body shorter than declared': [
      (peer) => {
        peer.head(1, [':status', '200', 'content-length', '3'])
        peer.data(1, 'ok', true)
      },
      malformed
    ],
    'a body longer than declared': [
      (peer) => {
        peer.head(1, [':status', '200', 'content-length', '1'])
        peer.data(1, 'ok')
      },
      streamError(protocol)
    ],
    'a declared body that is missing': [heads([':status', '200', 'content-length', '3']), malformed],
    'a declared body, and trailers': [
      (peer) => {
        peer.head(1, [':status', '200', 'content-length', '3'])
        peer.data(1, 'ok')
        peer.head(1, ['a', 'b'], true)
      },
      malformed
    ],
    'a length in answer to HEAD': [
      heads([':status', '200', 'content-length', '3']),
      answered(''),
      { method: 'HEAD' }
    ],
    'a length of 304': [heads([':status', '304', 'content-length', '3']), answered('')],
    'a body in answer to HEAD': [
      (peer) => {
        peer.head(1)
        peer.data(1, 'ok')
      },
      streamError(protocol),
      { method: 'HEAD' }
    ],
    'a body of 204': [
      (peer) => {
        peer.head(1, [':status', '204'])
        peer.data(1, 'ok')
      },
      streamError(protocol)
    ],
    'the end of 204 in DATA': [
      (peer) => {
        peer.head(1, [':status', '204'])
        peer.data(1, '', true)
      },
      answered('')
    ]
  })
]

async function faultOf(t: Test, { act, sees, method, greeting }: Case): Promise<string | undefined> {
  try {
    const backend = await framed(
      t,
      () => {},
      ({ socket }) => void socket.write(greeting)
    )
    const connections = connectionsTo(t, backend)
    const ending = ask(connections, { method })
    await eventually(() => backend.peers[0]?.requests.length === 1)
    const peer = backend.peers[0]!
    act(peer)
    const another = async () => {
      const next = ask(connections)
      const hasCome = () => backend.peers.findIndex((one, i) => one.requests.length > (i === 0 ? 1 : 0))
      await eventually(() => hasCome() !== -1, 4000)
      const i = hasCome()
      const asked = backend.peers[i]!
      asked.answer(asked.requests.at(-1)!.id)
      await eventually(allEnded([next]))
      if (next.body !== 'ok') throw new Error(`the next request fails: ${next.errors}`)
      return i
    }
    await sees({ backend, peer, ending, another })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function testCases(title: string, cases: readonly Case[]): void {
  test(title, async (t) => {
    const faults: (string | undefined)[] = []
    await inLanes(LANES, cases.length, async (i) => {
      faults[i] = await faultOf(t, cases[i]!)
      return true
    })
    for (const [i, { name, section }] of cases.entries()) t.equal(faults[i], undefined, `${section}: ${name}`)
  })
}

/** What a backend says at first, before it has had any request; whatever it is, no request is sent. */
const GREETINGS: Readonly<Record<string, readonly [greeting: Buffer, code: number]>> = {
  'SETTINGS_ENABLE_PUSH of 1': [settings([Setting.enablePush, 1]), protocol],
  'SETTINGS_INITIAL_WINDOW_SIZE of 2^31': [settings([Setting.window, 2 ** 31]), flowControl],
  'SETTINGS_MAX_FRAME_SIZE of 0': [settings([Setting.maxFrame, 0]), protocol],
  'SETTINGS of five bytes': [frame(Type.settings, 0, 0, 'abcde'), frameSize],
  'SETTINGS that acknowledge': [frame(Type.settings, Flag.ack, 0), protocol],
  'PING in place of settings': [ping(), protocol],
  'HEADERS in place of settings': [frame(Type.headers, WHOLE, 1, HEAD), protocol],
  'an unknown type in place of settings': [frame(0xaa, 0, 0, 'what'), protocol]
}

test('HTTP/2 towards backends: the start of a session', async (t) => {
  for (const [name, [greeting, code]] of Object.entries(GREETINGS)) {
    const backend = await framed(
      t,
      () => {},
      ({ socket }) => void socket.write(greeting)
    )
    const ending = ask(connectionsTo(t, backend))
    await eventually(allEnded([ending]))
    t.match(ending.errors, [{ code: 'LB_NOT_HTTP2' }], name)
    const [peer] = backend.peers
    await eventually(() => peer!.socket.destroyed)
    const codes = framesOf(peer!, Type.goaway).map(({ payload }) => payload.readUInt32BE(4))
    t.same([codes, peer!.requests.length], [[code], 0], name)
  }
})

testCases('HTTP/2 towards backends: frames', [...PREFACES, ...SETTINGS, ...FRAMES, ...FIELD_BLOCKS])
testCases('HTTP/2 towards backends: streams', [...STATES, ...WINDOWS])
testCases('HTTP/2 towards backends: messages', [...FIELDS, ...MESSAGES])
