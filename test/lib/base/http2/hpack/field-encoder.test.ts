import { once } from 'node:events'
import http2 from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { FieldDecoder } from '../../../../../lib/base/http2/hpack/field-decoder.js'
import { RequestEncoder } from '../../../../../lib/base/http2/hpack/request-encoder.js'
import { ResponseEncoder } from '../../../../../lib/base/http2/hpack/response-encoder.js'
import {
  hex,
  PLAIN_REQUESTS,
  PLAIN_RESPONSES,
  SMALL_TABLE_BYTES
} from '../../../../support/hpack-examples.js'
import { Flag, frame, PREFACE, readFrame, SETTINGS_ACK, Type } from '../../../../support/http2-frames.js'
import { listen } from '../../../../support/listen.js'
import { ReceivedBytes } from '../../../../support/received-bytes.js'

const AMPLE = 1_000_000
const ORIGIN = { scheme: 'http', authority: 'b:80' } as const

/** Names and values in turn as lines. */
function linesOf(fields: readonly string[]): string {
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) lines += `${fields[i]}: ${fields[i + 1]}\r\n`
  return lines
}

/** An encoder of responses, and the decoder that gets its blocks. */
class Pair {
  readonly encoder = new ResponseEncoder()
  readonly #decoder = new FieldDecoder()

