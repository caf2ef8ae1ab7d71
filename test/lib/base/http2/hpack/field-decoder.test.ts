import { once } from 'node:events'
import http2 from 'node:http2'
import { connect } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { ConnectionError } from '../../../../../lib/base/http2/frames/connection-error.js'
import { FieldDecoder } from '../../../../../lib/base/http2/hpack/field-decoder.js'
import { decodeHuffman } from '../../../../../lib/base/http2/hpack/huffman.js'
import { blockOf } from '../../../../support/frame-backend.js'
import {
  HUFFMAN_REQUESTS,
  HUFFMAN_RESPONSES,
  hex,
  PLAIN_REQUESTS,
  PLAIN_RESPONSES
} from '../../../../support/hpack-examples.js'
import { Flag, frame, integer, Type } from '../../../../support/http2-frames.js'
import { listen } from '../../../../support/listen.js'

const AMPLE = 100_000
const REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'x']

/** The fields of blocks, in hexadecimal digits, that a connection gets. */
function decoded(...blocks: string[]): string[][] {
  const decoder = new FieldDecoder()
  return blocks.map((block) => decoder.decode(hex(block), AMPLE).fields)
}

// RFC 7541 appendix C

t.test('C.2: each representation by itself', async (t) => {
  const custom = '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'
  t.same(decoded(custom, 'be'), [
    ['custom-key', 'custom-header'],
    ['custom-key', 'custom-header']
  ])
  t.same(decoded('040c 2f73 616d 706c 652f 7061 7468'), [[':path', '/sample/path']])
  t.same(decoded('1008 7061 7373 776f 7264 0673 6563 7265 74'), [['password', 'secret']])
  t.same(decoded('82'), [[':method', 'GET']])
})

/** The size of the table that C.5 and C.6 suppose. */
const SMALL_TABLE = '3fe101'
for (const [section, examples, before] of [
  ['C.3', PLAIN_REQUESTS, ''],
  ['C.4', HUFFMAN_REQUESTS, ''],
  ['C.5', PLAIN_RESPONSES, SMALL_TABLE],
  ['C.6', HUFFMAN_RESPONSES, SMALL_TABLE]
] as const) {
  t.test(`${section}: one block after the other`, async (t) => {
    const decoder = new FieldDecoder()
    decoder.decode(hex(before), AMPLE)
    for (const [block, fields] of examples) t.same(decoder.decode(block, AMPLE).fields, fields)
  })
}

// Section 2.3, 3 and 4: the tables

t.test('literals that go into no table', async (t) => {
  const decoder = new FieldDecoder()
  t.same(decoder.decode(hex('04022f61 1003782d79 0162'), AMPLE).fields, [':path', '/a', 'x-y', 'b'])
  t.throws(() => decoder.decode(hex('be'), AMPLE), 'it is empty')
})

t.test('an entry larger than the table empties it, and a smaller table drops the oldest', async (t) => {
  const decoder = new FieldDecoder()
  decoder.decode(hex('4001610162 4001630164'), AMPLE)
  t.same(decoder.decode(hex('bebf'), AMPLE).fields, ['c', 'd', 'a', 'b'])
  // 34 bytes: room for one of the two.
  t.same(decoder.decode(hex('3f03be'), AMPLE).fields, ['c', 'd'])
  t.throws(() => decoder.decode(hex('bf'), AMPLE))
  // 127 and 97 and 30 times 128 bytes: one more than there is room for.
  const large = Buffer.concat([hex('400161 7fe11e'), Buffer.alloc(4064, 'x')])
  const other = new FieldDecoder()
  other.decode(hex('4001610162'), AMPLE)
  t.equal(other.decode(large, AMPLE).fields[1]!.length, 4064)
  t.throws(() => other.decode(hex('be'), AMPLE))
})

t.test('an entry may have the name of the one that it evicts (4.4)', async (t) => {
  // 34 bytes: room for one.
  t.same(decoded('3f03 4001610162', '7e0163', 'be'), [
    ['a', 'b'],
    ['a', 'c'],
    ['a', 'c']
  ])
})

t.test('the table is as large as its limit, to the byte', async (t) => {
  const decoder = new FieldDecoder()
  // Of 33 and 4063 bytes.
  decoder.decode(hex('40016100'), AMPLE)
  const value = Buffer.concat([hex('400162'), integer(4063 - 33, 7, 0), Buffer.alloc(4030, 'x')])
  decoder.decode(value, AMPLE)
  t.same(decoder.decode(hex('bf'), AMPLE).fields, ['a', ''])
  decoder.decode(hex('400000'), AMPLE)
  t.throws(() => decoder.decode(hex('c0'), AMPLE), 'the first is gone')
})

t.test('the size changes at the beginning of a block, as often as one likes (4.2)', async (t) => {
  t.same(decoded('4001610162', '20 3fe11f 4001630164', 'be'), [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd']
  ])
  t.same(decoded('20 3f01 3fe11f'), [[]], 'in a block of nothing else')
  t.throws(() => decoded('4001610162', '20 3fe11f be'), 'what was there is gone')
})

