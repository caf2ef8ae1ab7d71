import { test } from '../../helper.js'
import { type FrameClient, opening } from '../../support/frame-client.js'
import {
  Code,
  data,
  Flag,
  frame,
  get,
  goaway,
  headers,
  PREFACE,
  ping,
  SETTINGS_ACK,
  Setting,
  settings,
  Type,
  window
} from '../../support/http2-frames.js'
import { exchange } from '../../support/raw-client.js'
import { type Expectation, each, type Step, section } from './case.js'
import { all, answered, connectionError, goesOn, ignored, seen, until } from './expectations.js'
import { openStage, testCases } from './stage.js'

// Starting a session: RFC 9113, sections 3.4 and 6.5

const { protocol, frameSize, flowControl } = Code
const REQUEST = headers(1, get())

/** In pieces, each in a packet of its own. */
const pieces =
  (bytes: Buffer, length: number): Step =>
  async (session) => {
    session.confirms = false
    for (let at = 0; at < bytes.length; at += length) {
      session.send(bytes.subarray(at, at + length))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

/** HTTP/1.1 is spoken on the same port: what is not HTTP/2 may be answered by that. */
const closed: Expectation = (session) => until(session, 'closed', () => session.ended || session.closed)

const settingsFirst = async (session: FrameClient): Promise<void> => {
  await until(session, 'settings', () => session.frames.length > 0)
  const { type, flags, id } = session.frames[0]!
  if (type !== Type.settings || flags !== 0 || id !== 0) throw new Error(`first came a frame of type ${type}`)
}

const acks =
  (count: number): Expectation =>
  async (session) => {
    const all = () => session.frames.filter(({ type, flags }) => type === Type.settings && flags === Flag.ack)
    await until(session, `${count} acknowledgements`, () => all().length >= count)
    await goesOn(session)
    if (all().length !== count || all().some(({ payload, id }) => payload.length > 0 || id > 0))
      throw new Error(`${all().length} acknowledgements, and ${seen(session)}`)
  }

/** A setting that a right server has, with a value between these. */
const announces =
  (setting: number, from: number, to: number): Expectation =>
  async (session) => {
    await settingsFirst(session)
    const { payload } = session.frames[0]!
    for (let at = 0; at < payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2)
      if (payload.readUInt16BE(at) === setting && value >= from && value <= to) return
    }
    throw new Error(`not among ${payload.toString('hex')}`)
  }

const PREFACES = section('3.4', {
  'the server says its settings first': [[], settingsFirst],
  'and does not wait for the client to have them': [[REQUEST], all(settingsFirst, answered(1))],
  'everything in one write': [
    [],
    answered(1),
    { opening: Buffer.concat([opening(), settings([Setting.maxFrame, 20_000]), REQUEST]) }
  ],
  'byte by byte': [[pieces(Buffer.concat([opening(), REQUEST]), 1)], answered(1), { opening: '' }],
  'in pieces of ten bytes': [[pieces(Buffer.concat([opening(), REQUEST]), 10)], answered(1), { opening: '' }],
  'settings without any': [
    [REQUEST],
    answered(1),
    { opening: Buffer.concat([Buffer.from(PREFACE), settings([Setting.tableSize, 0])]) }
  ],
  'settings that say that priorities of RFC 7540 are ignored': [
    [REQUEST],
    answered(1),
    { own: [[Setting.noPriorities, 1]] }
  ],
  'a preface that is none': [[], closed, { opening: 'INVALID CONNECTION PREFACE\r\n\r\n' }],
  'a preface with another word in it': [[], closed, { opening: 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n' }],
  'a preface of another version': [[], closed, { opening: 'PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n' }],
  'a preface that breaks off': [
    [(session) => session.socket.end()],
    closed,
    { opening: PREFACE.slice(0, 20) }
  ]
})

const FIRST_FRAMES = each(
  '3.4',
  {
    HEADERS: REQUEST,
    DATA: data(1, 'x'),
    PRIORITY: frame(Type.priority, 0, 1, Buffer.alloc(5)),
    PING: ping(),
    WINDOW_UPDATE: window(0, 1),
    GOAWAY: goaway(0),
    'a frame of an unknown type': frame(0xaa, 0, 0, 'x'),
    'SETTINGS that acknowledge': SETTINGS_ACK
  },
  (first) => [[], connectionError(protocol), { opening: Buffer.concat([Buffer.from(PREFACE), first]) }]
).map((of) => ({ ...of, name: `${of.name} in place of the settings` }))

const ACKNOWLEDGED = section('6.5.3', {
  'the settings of the preface': [[], acks(1)],
  'each frame of settings': [[settings(), settings([Setting.window, 1]), settings()], acks(4)],
  'many settings in a frame': [
    [settings([Setting.tableSize, 0], [Setting.enablePush, 0], [Setting.maxStreams, 1], [Setting.window, 1])],
    acks(2)
  ]
})

const ANNOUNCED = [
  ...section('RFC 8441, 3', {
    'extended CONNECT is announced': [[], announces(Setting.connectProtocol, 1, 1)]
  }),
  ...section('5.1.2', { 'a limit of streams is announced': [[], announces(Setting.maxStreams, 100, 1000)] }),
  ...section('RFC 9218, 2.1', {
    'priorities of RFC 7540 are said to be ignored': [[], announces(Setting.noPriorities, 1, 1)]
  }),
  ...section('6.5.2', {
    'a limit of the fields is announced': [[], announces(Setting.maxFields, 16_384, 2 ** 20)]
  })
]

const VALUES = [
  ...each(
    '6.5.2',
    {
      'SETTINGS_ENABLE_PUSH of 2': [[Setting.enablePush, 2], protocol],
      'SETTINGS_INITIAL_WINDOW_SIZE of 2^31': [[Setting.window, 2 ** 31], flowControl],
      'SETTINGS_INITIAL_WINDOW_SIZE of 2^32-1': [[Setting.window, 2 ** 32 - 1], flowControl],
      'SETTINGS_MAX_FRAME_SIZE of 16,383': [[Setting.maxFrame, 16_383], protocol],
      'SETTINGS_MAX_FRAME_SIZE of 0': [[Setting.maxFrame, 0], protocol],
      'SETTINGS_MAX_FRAME_SIZE of 2^24': [[Setting.maxFrame, 2 ** 24], protocol],
      'SETTINGS_ENABLE_CONNECT_PROTOCOL of 2': [[Setting.connectProtocol, 2], protocol],
      'SETTINGS_NO_RFC7540_PRIORITIES of 2': [[Setting.noPriorities, 2], protocol]
    } as Record<string, [[number, number], number]>,
    ([setting, code]) => [[settings(setting)], connectionError(code)]
  ),
  ...each(
    '6.5.2',
    {
      'SETTINGS_ENABLE_PUSH of 0': [Setting.enablePush, 0],
      'SETTINGS_ENABLE_PUSH of 1': [Setting.enablePush, 1],
      'SETTINGS_INITIAL_WINDOW_SIZE of 2^31-1': [Setting.window, 2 ** 31 - 1],
      'SETTINGS_MAX_FRAME_SIZE of 16,384': [Setting.maxFrame, 16_384],
      'SETTINGS_MAX_FRAME_SIZE of 2^24-1': [Setting.maxFrame, 2 ** 24 - 1],
      'SETTINGS_MAX_CONCURRENT_STREAMS of 0': [Setting.maxStreams, 0],
      'SETTINGS_HEADER_TABLE_SIZE of 2^32-1': [Setting.tableSize, 2 ** 32 - 1],
      'SETTINGS_MAX_HEADER_LIST_SIZE of 2^32-1': [Setting.maxFields, 2 ** 32 - 1],
      'SETTINGS_ENABLE_CONNECT_PROTOCOL of 1': [Setting.connectProtocol, 1],
      'a setting that nobody knows': [0xff, 77],
      'setting 0': [0, 1]
    } as Record<string, [number, number]>,
    (setting) => [[settings(setting), REQUEST], ignored]
  ),
  ...section('6.5.3', {
    'of a setting that is there twice, the last counts': [
      [settings([Setting.window, 1], [Setting.window, 70_000]), headers(1, get('/body/60000'))],
      answered(1, 200, 60_000)
    ],
    'a wrong value behind right ones': [
      [settings([Setting.window, 1], [0xff, 1], [Setting.maxFrame, 1])],
      connectionError(protocol)
    ]
  })
]

const SHAPES = section('6.5', {
  'SETTINGS of a stream': [[frame(Type.settings, 0, 1)], connectionError(protocol)],
  'SETTINGS that acknowledge, of a stream': [[frame(Type.settings, Flag.ack, 1)], connectionError(protocol)],
  'SETTINGS that acknowledge, with a payload': [
    [frame(Type.settings, Flag.ack, 0, Buffer.alloc(6))],
    connectionError(frameSize)
  ],
  'SETTINGS of five bytes': [[frame(Type.settings, 0, 0, Buffer.alloc(5))], connectionError(frameSize)],
  'SETTINGS of seven bytes': [[frame(Type.settings, 0, 0, Buffer.alloc(7))], connectionError(frameSize)],
  'SETTINGS of three bytes': [[frame(Type.settings, 0, 0, 'abc')], connectionError(frameSize)]
})

testCases('HTTP/2: the start of a session', [
  ...PREFACES,
  ...FIRST_FRAMES,
  ...ACKNOWLEDGED,
  ...ANNOUNCED,
  ...VALUES,
  ...SHAPES
])

test('HTTP/2: an upgrade from HTTP/1.1 is not known any more (3.1)', async (t) => {
  const { balancer } = await openStage(t)
  const answer = await exchange(
    t,
    balancer.port,
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n'
  )
  t.equal(answer.startLine, 'HTTP/1.1 200 OK')
})
