import type { FrameClient } from '../../support/frame-client.js'
import {
  block,
  Code,
  data,
  Flag,
  frame,
  get,
  goaway,
  headers,
  integer,
  literal,
  PREFACE,
  ping,
  request,
  reset,
  Setting,
  settings,
  Type,
  uint32,
  window
} from '../../support/http2-frames.js'
import { each, type Step, section } from './case.js'
import { answered, confirmed, connectionError, goesOn, refused, settled } from './expectations.js'
import { testCases } from './stage.js'

// Field blocks: RFC 9113, sections 4.3 and 6.10, and what RFC 7541 says of them

const { protocol, compression } = Code
const HEAD = block(get())
const WHOLE = Flag.endHeaders | Flag.endStream
const begun = (id = 1, bytes = HEAD.subarray(0, 9)) => frame(Type.headers, Flag.endStream, id, bytes)
const continued = (id: number, bytes: Buffer | string, isEnd = false) =>
  frame(Type.continuation, isEnd ? Flag.endHeaders : 0, id, bytes)
const rest = continued(1, HEAD.subarray(9), true)
/** The shortest head of a GET: static entries alone, with an authority of one letter. */
const SHORT = Buffer.from([0x82, 0x86, 0x84, 0x01, 0x01, 0x78])
const upload = (id = 1) => headers(id, request('POST', '/echo'), { open: true })

const IN_BETWEEN = each(
  '4.3',
  {
    'DATA of the same stream': data(1, 'x'),
    'DATA of another stream': data(3, 'x'),
    'HEADERS of the same stream': headers(1, get()),
    'HEADERS of another stream': headers(3, get()),
    'PRIORITY of the same stream': frame(Type.priority, 0, 1, Buffer.alloc(5)),
    'RST_STREAM of the same stream': reset(1),
    SETTINGS: settings(),
    PING: ping(),
    GOAWAY: goaway(0),
    'WINDOW_UPDATE of the connection': window(0, 1),
    'WINDOW_UPDATE of the same stream': window(1, 1),
    'a frame of an unknown type (5.5)': frame(0xaa, 0, 1, 'what'),
    'an unknown type without a stream': frame(0xaa, 0, 0, 'what'),
    PRIORITY_UPDATE: frame(Type.priorityUpdate, 0, 0, Buffer.concat([uint32(1), Buffer.from('u=1')])),
    'CONTINUATION of another stream': continued(3, HEAD.subarray(9), true)
  },
  (between) => [[begun(), between, rest], connectionError(protocol)]
).map((of) => ({ ...of, name: `${of.name} amid a head` }))

const OUT_OF_ORDER = section('6.10', {
  'CONTINUATION at first': [[continued(1, HEAD, true)], connectionError(protocol)],
  'CONTINUATION without a stream': [
    [begun(), continued(0, HEAD.subarray(9), true)],
    connectionError(protocol)
  ],
  'CONTINUATION behind a whole head': [
    [headers(1, get('/hold')), continued(1, HEAD, true)],
    connectionError(protocol)
  ],
  'CONTINUATION behind a whole head of two frames': [
    [begun(), rest, continued(1, HEAD, true)],
    connectionError(protocol)
  ],
  'CONTINUATION behind DATA': [[upload(), data(1, 'x'), continued(1, HEAD, true)], connectionError(protocol)]
})

/** A frame of its own for each byte. */
const byBytes = (bytes: Buffer) => [
  begun(1, bytes.subarray(0, 1)),
  ...[...bytes.subarray(1)].map((byte, i) => continued(1, Buffer.from([byte]), i === bytes.length - 2))
]

