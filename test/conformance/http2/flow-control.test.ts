import { eventually } from '../../helper.js'
import type { FrameClient } from '../../support/frame-client.js'
import {
  Code,
  data,
  type Fields,
  Flag,
  frame,
  get,
  headers,
  request,
  Setting,
  settings,
  Type,
  window
} from '../../support/http2-frames.js'
import { type Expectation, section } from './case.js'
import {
  all,
  answered,
  anyError,
  bytesOf,
  confirmed,
  connectionError,
  holds,
  ignored,
  quietly,
  settled,
  streamError,
  until
} from './expectations.js'
import { testCases } from './stage.js'

// Flow control: RFC 9113, sections 5.2 and 6.9

const { protocol, flowControl } = Code
const DEFAULT_WINDOW = 65_535
const MAX_WINDOW = 2 ** 31 - 1
const MAX_FRAME_BYTES = 16_384
const held = headers(1, get('/hold'))
const upload = (id: number, path: string, ...more: Fields) =>
  headers(id, request('POST', path, ...more), { open: true })
const body = (bytes: number, id = 1) => headers(id, get(`/body/${bytes}`))
const NO_WINDOW = { own: [[Setting.window, 0]] } as const
const noMore = (id: number): Expectation => streamError(id, flowControl)

const INCREMENTS = section('6.9', {
  'no increment of the connection': [[window(0, 0)], connectionError(protocol)],
  'no increment of a stream': [[held, window(1, 0)], streamError(1, protocol)],
  'no increment but the reserved bit': [[held, window(1, 2 ** 31)], streamError(1, protocol)],
  'no increment of the connection but the reserved bit': [[window(0, 2 ** 31)], connectionError(protocol)]
})

const OVERFLOWS = section('6.9.1', {
  'a connection opened too far': [[window(0, MAX_WINDOW)], connectionError(flowControl)],
  'a connection opened too far by degrees': [
    [window(0, 2 ** 30), window(0, 2 ** 30 - DEFAULT_WINDOW)],
    connectionError(flowControl)
  ],
  'a connection opened as far as can be': [[window(0, MAX_WINDOW - DEFAULT_WINDOW)], ignored],
  'a stream opened too far': [[held, window(1, MAX_WINDOW)], noMore(1)],
  'a stream opened too far by degrees': [[held, window(1, 2 ** 30), window(1, 2 ** 30)], noMore(1)],
  'a stream opened too far amid its body': [[upload(1, '/hold'), window(1, MAX_WINDOW)], noMore(1)],
  'a stream opened as far as can be': [[held, window(1, MAX_WINDOW - DEFAULT_WINDOW)], ignored],
  'a stream opened too far by settings (6.9.2)': [
    [held, window(1, MAX_WINDOW - DEFAULT_WINDOW), settings([Setting.window, DEFAULT_WINDOW + 1])],
    connectionError(flowControl)
  ]
})

const SENDING = section('6.9', {
  'the connection is bounded': [[body(200_000)], holds(1, DEFAULT_WINDOW)],
  'all streams share the window of the connection': [
    [body(50_000, 1), settled(1), body(50_000, 3)],
    holds(3, DEFAULT_WINDOW - 50_000)
  ],
  'a stream is bounded': [[window(0, 1_000_000), body(200_000)], holds(1, DEFAULT_WINDOW)],
  'an update of both lets it go on': [
    [body(200_000), bytesOf(1, DEFAULT_WINDOW), window(0, 200_000), window(1, 200_000)],
    answered(1, 200, 200_000)
  ],
  'an update of the stream alone does not': [
    [body(200_000), bytesOf(1, DEFAULT_WINDOW), window(1, 200_000)],
    holds(1, DEFAULT_WINDOW)
  ],
  'an update of the connection alone does not': [
    [body(200_000), bytesOf(1, DEFAULT_WINDOW), window(0, 200_000)],
    holds(1, DEFAULT_WINDOW)
  ],
  'by a byte at a time': [
    [body(3), quietly, window(1, 1), bytesOf(1, 1), window(1, 1), bytesOf(1, 2), window(1, 1)],
    answered(1, 200, 3),
    NO_WINDOW
  ],
  'an update ahead of the response is kept': [
    [headers(1, request('POST', '/echo'), { open: true }), window(1, 5), data(1, 'hello', true)],
    answered(1, 200, 5),
    NO_WINDOW
  ],
  'one that is blocked does not block the others': [
    [headers(1, get('/body/70000')), bytesOf(1, 10), window(0, 10_000), headers(3, get('/body/10'))],
    all(holds(1, 10), holds(3, 10, true)),
    { own: [[Setting.window, 10]] }
  ]
})

