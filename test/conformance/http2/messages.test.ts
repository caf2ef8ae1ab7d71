import {
  block,
  Code,
  data,
  type Fields,
  Flag,
  frame,
  get,
  headers,
  request,
  Type
} from '../../support/http2-frames.js'
import { type Expectation, each, section } from './case.js'
import {
  all,
  answered,
  arrived,
  bytesOf,
  quietly,
  refused,
  settled,
  streamError,
  until
} from './expectations.js'
import { testCases } from './stage.js'

// Messages: RFC 9113, section 8, beside what is refused by its fields alone

const { protocol, none } = Code
const upload = (path: string, ...more: Fields) => headers(1, request('POST', path, ...more), { open: true })
const with_ = (...more: Fields) => [headers(1, get('/never', ...more))]

const FIELDS = [
  ...each(
    '8.2.1',
    {
      'a name without anything': ['', 'a'],
      'a name with a space': ['a b', 'c'],
      'a name with a colon': ['a:b', 'c'],
      'a name that ends with a colon': ['a:', 'b'],
      'a name with a tab': ['a\tb', 'c'],
      'a name with NUL': ['a\0', 'b'],
      'a name with LF': ['a\nb', 'c'],
      'a name with CR': ['a\r', 'b'],
      'a name with DEL': ['a\x7f', 'b'],
      'a name with obs-text': ['caf\xe9', 'a'],
      'a name with one capital': ['abC', 'd'],
      'a value with NUL': ['a', 'b\0c'],
      'a value with LF': ['a', 'b\nc'],
      'a value with CR': ['a', 'b\rc'],
      'a value with a line': ['a', 'b\r\nc: d'],
      'a value that begins with a space': ['a', ' b'],
      'a value that begins with a tab': ['a', '\tb'],
      'a value that ends with a space': ['a', 'b '],
      'a value that ends with a tab': ['a', 'b\t']
    } as Record<string, [string, string]>,
    (field) => [with_(field), refused(1)]
  ),
  ...section('8.3', {
    'no field at all': [[frame(Type.headers, Flag.endHeaders | Flag.endStream, 1)], refused(1)],
    'fields alone': [[headers(1, [['a', 'b']])], refused(1)],
    'a body behind a malformed head': [
      [headers(1, get('/never', ['A', 'b']), { open: true }), data(1, 'x'), data(1, 'y', true)],
      refused(1)
    ]
  }),
  ...each(
    '8.2, 8.3.1',
    {
      'a value without anything': get('/', ['a', '']),
      'a value with a tab and a space in it': get('/', ['a', 'b\tc d']),
      'a value with obs-text': get('/', ['a', 'caf\xe9']),
      'a name of all characters of a token': get('/', ["!#$%&'*+-.^_`|~09az", 'a']),
      'te: trailers': get('/', ['te', 'trailers']),
      'a host in place of :authority': [...get().filter(([name]) => name !== ':authority'), ['host', 'x']],
      'a host that is the same as :authority': get('/', ['host', 'x']),
      'crumbs of a cookie': get('/', ['cookie', 'a=b'], ['cookie', 'c=d']),
      '* of OPTIONS': request('OPTIONS', '*'),
      'pseudo-fields in another order': [
        [':path', '/'],
        [':authority', 'x'],
        [':scheme', 'http'],
        [':method', 'GET']
      ],
      'a content-length of 0': get('/', ['content-length', '0'])
    } as Record<string, Fields>,
    (fields) => [[headers(1, fields)], answered(1)]
  )
]