  /** What is decoded of a response, and how many bytes it took. */
  pass(lines: string, status = 200, neverIndexed?: ReadonlySet<string>) {
    const block = this.encoder.encode(status, lines, neverIndexed)
    return { ...this.#decoder.decode(block, AMPLE), bytes: block.length }
  }
}

// RFC 7541 appendix C

t.test('C.3: what the examples send, the encoder sends', async (t) => {
  const encoder = new RequestEncoder(ORIGIN)
  for (const [block, fields] of PLAIN_REQUESTS.slice(0, 2)) {
    const host = ['Host', fields[7]!, ...fields.slice(8)]
    t.same(encoder.encode(`GET / HTTP/1.1\r\n${linesOf(host)}\r\n`), block)
  }
})

t.test('C.5: so do those with responses, whose entries are evicted', async (t) => {
  const encoder = new ResponseEncoder()
  encoder.setTableBytes(SMALL_TABLE_BYTES)
  const before = hex('3fe101')
  for (const [i, [block, fields]] of PLAIN_RESPONSES.entries()) {
    const sent = encoder.encode(Number(fields[1]), linesOf(fields.slice(2)))
    const all = i === 0 ? Buffer.concat([before, block]) : block
    // The last field of the last one is a cookie, which the encoder never indexes.
    const cookieAt = i === 2 ? all.indexOf('foo=') - 2 : all.length
    t.same(sent.subarray(0, cookieAt), all.subarray(0, cookieAt))
    if (i === 2) t.same(sent.subarray(cookieAt, cookieAt + 2), hex('1f28'))
  }
})

// Fields

t.test('names in lower case, values without blanks around, no fields of the connection', async (t) => {
  const lines =
    'X-A:1\r\nx-b: \t a b \t\r\nConnection: x\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n' +
    'Transfer-Encoding: chunked\r\nUpgrade: y\r\nHTTP2-Settings: z\r\nX-Empty:\r\nX-Last: \xff\r\n'
  const pair = new Pair()
  for (let i = 0; i < 3; i++)
    t.same(pair.pass(lines, 404).fields, [
      ...[':status', '404', 'x-a', '1', 'x-b', 'a b'],
      ...['x-empty', '', 'x-last', '\xff']
    ])
})

t.test('a status that the static table does not have is learned', async (t) => {
  const pair = new Pair()
  t.same(pair.pass('', 418).fields, [':status', '418'])
  const { fields, bytes } = pair.pass('x: y\r\n', 418)
  t.same(fields, [':status', '418', 'x', 'y'])
  t.equal(bytes, 1 + 1 + 2 + 2)
})

t.test('a request: pseudo-fields first, `Host` as the authority', async (t) => {
  const encoder = new RequestEncoder({ scheme: 'https', authority: 'b:443' })
  const decoder = new FieldDecoder()
  const pass = (head: string, never?: ReadonlySet<string>) =>
    decoder.decode(encoder.encode(head, never), AMPLE)
  const start = [':method', 'PUT', ':scheme', 'https', ':path', '/a?b']
  for (let i = 0; i < 2; i++) {
    t.same(pass('PUT /a?b HTTP/1.1\r\nX-A: 1\r\nhOST:  x:1\r\nTE: trailers\r\nUpgrade: x\r\n\r\n').fields, [
      ...[...start, ':authority', 'x:1'],
      ...['x-a', '1', 'te', 'trailers']
    ])
    t.same(pass('PUT /a?b HTTP/1.1\r\n\r\n').fields, [...start, ':authority', 'b:443'])
    t.same(pass('PUT /a?b HTTP/1.1\r\nHost:\r\nx: Host: y\r\n\r\n').fields, [
      ...[...start, ':authority', 'b:443'],
      ...['x', 'Host: y']
    ])
    t.same(pass('GET / HTTP/1.1\r\nHost: x:1\r\n\r\n').fields, [
      ...[':method', 'GET', ':scheme', 'https', ':path', '/', ':authority', 'x:1']
    ])
  }
  const all = new Set([':method', ':scheme', ':path', ':authority'])
  t.same(pass('GET / HTTP/1.1\r\nHost: x:1\r\n\r\n', all).neverIndexed, all)
  t.same(pass('GET / HTTP/1.1\r\nHost: x:1\r\n\r\n', new Set(['host'])).neverIndexed, new Set([':authority']))
})

t.test('a long authority and a long value', async (t) => {
  const authority = 'b'.repeat(255)
  const block = new RequestEncoder({ scheme: 'http', authority }).encode('GET / HTTP/1.1\r\n\r\n')
  t.equal(new FieldDecoder().decode(block, AMPLE).fields[7], authority)
  const pair = new Pair()
  for (const length of [126, 127, 128, 254, 255, 16_000, 100_000]) {
    const value = 'v'.repeat(length)
    for (let i = 0; i < 3; i++) t.same(pair.pass(`x-${length}: ${value}\r\n`).fields[3], value)
  }
})

t.test('trailers, none of which is indexed', async (t) => {
  const encoder = new ResponseEncoder()
  const decoder = new FieldDecoder()
  for (let i = 0; i < 2; i++) {
    const { fields, neverIndexed } = decoder.decode(
      encoder.encodeTrailers(['Grpc-Status', '0', 'x', '']),
      AMPLE
    )
    t.same(fields, ['grpc-status', '0', 'x', ''])
    t.same(neverIndexed, new Set(['grpc-status', 'x']))
  }
  t.same(encoder.encodeTrailers([]), Buffer.alloc(0))
})

// What is indexed

const TYPICAL = 'Content-Type: text/html; charset=utf-8\r\nServer: s\r\nVary: Accept-Encoding\r\n'

t.test('what has been sent once takes a byte', async (t) => {
  const pair = new Pair()
  t.ok(pair.pass(TYPICAL).bytes > 40)
  for (let i = 0; i < 3; i++) {
    const { bytes, fields } = pair.pass(TYPICAL)
    t.equal(bytes, 4)
    t.equal(fields.length, 8)
  }
  t.equal(pair.pass(TYPICAL, 204).bytes, 4)
  t.same(pair.pass(TYPICAL, 204).fields[1], '204')
})

t.test('values that are never repeated do not evict those that are', async (t) => {
  const pair = new Pair()
  let bytes = 0
  for (let i = 0; i < 3000; i++) {
    pair.pass(TYPICAL)
    const passed = pair.pass(`X-Of-One: ${i}\r\nETag: "${i}-${i}"\r\n${TYPICAL}`)
    if (i >= 1000) bytes += passed.bytes
    t.equal(passed.fields.length, 12)
  }
  // 1 for each of the status and three fields, 11 and 5 and 3 and 12 for the others, and seldom a field anew.
  t.ok(bytes / 2000 < 4 + 2 + 14 + 3 + 12 + 1, `${bytes / 2000}`)
})

t.test('a head that comes again is indexed, whatever its fields have been like', async (t) => {
  const pair = new Pair()
  for (let i = 0; i < 100; i++) pair.pass(`X-Mostly-New: ${i}\r\n`)
  for (let i = 0; i < 3; i++) pair.pass('X-Mostly-New: x\r\n')
  t.equal(pair.pass('X-Mostly-New: x\r\n').bytes, 2)
})

t.test('a head that comes again, after another has changed the table', async (t) => {
  const pair = new Pair()
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 4; i++) t.same(pair.pass('a: b\r\nc: d\r\n').fields.slice(2), ['a', 'b', 'c', 'd'])
    pair.pass(`round: ${round}${'-'.repeat(1000)}\r\n`)
  }
  pair.pass('a: b\r\n')
  pair.pass('a: b\r\n')
  pair.pass('a: b\r\n')
  t.same(pair.pass('a: b\r\n', 204).fields[1], '204', 'and with another status')
})