const INITIAL = section('6.9.2', {
  'a window of 1 byte': [[body(2)], holds(1, 1), { own: [[Setting.window, 1]] }],
  'a window of 0 holds the body back, not the head': [
    [body(5)],
    async (session) => {
      await until(session, 'a head', () => session.stream(1).status === 200)
      await holds(1, 0)(session)
    },
    NO_WINDOW
  ],
  'settings open the windows of streams': [
    [body(5), quietly, settings([Setting.window, 3]), bytesOf(1, 3), settings([Setting.window, 5])],
    answered(1, 200, 5),
    NO_WINDOW
  ],
  'settings open no window of the connection': [
    [body(200_000), bytesOf(1, DEFAULT_WINDOW), settings([Setting.window, 1_000_000])],
    holds(1, DEFAULT_WINDOW)
  ],
  'a window that settings make negative': [
    [body(10), bytesOf(1, 3), settings([Setting.window, 1]), window(1, 2), confirmed],
    holds(1, 3),
    { own: [[Setting.window, 3]] }
  ],
  'a negative window that is opened': [
    [body(10), bytesOf(1, 3), settings([Setting.window, 1]), window(1, 3), bytesOf(1, 4)],
    holds(1, 4),
    { own: [[Setting.window, 3]] }
  ],
  'a negative window that settings open': [
    [
      body(10),
      bytesOf(1, 3),
      settings([Setting.window, 0]),
      confirmed,
      settings([Setting.window, 4]),
      bytesOf(1, 4)
    ],
    holds(1, 4),
    { own: [[Setting.window, 3]] }
  ],
  'a window that is made negative while the stream waits for that of the connection': [
    [
      body(200_000),
      bytesOf(1, DEFAULT_WINDOW),
      settings([Setting.window, 0]),
      window(0, 200_000),
      quietly,
      settings([Setting.window, 200_000])
    ],
    answered(1, 200, 200_000),
    { own: [[Setting.window, 100_000]] }
  ],
  'streams that are opened later have the new one': [
    [settings([Setting.window, 7]), body(10)],
    holds(1, 7),
    { own: [[Setting.window, 3]] }
  ]
})

/** What needs no window must not wait for one. */
const UNBOUNDED = section('6.9.1, 8.1', {
  'a response without a body': [[headers(1, get('/status/200'))], answered(1, 200, 0), NO_WINDOW],
  'a response of no declared length and nothing in it': [
    [headers(1, get('/chunks/0'))],
    answered(1, 200, 0),
    NO_WINDOW
  ],
  'trailers without a body': [[headers(1, get('/trailers/0'))], answered(1, 200, 0), NO_WINDOW],
  'the end of a body that fills the window of its stream': [
    [headers(1, get('/chunks/10'))],
    answered(1, 200, 10),
    { own: [[Setting.window, 10]] }
  ],
  'the end of a body that fills the window of the connection': [
    [headers(1, get(`/chunks/${DEFAULT_WINDOW}`))],
    answered(1, 200, DEFAULT_WINDOW),
    { own: [[Setting.window, 100_000]] }
  ],
  'trailers behind a body that fills the window': [
    [headers(1, get('/trailers/10'))],
    answered(1, 200, 10),
    { own: [[Setting.window, 10]] }
  ],
  'the end where settings have made the window negative': [
    [
      upload(1, '/echo'),
      data(1, 'hello'),
      bytesOf(1, 5),
      settings([Setting.window, 0]),
      confirmed,
      data(1, '', true)
    ],
    answered(1, 200, 5),
    { own: [[Setting.window, 5]] }
  ]
})

/** What may still be sent, by what has come. */
class Allowance {
  readonly #session: FrameClient
  readonly #id: number
  #sent = 0

  constructor(session: FrameClient, id: number) {
    this.#session = session
    this.#id = id
  }

  get initial(): number {
    const { payload } = this.#session.frames.find(({ type, flags }) => type === Type.settings && flags === 0)!
    for (let at = 0; at < payload.length; at += 6)
      if (payload.readUInt16BE(at) === Setting.window) return payload.readUInt32BE(at + 2)
    return DEFAULT_WINDOW
  }