const inPieces =
  (bytes: Buffer, length: number): Step =>
  async (session) => {
    session.confirms = false
    for (let at = 0; at < bytes.length; at += length) {
      session.send(bytes.subarray(at, at + length))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

const MANY_FRAMES = section('4.3', {
  'a head of two frames': [[begun(), rest], answered(1)],
  'a head of a frame for each byte': [byBytes(SHORT), answered(1)],
  'a head of a frame for each byte, that is cut everywhere': [
    [inPieces(Buffer.concat(byBytes(SHORT)), 1)],
    answered(1)
  ],
  'CONTINUATION that comes in pieces': [[inPieces(Buffer.concat([begun(), rest]), 7)], answered(1)],
  'all of it in CONTINUATION': [[begun(1, Buffer.alloc(0)), continued(1, HEAD, true)], answered(1)],
  'CONTINUATION without anything': [[begun(), continued(1, ''), continued(1, ''), rest], answered(1)],
  'the end in CONTINUATION without anything': [[begun(1, HEAD), continued(1, '', true)], answered(1)],
  'a head of two full frames': [[headers(1, get('/', ['a', 'b'.repeat(15_900)]))], answered(1)],
  'trailers of two frames': [
    [
      upload(),
      data(1, 'x'),
      frame(Type.headers, Flag.endStream, 1, block([['a', 'b']])),
      continued(1, block([['c', 'd']]), true)
    ],
    answered(1, 200, 1)
  ],
  'END_STREAM in CONTINUATION says nothing': [
    [
      frame(Type.headers, 0, 1, block(request('POST', '/echo')).subarray(0, 9)),
      frame(
        Type.continuation,
        Flag.endHeaders | Flag.endStream,
        1,
        block(request('POST', '/echo')).subarray(9)
      ),
      data(1, 'x', true)
    ],
    answered(1, 200, 1)
  ]
})

const WITH_NAME = Buffer.from([0x00])
const BROKEN_FIELDS: Readonly<Record<string, Buffer>> = {
  'index 0 (RFC 7541, 6.1)': Buffer.from([0x80]),
  'an index above the table (RFC 7541, 2.3.3)': Buffer.from([0x80 | 62]),
  'an index far above the table': Buffer.from([0xff, 0xff, 0xff, 0x03]),
  'a name of an index above the table': Buffer.concat([Buffer.from([0x40 | 62]), literal('x')]),
  'a name of an index above the table, not learned': Buffer.concat([integer(70, 4, 0), literal('x')]),
  'a number without end (RFC 7541, 5.1)': Buffer.from([
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01
  ]),
  'a number that breaks off': Buffer.from([0xff, 0x80]),
  'a name that breaks off (RFC 7541, 5.2)': Buffer.from([0x00, 0x05, 0x61]),
  'a value that is missing': Buffer.concat([WITH_NAME, literal('a')]),
  'a value that breaks off': Buffer.concat([WITH_NAME, literal('a'), Buffer.from([0x03, 0x61])]),
  'a Huffman code of the end of a string (RFC 7541, 5.2)': Buffer.concat([
    WITH_NAME,
    literal('a'),
    Buffer.from([0x84, 0xff, 0xff, 0xff, 0xff])
  ]),
  'Huffman codes padded with zeros': Buffer.concat([WITH_NAME, literal('a'), Buffer.from([0x81, 0x18])]),
  'Huffman codes padded with a byte': Buffer.concat([
    WITH_NAME,
    literal('a'),
    Buffer.from([0x82, 0x1f, 0xff])
  ]),
  'a table above the limit (RFC 7541, 6.3)': integer(4097, 5, 0x20),
  'a table far above the limit': integer(2 ** 31, 5, 0x20)
}

const BROKEN = [
  ...each('4.3', BROKEN_FIELDS, (bytes) => [
    // A change of the table comes first, and what breaks off last.
    [
      frame(
        Type.headers,
        WHOLE,
        1,
        Buffer.concat((bytes[0]! & 0xe0) === 0x20 ? [bytes, HEAD] : [HEAD, bytes])
      )
    ],
    connectionError(compression)
  ]),
  ...section('4.3', {
    'a change of the table behind a field (RFC 7541, 4.2)': [
      [frame(Type.headers, WHOLE, 1, Buffer.concat([HEAD, integer(0, 5, 0x20)]))],
      connectionError(compression)
    ],
    'broken fields in CONTINUATION': [
      [begun(1, HEAD), continued(1, Buffer.from([0x80]), true)],
      connectionError(compression)
    ],
    'broken fields in trailers': [
      [upload(), data(1, 'x'), frame(Type.headers, WHOLE, 1, Buffer.from([0x80]))],
      connectionError(compression)
    ],
    'broken fields of a stream that the client has reset': [
      [
        headers(1, get('/hold')),
        reset(1),
        headers(3, get('/hold')),
        frame(Type.headers, WHOLE, 5, Buffer.from([0x80]))
      ],
      connectionError(compression)
    ],
    'a head that breaks off in a field': [
      [frame(Type.headers, WHOLE, 1, HEAD.subarray(0, HEAD.length - 2))],
      connectionError(compression)
    ]
  })
]

const learned = (name: string, value: string) =>
  Buffer.concat([Buffer.from([0x40]), literal(name), literal(value)])
const head = (id: number, ...parts: Buffer[]) => frame(Type.headers, WHOLE, id, Buffer.concat(parts))
/** The latest entry of the table. */
const LATEST = Buffer.from([0x80 | 62])
const PATHLESS = block(get().filter(([name]) => name !== ':path'))
const learnedPath = learned(':path', '/status/404')

const TABLES = section('RFC 7541, 2.3.2', {
  'a field that was learned': [[head(1, PATHLESS, learnedPath), head(3, PATHLESS, LATEST)], answered(3, 404)],
  'a field that a malformed request has taught': [
    [head(1, learned(':path', '/status/404')), settled(1), head(3, PATHLESS, LATEST)],
    answered(3, 404)
  ],
  'a field that a refused request has taught': [
    [head(1, block(get('/')), learned('X', 'y')), settled(1), head(3, block(get()), LATEST)],
    refused(3)
  ],
  'a field of trailers': [
    [
      upload(),
      data(1, 'x'),
      head(1, learned('a', 'b')),
      settled(1),
      head(3, block(get('/status/404')), LATEST)
    ],
    answered(3, 404)
  ],
  'a field of a stream that was reset': [
    [
      headers(1, request('POST', '/hold'), { open: true }),
      window(1, 0),
      settled(1),
      head(1, learned('a', 'b')),
      head(3, block(get('/status/404')), LATEST)
    ],
    answered(3, 404)
  ],
  'an entry is gone when the table was made empty': [
    [head(1, PATHLESS, learnedPath), head(3, integer(0, 5, 0x20), PATHLESS, LATEST)],
    connectionError(compression)
  ],
  'a table made empty, and large again': [
    [head(1, integer(0, 5, 0x20), integer(4096, 5, 0x20), PATHLESS, learnedPath), head(3, PATHLESS, LATEST)],
    answered(3, 404)
  ],
  'an entry larger than the table empties it': [
    [
      head(1, PATHLESS, learnedPath),
      head(3, block(get()), learned('a', 'b'.repeat(4096))),
      head(5, PATHLESS, LATEST)
    ],
    connectionError(compression)
  ],
  'a field that is never to be learned': [
    [head(1, PATHLESS, Buffer.from([0x10]), literal(':path'), literal('/status/404'))],
    answered(1, 404)
  ],
  'Huffman codes': [
    // "/" and "x" of static names, the second in codes.
    [head(1, Buffer.from([0x82, 0x86, 0x84, 0x41, 0x81, 0xf3]))],
    answered(1)
  ]
})

/** The latest head of a response. */
const latestHead = ({ frames }: FrameClient) =>
  frames.filter(({ type }) => type === Type.headers).at(-1)!.payload

const ANSWERS = section('RFC 7541, 4.2', {
  'a table that the client makes smaller is told in the next head': [
    [
      headers(1, get('/body/5')),
      settled(1),
      headers(3, get('/body/5')),
      settled(3),
      settings([Setting.tableSize, 0]),
      confirmed,
      headers(5, get('/body/5')),
      settled(5)
    ],
    async (session) => {
      const [first, second] = latestHead(session)
      if (first !== 0x20 || (second! & 0xe0) === 0x20) throw new Error(latestHead(session).toString('hex'))
      await answered(5, 200, 5)(session)
    },
    { opening: Buffer.concat([Buffer.from(PREFACE), settings()]) }
  ],
  'and not again': [
    [headers(1, get()), settled(1), headers(3, get()), settled(3)],
    async (session) => {
      if ((latestHead(session)[0]! & 0xe0) === 0x20) throw new Error(latestHead(session).toString('hex'))
    }
  ]
})

const LARGE = section('10.5.1', {
  'trailers that are too large': [
    [
      upload(),
      data(1, 'x'),
      headers(1, [
        ['a', 'b'.repeat(16_000)],
        ['c', 'd'.repeat(16_000)]
      ])
    ],
    async (session) => {
      await settled(1)(session)
      if (session.stream(1).ended && session.stream(1).status === 200) throw new Error('they were taken')
      await goesOn(session)
    }
  ]
})

testCases('HTTP/2: field blocks', [
  ...IN_BETWEEN,
  ...OUT_OF_ORDER,
  ...MANY_FRAMES,
  ...BROKEN,
  ...TABLES,
  ...ANSWERS,
  ...LARGE
])