t.test('a line that takes most of the table is not indexed', async (t) => {
  const pair = new Pair()
  pair.pass(TYPICAL)
  const large = `x: ${'v'.repeat(3041)}\r\n`
  pair.pass(large)
  t.equal(pair.pass(large).bytes, 1 + 1 + 2 + 3 + 3041)
  t.equal(pair.pass(TYPICAL).bytes, 4)
})

// Sections 6.2.3 and 7.1.3

t.test('secrets are never indexed', async (t) => {
  const encoder = new RequestEncoder(ORIGIN)
  const head = 'GET / HTTP/1.1\r\nHost: b\r\nAuthorization: a\r\nCookie: b\r\nproxy-authorization: c\r\n\r\n'
  for (let i = 0; i < 3; i++) {
    const block = encoder.encode(head)
    for (const field of ['1f080161', '1f110162', '1f220163']) t.ok(block.includes(hex(field)), field)
  }
  t.ok(new ResponseEncoder().encode(200, 'Set-Cookie: a\r\n').includes(hex('1f280161')))
})

t.test('what must not be indexed is not, even if the table has it', async (t) => {
  const pair = new Pair()
  pair.pass('X-Key: 1\r\nx: y\r\n')
  t.equal(pair.pass('X-Key: 1\r\nx: y\r\n').bytes, 3)
  const never = new Set(['x-key'])
  for (let i = 0; i < 3; i++) {
    const { neverIndexed, fields, bytes } = pair.pass('X-Key: 1\r\nx: y\r\n', 200, never)
    t.same(neverIndexed, never)
    t.same(fields, [':status', '200', 'x-key', '1', 'x', 'y'])
    t.equal(bytes, 1 + 9 + 1)
  }
  t.equal(pair.pass('X-Key: 1\r\nx: y\r\n').bytes, 3, 'in another message it may be')
  t.same(pair.pass('', 200, new Set([':status'])).neverIndexed, new Set([':status']))
})

// Section 4.2: the size of the table

t.test('a new size is told at the beginning of the next block', async (t) => {
  const encoder = new ResponseEncoder()
  const sizes = (...sizes: number[]) => {
    for (const bytes of sizes) encoder.setTableBytes(bytes)
    return encoder.encode(200, '').toString('hex')
  }
  t.equal(sizes(), '88')
  t.equal(sizes(4096), '88', 'nothing new')
  t.equal(sizes(100), '3f4588')
  t.equal(sizes(), '88')
  t.equal(sizes(30, 200), '3e3fa90188', 'the smallest, and the last')
  t.equal(sizes(100, 0), '2088')
  t.equal(sizes(0), '88')
  t.equal(sizes(65_536), '3fe11f88', 'no more than 4096 is used')
  t.equal(sizes(0, 4096), '203fe11f88', 'the table is emptied')
})