const BODIES = [
  ...section('8.1.1', {
    'a body longer than declared, before its end': [
      [upload('/hold', ['content-length', '5']), data(1, 'hello!')],
      streamError(1, protocol)
    ],
    'a body longer than declared, in the next frame': [
      [upload('/hold', ['content-length', '5']), data(1, 'hello'), data(1, '!')],
      streamError(1, protocol)
    ],
    'a body where none was declared': [
      [upload('/hold', ['content-length', '0']), data(1, 'x', true)],
      streamError(1, protocol)
    ],
    'a body shorter than declared': [
      [upload('/hold', ['content-length', '5']), data(1, 'hell', true)],
      streamError(1, protocol)
    ],
    'a body shorter than declared, behind padding': [
      [
        upload('/hold', ['content-length', '5']),
        frame(Type.data, Flag.padded | Flag.endStream, 1, '\x03he\0\0\0')
      ],
      streamError(1, protocol)
    ],
    'a declared body that is missing': [
      [headers(1, request('POST', '/hold', ['content-length', '5']))],
      refused(1)
    ],
    'a declared body in many frames': [
      [
        upload('/echo', ['content-length', '5']),
        ...[...'hello'].map((char) => data(1, char)),
        data(1, '', true)
      ],
      answered(1, 200, 5)
    ]
  }),
  ...section('8.1', {
    'trailers without a body': [[upload('/echo'), headers(1, [['a', 'b']])], answered(1, 200, 0)],
    'trailers without anything': [
      [upload('/echo'), data(1, 'x'), frame(Type.headers, Flag.endHeaders | Flag.endStream, 1)],
      answered(1, 200, 1)
    ],
    'trailers with a priority': [
      [
        upload('/echo'),
        frame(
          Type.headers,
          Flag.endHeaders | Flag.endStream | Flag.priority,
          1,
          Buffer.concat([Buffer.alloc(5), block([['a', 'b']])])
        )
      ],
      answered(1, 200, 0)
    ],
    'trailers that end nothing': [
      [upload('/hold'), headers(1, [['a', 'b']], { open: true })],
      streamError(1, protocol)
    ],
    'a second head amid a body': [
      [upload('/hold'), data(1, 'x'), upload('/hold'), data(1, 'y', true)],
      streamError(1, protocol)
    ],
    'a pseudo-field in trailers': [
      [
        upload('/hold'),
        data(1, 'x'),
        headers(1, [
          [':path', '/'],
          ['a', 'b']
        ])
      ],
      streamError(1, protocol)
    ],
    'a name in upper case in trailers': [
      [upload('/hold'), data(1, 'x'), headers(1, [['A', 'b']])],
      streamError(1, protocol)
    ],
    'a value with LF in trailers': [
      [upload('/hold'), data(1, 'x'), headers(1, [['a', 'b\nc']])],
      streamError(1, protocol)
    ],
    'a field of the connection in trailers': [
      [upload('/hold'), data(1, 'x'), headers(1, [['connection', 'close']])],
      streamError(1, protocol)
    ]
  })
]

/** What came on a stream, as types of frames and whether they end it. */
const shapes =
  (id: number, ...shapes: string[]): Expectation =>
  async (session) => {
    const names = ['data', 'headers']
    const got = session.frames
      .filter((frame) => frame.id === id && frame.type < 2)
      .map(({ type, flags }) => `${names[type]}${(flags & Flag.endStream) !== 0 ? ' end' : ''}`)
    if (`${got}` !== `${shapes}`) throw new Error(`${got}`)
  }

const statuses =
  (id: number, ...wanted: number[]): Expectation =>
  async (session) => {
    const got = session.stream(id).statuses
    if (`${got}` !== `${wanted}`) throw new Error(`${got}`)
  }

const RESPONSES = section('8.1', {
  HEAD: [[headers(1, request('HEAD', '/body/1000'))], all(answered(1, 200, 0), shapes(1, 'headers end'))],
  204: [[headers(1, get('/status/204'))], all(answered(1, 204, 0), shapes(1, 'headers end'))],
  304: [[headers(1, get('/status/304'))], all(answered(1, 304, 0), shapes(1, 'headers end'))],
  '200 without a body': [[headers(1, get('/status/200'))], all(answered(1, 200, 0))],
  'an interim response': [[headers(1, get('/interim'))], all(answered(1, 200, 2), statuses(1, 103, 200))],
  '100 (Continue)': [
    [
      upload('/echo', ['expect', '100-continue']),
      (session) => until(session, '100', () => session.stream(1).statuses.includes(100)),
      data(1, 'hello', true)
    ],
    all(answered(1, 200, 5), statuses(1, 100, 200))
  ],
  'trailers end it': [
    [headers(1, get('/trailers/10'))],
    async (session) => {
      await answered(1, 200, 10)(session)
      const last = session.frames.filter(({ id, type }) => id === 1 && type < 2).at(-1)!
      if (last.type !== Type.headers) throw new Error('the last frame is not HEADERS')
    }
  ],
  'a body that breaks off is reset, not ended': [
    [headers(1, get('/cut'))],
    async (session) => {
      await settled(1)(session)
      const { status, ended, resetCode } = session.stream(1)
      if (status !== 200 || ended || resetCode === undefined || resetCode === none)
        throw new Error(`${status}, ${ended}, ${resetCode}`)
    }
  ],
  'an early response is whole, and the rest of the request is not wanted': [
    [upload('/early'), data(1, 'x'), settled(1), quietly],
    async (session) => {
      await until(session, 'reset', () => session.stream(1).resetCode !== undefined)
      const { status, ended, bodyBytes, resetCode } = session.stream(1)
      if (status !== 200 || !ended || bodyBytes !== 2 || resetCode !== none)
        throw new Error(`${status}, ${ended}, ${bodyBytes}, ${resetCode}`)
      session.send(data(1, 'more'), data(1, 'yet more', true))
      session.send(headers(3, get('/status/204')))
      await answered(3, 204)(session)
    }
  ]
})