for (const [what, block] of [
  ['no index', '80'],
  ['an index behind both tables', 'be'],
  ['the index of a name behind both tables', '7e0161'],
  ['an index that is cut off', 'ff'],
  ['a number of more bytes than it may have', 'ff8080808001'],
  ['a number without bounds', 'ffffffffffff7f'],
  ['a length without bounds', '4001617fffffffff0f'],
  ['no name', '40'],
  ['no value', '400161'],
  ['a value that is cut off', '4001610562'],
  ['a longer table than is allowed', '3fe21f'],
  ['a size that is cut off', '3f'],
  ['another size of the table amid the fields', '8820'],
  ['another size behind a field that is empty', '000000 20'],
  ['another size behind an index of the dynamic table', '4001610162 be 20'],
  // 11111111 11111111 11111111 11111111, of which thirty are the end of a string.
  ['the end of a string within one', '40016184ffffffff'],
  // `0` is 00000.
  ['a string that is filled up with zeros', '4001618100'],
  ['a string with a whole byte behind its end', '4001618207ff']
] as const) {
  t.test(`${what} is broken`, async (t) => {
    t.throws(() => decoded(block), { code: 'LB_HTTP2_ERROR', errorCode: 9 })
  })
}

// Section 5

t.test('a number may be longer than it need be, within bounds (5.1)', async (t) => {
  const block = Buffer.concat([hex('400161 7f808000'), Buffer.alloc(127, 'x')])
  t.equal(new FieldDecoder().decode(block, AMPLE).fields[1]!.length, 127)
})

t.test('a string may be padded with at most seven ones (5.2)', async (t) => {
  t.same(decoded('4001618107'), [['a', '0']])
  t.same(decodeHuffman(hex('fe'), 0, 1, Buffer.alloc(8)), -1, 'the beginning of a code')
})

t.test('an empty name is a matter of the message, not of the compression', async (t) => {
  t.same(decoded('40000162', 'be 00 80 80'), [
    ['', 'b'],
    ['', 'b', '', '']
  ])
})

// Section 6.2.3

t.test('which fields no one may index', async (t) => {
  const decoder = new FieldDecoder()
  const never = (block: string) => decoder.decode(hex(block), AMPLE).neverIndexed
  t.equal(never('82 4001610162 0001630164'), undefined)
  // The names of the last two are in the tables.
  t.same(never('10 01630164 be 1f2f 0165 1f10 0166'), new Set(['c', 'a', 'content-type']))
  t.equal(never('1f080161 1f110161 1f280161'), undefined, 'but for secrets that none of our encoders indexes')
})

// Section 7.3 and RFC 9113 section 10.5.1

t.test('what is too large is left out, but for the table', async (t) => {
  const decoder = new FieldDecoder()
  t.match(decoder.decode(hex('4001610162'), 5), { fields: [], isTooLarge: true })
  t.match(decoder.decode(hex('be'), 6), { fields: ['a', 'b'], isTooLarge: false })
  const { fields, isTooLarge } = decoder.decode(Buffer.alloc(60, 0xbe), 100)
  t.ok(isTooLarge)
  t.equal(fields.length, 2 * 16, 'up to the limit it is told')
})

t.test('of whatever bytes, a decoder fails with an error of the connection or not at all', async (t) => {
  const first = fc.constantFrom(0x00, 0x10, 0x20, 0x3f, 0x40, 0x7e, 0x7f, 0x82, 0xbe, 0xff)
  const piece = fc.oneof(first, fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 255 }))
  const block = fc.array(piece, { maxLength: 400 }).map((bytes) => Buffer.from(bytes))
  let decodedBytes = 0
  fc.assert(
    fc.property(fc.array(block, { maxLength: 5 }), (blocks) => {
      const decoder = new FieldDecoder()
      try {
        for (const block of blocks) {
          const { fields } = decoder.decode(block, 1000)
          const bytes = fields.reduce((sum, { length }) => sum + length, 2 * fields.length)
          t.ok(bytes <= 1000)
          decodedBytes += bytes
        }
      } catch (error) {
        if (!(error instanceof ConnectionError) || error.errorCode !== 9) throw error
      }
    }),
    { numRuns: 2000 }
  )
  t.ok(decodedBytes > 0, 'some are valid')
})

t.test('references to a large entry end the connection, before they cost anything', async (t) => {
  const decoder = new FieldDecoder()
  decoder.decode(Buffer.concat([hex('400161'), integer(4000, 7, 0), Buffer.alloc(4000, 'x')]), AMPLE)
  const before = process.memoryUsage()
  // Of 64 KiB, which stand for 256 MB.
  t.throws(() => decoder.decode(Buffer.alloc(65_536, 0xbe), 16_384), {
    code: 'LB_HTTP2_ERROR',
    errorCode: 11
  })
  t.ok(process.memoryUsage().rss - before.rss < 50_000_000)
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
      const got = decoder.decode(blocks[0]!, AMPLE).fields
      const pairs = got.flatMap((text, i) =>
        i % 2 === 0 && text.startsWith('x-') ? [[text, got[i + 1]]] : []
      )
      t.same(Object.fromEntries(pairs), { ...made })
    }),
    { numRuns: 200 }
  )
})