  #granted(id: number): number {
    const updates = this.#session.frames.filter((frame) => frame.type === Type.window && frame.id === id)
    return updates.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
  }

  get ofStream(): number {
    return this.initial + this.#granted(this.#id) - this.#sent
  }

  get ofConnection(): number {
    return DEFAULT_WINDOW + this.#granted(0) - this.#sent
  }

  get left(): number {
    return Math.min(this.ofStream, this.ofConnection)
  }

  send(bytes: Buffer): void {
    this.#sent += bytes.length - 9
    this.#session.send(bytes)
  }
}

/** Sends frames within the windows until so many bytes of them were taken. */
const uploads =
  (id: number, bytes: number, part: (id: number) => Buffer): Expectation =>
  async (session) => {
    await confirmed(session)
    const allowance = new Allowance(session, id)
    const one = part(id)
    for (let sent = 0; sent < bytes; sent += one.length - 9) {
      const hasRoom = () => allowance.left >= one.length - 9
      if (!hasRoom()) await until(session, `room for ${one.length - 9} bytes after ${sent}`, hasRoom)
      allowance.send(one)
    }
  }

/** Sends up to the bound of a stream that nobody reads, and a byte beyond. */
const tooMuch =
  (id: number): Expectation =>
  async (session) => {
    await confirmed(session)
    const allowance = new Allowance(session, id)
    for (;;) {
      while (allowance.left > 0)
        allowance.send(data(id, Buffer.alloc(Math.min(MAX_FRAME_BYTES, allowance.left))))
      await confirmed(session)
      const isOpen = await eventually(() => allowance.left > 0, 150).then(
        () => true,
        () => false
      )
      if (!isOpen) break
    }
    allowance.send(data(id, 'x'))
  }

const paddedByte = (id: number) =>
  frame(Type.data, Flag.padded, id, Buffer.concat([Buffer.from([254, 97]), Buffer.alloc(254)]))
const full = (id: number) => data(id, Buffer.alloc(MAX_FRAME_BYTES))

const RECEIVING = section('6.9', {
  'a body beyond the windows': [[upload(1, '/deaf')], all(tooMuch(1), anyError(1, flowControl))],
  'a long body is taken': [[upload(1, '/sink')], all(uploads(1, 2_000_000, full), answeredAtEnd(1))],
  'padding counts, and is given back (6.1)': [
    [upload(1, '/sink')],
    all(uploads(1, 1_000_000, paddedByte), answeredAtEnd(1))
  ]
})

function answeredAtEnd(id: number): Expectation {
  return async (session) => {
    session.send(data(id, '', true))
    await answered(id)(session)
  }
}

/** Sends what no stream takes; all of it must be given back to the connection. */
const givenBack =
  (id: number, bytes: number): Expectation =>
  async (session) => {
    await confirmed(session)
    const allowance = new Allowance(session, -1)
    for (let sent = 0; sent < bytes; sent += MAX_FRAME_BYTES) {
      const hasRoom = () => allowance.ofConnection >= MAX_FRAME_BYTES
      if (!hasRoom()) await until(session, `room on the connection after ${sent} bytes`, hasRoom)
      allowance.send(full(id))
    }
    await ignoredSince(session)
  }

const ignoredSince = async (session: FrameClient): Promise<void> => {
  if (session.isOver) throw new Error('the session is over')
  session.send(headers(9, get('/status/204')))
  await until(session, '9 answered', () => session.stream(9).status === 204)
}

const DISCARDED = section('5.1, 6.9', {
  'DATA of a stream that the server has reset': [
    [upload(1, '/hold'), window(1, 0), settled(1)],
    givenBack(1, 2_000_000)
  ],
  'DATA of a malformed request': [
    [headers(1, [[':method', 'POST']], { open: true }), settled(1)],
    givenBack(1, 2_000_000)
  ],
  'DATA of a request that is answered by the balancer': [
    [upload(1, '/#refused'), settled(1)],
    givenBack(1, 2_000_000)
  ],
  'DATA of a request that the backend has answered early': [
    [upload(1, '/early'), settled(1)],
    givenBack(1, 2_000_000)
  ]
})

testCases('HTTP/2: flow control', [
  ...INCREMENTS,
  ...OVERFLOWS,
  ...SENDING,
  ...INITIAL,
  ...UNBOUNDED,
  ...RECEIVING,
  ...DISCARDED
])
