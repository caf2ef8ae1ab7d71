import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import http2 from 'node:http2'
import { connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { FrameWriter } from '../../../../lib/transport/http2/frame-writer.js'
import { FrameReader, type FrameSink } from '../../../../lib/transport/http2/frames/frame-reader.js'
import { FieldDecoder } from '../../../../lib/transport/http2/hpack/field-decoder.js'
import { decodeHuffman } from '../../../../lib/transport/http2/hpack/huffman.js'
import { Keepalive } from '../../../../lib/transport/http2/keepalive.js'
import { DataSender } from '../../../../lib/transport/http2/stream/data-sender.js'
import { headOf, trailersOf } from '../../../../lib/transport/http2/stream/response-fields.js'
import { RetryBuffer } from '../../../../lib/transport/retry-buffer.js'
import { blockOf } from '../../../support/frame-backend.js'
import { Flag, frame, Type, uint32 } from '../../../support/http2-frames.js'
import { listen } from '../../../support/listen.js'

// Frame reader

/** Notes what it is told, data that follows data as one. */
class Recorder implements FrameSink {
  readonly told: unknown[][] = []

  onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    this.told.push([type, flags, id, payload.toString('latin1')])
  }

  onDataFrame(id: number, length: number): void {
    this.told.push(['begin', id, length])
  }

  onData(id: number, chunk: Buffer): void {
    const last = this.told.at(-1)!
    const text = chunk.toString('latin1')
    if (last[0] === 'data') last[2] += text
    else this.told.push(['data', id, text])
  }

  onDataFrameEnd(id: number, flags: number): void {
    this.told.push(['end', id, flags])
  }
}

function read(parts: readonly Buffer[]): unknown[][] {
  const recorder = new Recorder()
  const reader = new FrameReader(recorder)
  for (const part of parts) {
    const bytes = Buffer.from(part)
    reader.parse(bytes)
    bytes.fill('?')
  }
  return recorder.told
}

const padded = (text: string, padding: number) =>
  Buffer.concat([Buffer.from([padding]), Buffer.from(text), Buffer.alloc(padding)])

const BYTES = Buffer.concat([
  frame(Type.ping, 0, 0, '12345678'),
  frame(Type.data, 0, 1, 'hello'),
  frame(Type.data, 0, 3),
  frame(Type.data, Flag.padded, 1, padded('there', 3)),
  frame(Type.data, Flag.padded | Flag.endStream, 1, padded('', 0)),
  frame(Type.data, Flag.padded, 3, padded('', 2)),
  frame(Type.reset, 0, 0x8000_0005, uint32(8)),
  frame(0xee, 0xff, 7, 'unknown')
])

const TOLD = [
  [Type.ping, 0, 0, '12345678'],
  ['begin', 1, 5],
  ['data', 1, 'hello'],
  ['end', 1, 0],
  ['begin', 3, 0],
  ['end', 3, 0],
  ['begin', 1, 9],
  ['data', 1, 'there'],
  ['end', 1, Flag.padded],
  ['begin', 1, 1],
  ['end', 1, Flag.padded | Flag.endStream],
  ['begin', 3, 3],
  ['end', 3, Flag.padded],
  [Type.reset, 0, 5, '\0\0\0\b'],
  [0xee, 0xff, 7, 'unknown']
]

t.test('frames are passed on, however they are cut', async (t) => {
  t.same(read([BYTES]), TOLD)
  t.same(read([...BYTES].map((byte) => Buffer.from([byte]))), TOLD, 'byte by byte')
  const places = fc.uniqueArray(fc.integer({ min: 1, max: BYTES.length - 1 }), { maxLength: 12 })
  fc.assert(
    fc.property(places, (unsorted) => {
      const cuts = [0, ...unsorted.sort((a, b) => a - b)]
      t.same(read(cuts.map((from, i) => BYTES.subarray(from, cuts[i + 1]))), TOLD)
    })
  )
})

for (const [what, bytes, errorCode] of [
  ['a frame that is too long', Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1]), 6],
  ['more padding than there is payload', frame(Type.data, Flag.padded, 1, Buffer.from([3, 1, 1])), 1],
  ['padding without its length', frame(Type.data, Flag.padded, 1), 1]
] as const) {
  t.test(`${what} is broken`, async (t) => {
    t.throws(() => read([bytes]), { code: 'LB_BROKEN_RESPONSE', errorCode })
  })
}

