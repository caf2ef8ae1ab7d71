import { once } from 'node:events'
import http2 from 'node:http2'
import { connect } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { FieldDecoder } from '../../../../lib/transport/http2/hpack/field-decoder.js'
import { decodeHuffman } from '../../../../lib/transport/http2/hpack/huffman.js'
import { block, END_HEADERS, END_STREAM, frameOf, HEADERS, SETTINGS } from '../../../support/frame-backend.js'
import { listen } from '../../../support/listen.js'

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
    blocks.map((block) => decoder.decode(hex(block), AMPLE)),
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

for (const [what, block] of [
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
    t.throws(() => new FieldDecoder().decode(hex(block), AMPLE), { code: 'LB_BROKEN_RESPONSE', errorCode: 9 })
  })
}

t.test('a string may be filled up with ones, seven of them at the most', async (t) => {
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
  socket.write(frameOf(SETTINGS, 0, 0))
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
      socket.write(frameOf(HEADERS, END_HEADERS | END_STREAM, id, block(...REQUEST)))
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