// WebSockets: RFC 8441

const websocket = (...more: Fields): Fields => [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':authority', 'x'],
  [':path', '/chat'],
  ...more
]
const without = (name: string) => websocket().filter(([known]) => known !== name)
const open = (path: string) =>
  headers(
    1,
    websocket(['sec-websocket-version', '13']).map(([name, value]) => [
      name,
      name === ':path' ? path : value
    ]),
    {
      open: true
    }
  )

const accepted = (session: Parameters<Expectation>[0]) =>
  until(session, 'accepted', () => session.stream(1).status === 200)

const WEBSOCKETS = [
  ...each(
    'RFC 8441, 4',
    {
      'without :scheme': without(':scheme'),
      'without :path': without(':path'),
      'without :authority': without(':authority'),
      'with two :protocol': [[':protocol', 'websocket'], ...websocket()] as Fields,
      'with :protocol behind a field': [
        ...without(':protocol'),
        ['a', 'b'],
        [':protocol', 'websocket']
      ] as Fields,
      'with :protocol of a GET': websocket().map(([name, value]) => [
        name,
        name === ':method' ? 'GET' : value
      ]) as Fields,
      'with a field of the connection': websocket(['connection', 'upgrade']),
      'with Upgrade': websocket(['upgrade', 'websocket'])
    },
    (fields) => [[headers(1, fields, { open: true })], refused(1)]
  ),
  ...section('RFC 8441, 5', {
    'bytes go both ways': [
      [open('/chat'), accepted, data(1, 'hello'), bytesOf(1, 5), data(1, 'again'), bytesOf(1, 10)],
      async (session) => {
        const { ended, body } = session.stream(1)
        if (ended || `${Buffer.concat(body)}` !== 'helloagain') throw new Error(`${ended}, ${body}`)
      }
    ],
    'bytes that come before it is accepted': [
      [open('/chat'), data(1, 'early'), accepted, bytesOf(1, 5)],
      async (session) => {
        if (session.stream(1).ended) throw new Error('ended')
      }
    ],
    'END_STREAM of the client ends it': [
      [open('/chat'), accepted, data(1, 'hello', true)],
      async (session) => {
        await until(session, 'ended', () => session.stream(1).ended)
        if (session.stream(1).bodyBytes !== 5) throw new Error('not all came')
      }
    ],
    'END_STREAM follows the end of the backend': [
      [open('/ended')],
      async (session) => {
        await until(session, 'ended', () => session.stream(1).ended)
        if (session.stream(1).bodyBytes !== 3) throw new Error('not all came')
      }
    ],
    'RST_STREAM of the client ends it at the backend': [
      [open('/chat/reset'), accepted, frame(Type.reset, 0, 1, Buffer.from([0, 0, 0, 8]))],
      (session, { aborted }) => until(session, 'given up', () => aborted.includes('/chat/reset'))
    ],
    'a path that is no WebSocket is answered plainly': [
      [headers(1, websocket(), { open: true }), arrived('/chat')],
      accepted
    ]
  })
]

testCases('HTTP/2: messages', [...FIELDS, ...BODIES, ...RESPONSES], ({ asked }) =>
  asked.includes('/never') ? 'a malformed request reached a backend' : undefined
)
testCases('HTTP/2: WebSockets', WEBSOCKETS)