t.test('before trailers, too', async (t) => {
  const encoder = new ResponseEncoder()
  encoder.setTableBytes(0)
  t.equal(encoder.encodeTrailers(['x', 'y']).toString('hex'), '201001780179')
})

t.test('a head that comes again after the size has changed', async (t) => {
  const pair = new Pair()
  for (const bytes of [4096, 0, 4096, 100, 65_536]) {
    pair.encoder.setTableBytes(bytes)
    for (let i = 0; i < 4; i++) t.same(pair.pass(TYPICAL).fields.length, 8)
  }
})

// Properties

/** Few names and values, so that many are the same. */
const NAMES = [
  'Content-Type',
  'content-type',
  'ETag',
  'x-a',
  'X-B',
  'cookie',
  'Set-Cookie',
  'date',
  'x'
] as const
const name = fc.oneof(fc.constantFrom(...NAMES), fc.stringMatching(/^[a-zA-Z-]{1,40}$/)).filter(isPassed)
const text = fc
  .array(fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })), {
    maxLength: 300
  })
  .map((codes) => String.fromCharCode(...codes))
const value = fc.oneof(fc.constantFrom('', 'a', 'b', 'text/html', 'x'.repeat(1500)), text)
const fieldList = fc.array(fc.tuple(name, value), { maxLength: 8 }).map((pairs) => pairs.flat())

function isPassed(name: string): boolean {
  return !/^(connection|content-length|expect|host|http2-settings|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i.test(
    name
  )
}

/** What the peer gets of fields. */
const lowered = (fields: readonly string[]) =>
  fields.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))

const step = fc.record({
  fields: fieldList,
  status: fc.constantFrom(200, 204, 302, 404, 418, 500),
  times: fc.integer({ min: 1, max: 4 }),
  never: fc.option(fc.subarray(['x-a', 'etag', 'x', 'content-type']), { freq: 4 }),
  sizes: fc.array(fc.constantFrom(0, 33, 64, 256, 1000, 4096, 65_536), { maxLength: 3 })
})

t.test('what is encoded, with changes of the table between, is decoded', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const pair = new Pair()
      const got: unknown[] = []
      const wanted: unknown[] = []
      for (const { fields, status, times, never, sizes } of steps) {
        for (const bytes of sizes) pair.encoder.setTableBytes(bytes)
        const names = lowered(fields)
        const kept = (never ?? []).filter((name) => names.some((text, i) => i % 2 === 0 && text === name))
        for (let i = 0; i < times; i++) {
          const passed = pair.pass(linesOf(fields), status, never === null ? undefined : new Set(never))
          got.push([passed.fields, [...(passed.neverIndexed ?? [])].sort()])
          wanted.push([[':status', `${status}`, ...names], kept.sort()])
        }
      }
      t.same(got, wanted)
    }),
    { numRuns: 200 }
  )
})

/** The frames that come over a socket. */
class Incoming {
  readonly #received = new ReceivedBytes()
  #wake = () => {}

  constructor(socket: Socket) {
    socket.on('data', (more) => {
      this.#received.add(more)
      this.#wake()
    })
  }