t.test('a frame of the maximal length is accepted', async (t) => {
  t.equal(read([frame(Type.data, 0, 1, Buffer.alloc(16_384))]).length, 3)
})

t.test('stopped during a read, it passes on nothing more', async (t) => {
  const recorder = new Recorder()
  const reader = new FrameReader(recorder)
  recorder.onData = () => reader.stop()
  reader.parse(BYTES)
  t.same(recorder.told, TOLD.slice(0, 2))
})

// Field decoder

const AMPLE = 100_000
const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')

const REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'x']
const LOCATION = ['location', 'https://www.example.com']

t.test('the examples of RFC 7541, whose table is so small that it overflows', async (t) => {
  const decoder = new FieldDecoder()
  const blocks = [
    // The size of the table goes before the first.
    `3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718
     63c7 8f0b 97c8 e9ae 82ae 43d3`,
    '4883 640e ffc1 c0bf',
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
     dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`
  ]
  const date = 'Mon, 21 Oct 2013 20:13:21 GMT'
  t.same(
    blocks.map((blockOf) => decoder.decode(hex(blockOf), AMPLE)),
    [
      [':status', '302', 'cache-control', 'private', 'date', date, ...LOCATION],
      [':status', '307', 'cache-control', 'private', 'date', date, ...LOCATION],
      [
        ...[':status', '200', 'cache-control', 'private', 'date', date.replace(':21 ', ':22 '), ...LOCATION],
        ...['content-encoding', 'gzip', 'set-cookie'],
        'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'
      ]
    ]
  )
})

t.test('literals that go into no table', async (t) => {
  const decoder = new FieldDecoder()
  t.same(decoder.decode(hex('04022f61 1003782d79 0162'), AMPLE), [':path', '/a', 'x-y', 'b'])
  t.throws(() => decoder.decode(hex('be'), AMPLE), 'it is empty')
})

for (const [what, blockOf] of [
  ['no index', '80'],
  ['an index behind both tables', 'be'],
  ['the index of a name behind both tables', '7e0161'],
  ['a number that does not end', 'ff'],
  ['a number without bounds', 'ffffffffffff7f'],
  ['no name', '40'],
  ['no value', '400161'],
  ['a value that is cut off', '4001610562'],
  ['a longer table than is allowed', '3fe21f'],
  ['another size of the table amid the fields', '8820'],
  // 11111111 11111111 11111111 11111111, of which thirty are the end of a string.
  ['the end of a string within one', '40016184ffffffff'],
  // `0` is 00000.
  ['a string that is filled up with zeros', '4001618100'],
  ['a string with a whole byte behind its end', '4001618207ff']
] as const) {
  t.test(`${what} is broken`, async (t) => {
    t.throws(() => new FieldDecoder().decode(hex(blockOf), AMPLE), {
      code: 'LB_BROKEN_RESPONSE',
      errorCode: 9
    })
  })
}

t.test('a string may be padded with at most seven ones', async (t) => {
  const decoder = new FieldDecoder()
  t.same(decoder.decode(hex('4001618107'), AMPLE), ['a', '0'])
  t.same(decodeHuffman(hex('fe'), 0, 1, Buffer.alloc(8)), -1, 'the beginning of a code')
})

t.test('what is too large is left out, but for the table', async (t) => {
  const decoder = new FieldDecoder()
  t.equal(decoder.decode(hex('4001610162'), 5), undefined)
  t.same(decoder.decode(hex('be'), 6), ['a', 'b'])
  t.equal(decoder.decode(Buffer.alloc(1000, 0xbe), 100), undefined)
})

t.test('an entry larger than the table empties it, and a smaller table drops the oldest', async (t) => {
  const decoder = new FieldDecoder()
  decoder.decode(hex('4001610162 4001630164'), AMPLE)
  t.same(decoder.decode(hex('bebf'), AMPLE), ['c', 'd', 'a', 'b'])
  // 34 bytes: room for one of the two.
  t.same(decoder.decode(hex('3f03be'), AMPLE), ['c', 'd'])
  t.throws(() => decoder.decode(hex('bf'), AMPLE))
  // 127 and 97 and 30 times 128 bytes: one more than there is room for.
  const large = Buffer.concat([hex('400161 7fe11e'), Buffer.alloc(4064, 'x')])
  const other = new FieldDecoder()
  other.decode(hex('4001610162'), AMPLE)
  t.equal(other.decode(large, AMPLE)![1]!.length, 4064)
  t.throws(() => other.decode(hex('be'), AMPLE))
})

t.test('whatever Node encodes', async (t) => {
  let fields: Record<string, string> = {}
  const server = http2.createServer()
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, ...fields }, { endStream: true })
  })
  const [host, port] = (await listen(t, server as never)).split(':')
  // The blocks of one connection, from the wire.
  const socket = connect(Number(port), host)
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  const decoder = new FieldDecoder()
  const blocks: Buffer[] = []
  let bytes = Buffer.alloc(0)
  socket.on('data', (more) => {
    bytes = Buffer.concat([bytes, more])
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3)
      if (bytes[3] === 1) blocks.push(bytes.subarray(9, end))
      bytes = bytes.subarray(end)
      if (blocks.length > 0) socket.emit('block')
    }
  })
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(frame(Type.settings, 0, 0))
  let id = 1
  const name = fc.stringMatching(/^x-[a-z0-9-]{0,20}$/)
  const value = fc
    .array(fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })), {
      maxLength: 60
    })
    .map((codes) => String.fromCharCode(...codes))
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 8 }), async (made) => {
      fields = { ...made }
      blocks.length = 0
      socket.write(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, blockOf(...REQUEST)))
      id += 2
      if (blocks.length === 0) await once(socket, 'block')
      const got = decoder.decode(blocks[0]!, AMPLE)!
      const pairs = got.flatMap((text, i) =>
        i % 2 === 0 && text.startsWith('x-') ? [[text, got[i + 1]]] : []
      )
      t.same(Object.fromEntries(pairs), { ...made })
    }),
    { numRuns: 200 }
  )
})

// Response fields

t.test('a head in the text of HTTP/1.1', async (t) => {
  const fields = ['x-a', '1', 'content-length', '5', 'date', 'now', 'set-cookie', 'a', 'set-cookie', 'b\xff']
  t.match(headOf([':status', '200', ...fields]), {
    statusCode: 200,
    contentLength: 5,
    hasDate: true,
    text: 'HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\ndate: now\r\nset-cookie: a\r\nset-cookie: b\xff\r\n'
  })
  t.match(headOf([':status', '299']), { contentLength: -1, hasDate: false, text: 'HTTP/1.1 299 \r\n' })
})

t.test('blanks around a value go, those within stay', async (t) => {
  t.equal(headOf([':status', '200', 'x', ' \ta \t b\t ']).text, 'HTTP/1.1 200 OK\r\nx: a \t b\r\n')
})

t.test('where there can be no body there is no length', async (t) => {
  for (const [status, isThere] of [
    ['103', false],
    ['204', false],
    ['304', true]
  ] as const) {
    const { text } = headOf([':status', status, 'content-length', '5'])
    t.equal(text.includes('content-length'), isThere, status)
  }
})

const BROKEN: Record<string, string[]> = {
  'no field': [],
  'no status': ['x', 'y'],
  'a status behind another field': ['x', 'y', ':status', '200'],
  'two of them': [':status', '200', ':status', '200'],
  'a status of two digits': [':status', '20'],
  'a status that is none': [':status', '2oo'],
  'a status below 100': [':status', '099'],
  'a change of protocol': [':status', '101'],
  'a pseudo-field of requests': [':status', '200', ':path', '/'],
  'a name in capitals': [':status', '200', 'X-A', '1'],
  'a name with a blank': [':status', '200', 'x a', '1'],
  'a name with a colon': [':status', '200', 'x:a', '1'],
  'a name that is empty': [':status', '200', '', '1'],
  'a line break in a name': [':status', '200', 'x\r\ny', '1'],
  'a line break in a value': [':status', '200', 'x', 'a\r\ny: b'],
  'a NUL in a value': [':status', '200', 'x', 'a\0'],
  'a control character in a value': [':status', '200', 'x', 'a\x7f'],
  'a length that is none': [':status', '200', 'content-length', '-5'],
  'a length that is a list': [':status', '200', 'content-length', '5, 5'],
  'two lengths': [':status', '200', 'content-length', '5', 'content-length', '5'],
  ...Object.fromEntries(
    ['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade'].map((name) => [
      name,
      [':status', '200', name, 'x']
    ])
  )
}
for (const [what, fields] of Object.entries(BROKEN)) {
  t.test(`${what}: broken`, async (t) => {
    t.throws(() => headOf(fields), { code: 'LB_BROKEN_RESPONSE' })
  })
}

t.test('trailers, without those of which nothing may come', async (t) => {
  t.same(trailersOf(['grpc-status', ' 0', 'content-length', '5', 'x', 'y']), ['grpc-status', '0', 'x', 'y'])
  for (const fields of [
    [':status', '200'],
    ['X', 'y'],
    ['x', 'a\nb'],
    ['connection', 'close']
  ])
    t.throws(() => trailersOf(fields), { code: 'LB_BROKEN_RESPONSE' }, fields.join())
})

// Data sender

const WINDOW_BYTES = 100

/** What is sent of a body, and how often that was said to be all. */
function sending(body: PassThrough, kept: RetryBuffer) {
  const socket = new PassThrough()
  const counts = { done: 0 }
  const sender = new DataSender(
    { id: 1, sendTrailers: () => {} },
    body as unknown as IncomingMessage,
    kept,
    new FrameWriter(socket as unknown as Socket),
    WINDOW_BYTES,
    { onBodySent: () => {} },
    () => void counts.done++
  )
  return { sender, socket, counts }
}

t.test(
  'a body that ended after one attempt was left, and before the next began, is sent to its end',
  async (t) => {
    const body = Object.assign(new PassThrough(), { rawTrailers: [] })
    const kept = new RetryBuffer(WINDOW_BYTES)
    const first = sending(body, kept)
    first.sender.start()
    body.write('hello')
    await turn()
    first.sender.stop()
    body.end().resume()
    await once(body, 'end')
    const { sender, socket, counts } = sending(body, kept)
    sender.start()
    await turn()
    t.same(
      socket.read(),
      Buffer.concat([frame(Type.data, 0, 1, 'hello'), frame(Type.data, Flag.endStream, 1)])
    )
    t.equal(counts.done, 1)
  }
)

// Silent backends

t.test('a silent connection with streams gets a PING, and time to answer it', async (t) => {
  const keepalive = new Keepalive()
  const checks = (...timesS: number[]) => timesS.map((s) => keepalive.check(1000 * s, true))
  t.same(checks(1, 10.9, 11, 12, 30.9), ['alive', 'alive', 'ping', 'alive', 'alive'])
  keepalive.onReceived()
  keepalive.onStreamActivity()
  t.same(checks(31, 40.9, 41, 60.9, 61), ['alive', 'alive', 'ping', 'alive', 'dead'])
})

t.test('a long silent stream does not cause PING after PING', async (t) => {
  const keepalive = new Keepalive()
  const askedS: number[] = []
  for (let s = 1; s < 1000; s++) {
    const found = keepalive.check(1000 * s, true)
    if (found === 'ping') askedS.push(s)
    // It answers at once, without anything of a response.
    if (found === 'ping') keepalive.onReceived()
    t.not(found, 'dead')
  }
  t.same(askedS, [11, 321, 631, 941])
})

t.test('a connection without streams gets no PING', async (t) => {
  const keepalive = new Keepalive()
  t.same(
    [1000, 100_000].map((ms) => keepalive.check(ms, false)),
    ['alive', 'alive']
  )
  t.equal(keepalive.check(109_000, true), 'alive', 'counted from when it owed nothing')
  t.equal(keepalive.check(110_000, true), 'ping')
})

t.test('a late check sends a PING before the connection is dead', async (t) => {
  const keepalive = new Keepalive()
  t.same(
    [1000, 1_000_000].map((ms) => keepalive.check(ms, true)),
    ['alive', 'ping']
  )
  t.equal(keepalive.check(1_000_500, true), 'alive')
})