  /** The payload of the next frame of a type that is no acknowledgement. */
  async next(type: number): Promise<Buffer> {
    for (;;) {
      const next = readFrame(this.#received.all)
      if (!next) {
        await this.#more()
        continue
      }
      this.#received.take(next.size)
      if (next.type === Type.reset || next.type === Type.goaway)
        throw new Error(`${next.type}: ${next.payload.toString('hex')}`)
      const isAck = type === Type.settings && (next.flags & Flag.ack) !== 0
      if (next.type === type && !isAck) return next.payload
    }
  }

  /** Skips the first bytes of a client's connection. */
  async skipPreface(): Promise<void> {
    while (this.#received.all.length < PREFACE.length) await this.#more()
    this.#received.take(PREFACE.length)
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

const SIZES = fc.option(fc.constantFrom(0, 64, 256, 1000, 4096, 65_536), { freq: 2 })

t.test("Node's server decodes requests, whatever it sets", async (t) => {
  const requests: string[][] = []
  const server = http2.createServer()
  const session = once(server, 'session') as Promise<[http2.ServerHttp2Session]>
  server.on(
    'stream',
    (stream: http2.ServerHttp2Stream, _headers: unknown, _flags: unknown, raw: string[]) => {
      requests.push(raw)
      stream.respond({}, { endStream: true })
    }
  )
  const [host, port] = (await listen(t, server as never)).split(':')
  const socket = connect(Number(port), host)
  t.teardown(() => socket.destroy())
  const incoming = new Incoming(socket)
  socket.write(PREFACE)
  socket.write(frame(Type.settings, 0, 0))
  await incoming.next(Type.settings)
  socket.write(SETTINGS_ACK)
  const [peer] = await session
  const encoder = new RequestEncoder(ORIGIN)
  let id = 1
  const paths = fc.constantFrom('/', '/a', '/b?c')
  await fc.assert(
    fc.asyncProperty(fieldList, paths, SIZES, async (fields, path, size) => {
      if (size !== null) {
        peer.settings({ headerTableSize: size })
        const payload = await incoming.next(Type.settings)
        encoder.setTableBytes(payload.readUInt32BE(2))
        socket.write(SETTINGS_ACK)
      }
      for (let i = 0; i < 3; i++) {
        const block = encoder.encode(`GET ${path} HTTP/1.1\r\nHost: h\r\n${linesOf(fields)}\r\n`)
        socket.write(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block))
        id += 2
        await incoming.next(Type.headers)
        const start = [':method', 'GET', ':scheme', 'http', ':path', path, ':authority', 'h']
        t.same(requests.pop(), [...start, ...lowered(fields)])
      }
    }),
    { numRuns: 100 }
  )
})

t.test("Node's client decodes responses, whatever it sets", async (t) => {
  const encoder = new ResponseEncoder()
  const server = createServer()
  const address = await listen(t, server as never)
  const client = http2.connect(`http://${address}`)
  t.teardown(() => client.destroy())
  const [socket] = (await once(server, 'connection')) as [Socket]
  const incoming = new Incoming(socket)
  socket.write(frame(Type.settings, 0, 0))
  await incoming.skipPreface()
  await incoming.next(Type.settings)
  socket.write(SETTINGS_ACK)
  let id = 1
  await fc.assert(
    fc.asyncProperty(fieldList, SIZES, async (fields, size) => {
      if (size !== null) {
        client.settings({ headerTableSize: size })
        const payload = await incoming.next(Type.settings)
        encoder.setTableBytes(payload.readUInt32BE(2))
        socket.write(SETTINGS_ACK)
      }
      for (let i = 0; i < 3; i++) {
        const stream = client.request().resume()
        await incoming.next(Type.headers)
        const block = encoder.encode(302, linesOf(fields))
        socket.write(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block))
        id += 2
        const [, , raw] = (await once(stream, 'response')) as [unknown, unknown, string[]]
        t.same(raw, [':status', '302', ...lowered(fields)])
      }
    }),
    { numRuns: 100 }
  )
})

t.test('a head that is repeated forgets what trailers have made its table forget', async (t) => {
  const encoder = new ResponseEncoder()
  const decoder = new FieldDecoder()
  const pass = (block: Buffer) => decoder.decode(Buffer.from(block), AMPLE).fields
  const fields = [':status', '200', 'server', 'a', 'x-b', 'c']
  const head = () => pass(encoder.encode(200, 'server: a\r\nx-b: c\r\n'))
  for (let i = 0; i < 4; i++) t.same(head(), fields)
  encoder.setTableBytes(0)
  t.same(pass(encoder.encodeTrailers(['grpc-status', '0'])), ['grpc-status', '0'])
  t.same(head(), fields)
})
