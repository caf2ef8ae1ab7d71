import t from 'tap'
import { crc32c } from '../../../lib/listener/proxy-protocol/crc32c.js'
import type { ProxyHeader } from '../../../lib/listener/proxy-protocol/header.js'
import { parseProxyHeader } from '../../../lib/listener/proxy-protocol/parse-header.js'
import { RefusalLog } from '../../../lib/listener/proxy-protocol/refusal-log.js'
import {
  localHeader,
  type ProxiedConnection,
  proxyHeader
} from '../../../lib/transport/proxy-protocol/write-header.js'

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const IPV4 = Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 0xc0, 0x01, 0x01, 0xbb])
const ipv6 = (...groups: number[]) => {
  const bytes = Buffer.alloc(36)
  for (const [i, group] of groups.entries()) bytes.writeUInt16BE(group, 2 * i)
  bytes.writeUInt16BE(0xc001, 32)
  bytes.writeUInt16BE(443, 34)
  return bytes
}

/** A header of version 2; its length is that of the block, if it is not given. */
function version2(command: number, family: number, block: Buffer, length = block.length): Buffer {
  const fixed = Buffer.from([command, family, length >> 8, length & 255])
  return Buffer.concat([SIGNATURE, fixed, block])
}
const tlv = (size: number) =>
  Buffer.concat([Buffer.from([0xea, size >> 8, size & 255]), Buffer.alloc(size, 1)])
const bytesOf = (header: string | Buffer) => Buffer.from(header as string, 'latin1')

const from = (address: string, localPort = 443, port = 49_153, localAddress = '10.0.0.1') => ({
  address,
  port,
  localAddress,
  localPort
})

const v6 = (address: string) => from(address, 443, 49_153, '::')

const HEADERS: readonly [name: string, header: string | Buffer, source: ProxyHeader['source']][] = [
  ['TCP4', 'PROXY TCP4 203.0.113.9 10.0.0.1 49153 443\r\n', from('203.0.113.9')],
  [
    'TCP4, all as large as can be',
    'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n',
    from('255.255.255.255', 65_535, 65_535, '255.255.255.255')
  ],
  ['TCP4, all as small as can be', 'PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n', from('0.0.0.0', 0, 0, '0.0.0.0')],
  ['TCP6', 'PROXY TCP6 2001:db8::9 ::1 49153 443\r\n', from('2001:db8::9', 443, 49_153, '::1')],
  [
    'TCP6, the longest',
    `PROXY TCP6 ${Array(8).fill('ffff').join(':')} ${Array(8).fill('ffff').join(':')} 65535 65535\r\n`,
    from(Array(8).fill('ffff').join(':'), 65_535, 65_535, Array(8).fill('ffff').join(':'))
  ],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n', undefined],
  ['UNKNOWN with addresses', 'PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n', undefined],
  ['the longest line', `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`, undefined],
  ['version 2, IPv4', version2(0x21, 0x11, IPV4), from('203.0.113.9')],
  ['version 2, IPv6', version2(0x21, 0x21, ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9)), v6('2001:db8::9')],
  ['version 2, IPv6 of zeros', version2(0x21, 0x21, ipv6(0, 0, 0, 0, 0, 0, 0, 1)), v6('::1')],
  [
    'version 2, IPv4 as IPv6',
    version2(0x21, 0x21, ipv6(0, 0, 0, 0, 0, 0xffff, 0xcb00, 0x7109)),
    v6('203.0.113.9')
  ],
  [
    'version 2, IPv4 and more behind it',
    version2(0x21, 0x11, Buffer.concat([IPV4, tlv(5), tlv(0)])),
    from('203.0.113.9')
  ],
  [
    'version 2, IPv6 and much behind it',
    version2(0x21, 0x21, Buffer.concat([ipv6(1, 2, 3, 4, 5, 6, 7, 8), tlv(1000)])),
    v6('1:2:3:4:5:6:7:8')
  ],
  ['version 2, LOCAL', version2(0x20, 0, Buffer.alloc(0)), undefined],
  ['version 2, LOCAL with addresses', version2(0x20, 0x11, IPV4), undefined],
  ['version 2, of no family', version2(0x21, 0, tlv(5)), undefined],
  ['version 2, LOCAL with anything', version2(0x20, 0, Buffer.from('whatever')), undefined],
  ['version 2, of half a family', version2(0x21, 0x10, Buffer.from('whatever')), undefined],
  ['version 2, UDP', version2(0x21, 0x12, IPV4), undefined],
  ['version 2, a Unix socket', version2(0x21, 0x31, Buffer.alloc(216, 1)), undefined]
]

const BEHIND = [
  '',
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'PROXY TCP4 6.6.6.6 6.6.6.6 1 1\r\n',
  '\r\n\r\n\0\r\nQUIT\n'
]

t.test('the header is read, and what follows it is left', async (t) => {
  for (const [name, header, source] of HEADERS) {
    const bytes = bytesOf(header)
    for (const behind of BEHIND)
      t.same(
        parseProxyHeader(Buffer.concat([bytes, bytesOf(behind)])),
        { length: bytes.length, source, ...(name.includes('LOCAL') ? { isLocal: true } : {}) },
        `${name} before ${JSON.stringify(behind)}`
      )
  }
})

t.test('a part of a header is incomplete, wherever it is cut', async (t) => {
  for (const [name, header] of HEADERS) {
    const bytes = bytesOf(header)
    const taken = Array.from({ length: bytes.length }, (_, i) => parseProxyHeader(bytes.subarray(0, i)))
    t.same(taken, Array(bytes.length).fill(undefined), name)
  }
})

t.test('the IPv4 address of an IPv6 socket is the same in both versions', async (t) => {
  const { source } = parseProxyHeader(bytesOf('PROXY TCP6 ::ffff:203.0.113.9 ::1 49153 443\r\n'))!
  t.same(source, from('203.0.113.9', 443, 49_153, '::1'))
})

t.test('an IPv6 address is the same however it is written', async (t) => {
  for (const written of ['2001:DB8::9', '2001:0db8:0:0::0:9', '2001:db8:0000:0000:0000:0000:0000:0009']) {
    const { source } = parseProxyHeader(bytesOf(`PROXY TCP6 ${written} ::1 49153 443\r\n`))!
    t.same(source, from('2001:db8::9', 443, 49_153, '::1'), written)
  }
})

const BROKEN: readonly [name: string, header: string | Buffer][] = [
  ['a request', 'GET / HTTP/1.1\r\n\r\n'],
  ['a byte that begins neither', 'X'],
  ['lower case', 'proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n'],
  ['a family in lower case', 'PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n'],
  ['another family', 'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n'],
  ['no family', 'PROXY \r\n'],
  ['no addresses', 'PROXY TCP4\r\n'],
  ['a port too few', 'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n'],
  ['a word too many', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n'],
  ['two blanks', 'PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n'],
  ['a blank at the end', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n'],
  ['a bare LF', `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n${' '.repeat(107)}`],
  ['a bare CR', `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r${' '.repeat(107)}`],
  ['IPv6 as TCP4', 'PROXY TCP4 ::1 ::1 1 2\r\n'],
  ['IPv4 as TCP6', 'PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n'],
  ['an address that is none', 'PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n'],
  ['an own address that is none', 'PROXY TCP4 1.2.3.4 5.6.7.256 1 2\r\n'],
  ['an own address of another family', 'PROXY TCP4 1.2.3.4 ::1 1 2\r\n'],
  ['an own port that is none', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n'],
  ['a port that is none', 'PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n'],
  ['a negative port', 'PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n'],
  ['a line that is too long', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`],
  ['a line without an end', `PROXY TCP4 ${'1'.repeat(97)}`],
  ['version 1 in the frame of 2', version2(0x11, 0x11, IPV4)],
  ['version 3', version2(0x31, 0x11, IPV4)],
  ['another command', version2(0x22, 0x11, IPV4)],
  ['a length beyond all reason', version2(0x21, 0x11, IPV4, 65_535)],
  ['no room for the addresses', version2(0x21, 0x11, IPV4.subarray(0, 11))],
  ['no room for those of IPv6', version2(0x21, 0x21, IPV4)]
]

t.test('a missing or invalid header is refused', async (t) => {
  for (const [name, header] of BROKEN) t.throws(() => parseProxyHeader(bytesOf(header)), name)
})

t.test('a change of any byte of a signature is noticed', async (t) => {
  for (const [name, header, length] of [
    ['version 1', bytesOf('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n'), 6],
    ['version 2', version2(0x21, 0x11, IPV4), 12]
  ] as const)
    for (let i = 0; i < length; i++) {
      const bytes = Buffer.from(header)
      bytes[i]! ^= 1
      t.throws(() => parseProxyHeader(bytes), `${name}, byte ${i}`)
      if (i > 0) t.throws(() => parseProxyHeader(bytes.subarray(0, i + 1)), 'as soon as it comes')
    }
})

const typed = (type: number, value: string | Buffer) => {
  const bytes = bytesOf(value)
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 255]), bytes])
}
const ssl = (flags: number, verify: number, ...subs: Buffer[]) =>
  typed(0x20, Buffer.concat([Buffer.from([flags, 0, 0, 0, verify]), ...subs]))
const proxied = (...tlvs: Buffer[]) => version2(0x21, 0x11, Buffer.concat([IPV4, ...tlvs]))
/** With the checksum that fits, plus what it is to be wrong by. */
function checked(header: Buffer, wrongBy = 0): Buffer {
  const at = header.indexOf(Buffer.from([3, 0, 4, 0, 0, 0, 0])) + 3
  const bytes = Buffer.from(header)
  bytes.writeUInt32BE((crc32c(bytes) ^ wrongBy) >>> 0, at)
  return bytes
}
const CHECKSUM = typed(3, Buffer.alloc(4))
const NAME = typed(0x22, 'jörg.example')

t.test('the TLVs of version 2 are read, and unknown ones are skipped', async (t) => {
  const read = (...tlvs: Buffer[]) => {
    const { length: _, source: __, ...details } = parseProxyHeader(proxied(...tlvs))!
    return details
  }
  t.same(read(), {})
  t.same(read(typed(1, 'h2'), typed(2, 'app.example'), typed(5, '\0\xff1')), {
    alpn: 'h2',
    authority: 'app.example',
    uniqueId: '\0\xff1'
  })
  t.same(
    read(
      ssl(
        7,
        0,
        typed(0x21, 'TLSv1.3'),
        typed(0x22, Buffer.from('jörg.example')),
        typed(0x23, 'TLS_AES_128_GCM_SHA256'),
        typed(0x24, 'RSA-SHA256'),
        typed(0x25, 'RSA2048'),
        typed(0x28, 'what comes later')
      )
    ),
    {
      tls: {
        version: 'TLSv1.3',
        clientName: 'jörg.example',
        cipher: 'TLS_AES_128_GCM_SHA256',
        signatureAlgorithm: 'RSA-SHA256',
        keyAlgorithm: 'RSA2048'
      }
    }
  )
  for (const [name, tlv, details] of [
    ['no TLS', ssl(0, 1), {}],
    ['no TLS, with a certificate', ssl(6, 0, NAME), {}],
    ['TLS alone', ssl(1, 1), { tls: {} }],
    ['a certificate that was not verified', ssl(3, 18, NAME), { tls: {} }],
    ['a name without a certificate', ssl(1, 0, NAME), { tls: {} }],
    ['one of the session', ssl(5, 0, typed(0x22, 'a')), { tls: { clientName: 'a' } }]
  ] as const)
    t.same(read(tlv), details, name)
  // No-operation, a network namespace, those of Amazon and Azure, reserved ones: some more than once.
  t.same(read(...[4, 0x30, 0xea, 0xee, 0xf0, 0xff, 4, 0xea].map((type) => typed(type, 'x'))), {})
})

t.test("a checksum is verified, for a proxy's own connection as well", async (t) => {
  t.equal(crc32c(Buffer.from('123456789')), 0xe306_9283, 'as the polynomial is known to do')
  const local = version2(0x20, 0, CHECKSUM)
  for (const header of [proxied(CHECKSUM), proxied(typed(2, 'a'), CHECKSUM, tlv(9)), local]) {
    t.ok(parseProxyHeader(checked(header)))
    t.throws(() => parseProxyHeader(checked(header, 1)), /checksum/)
    t.throws(() => parseProxyHeader(checked(header, 0x8000_0000)), /checksum/)
  }
  const whole = checked(proxied(typed(2, 'app.example'), CHECKSUM))
  // That of the type makes it something that is not known.
  const typeAt = whole.length - CHECKSUM.length
  for (let i = 16; i < whole.length; i++) {
    if (i === typeAt) continue
    const bytes = Buffer.from(whole)
    bytes[i]! ^= 4
    t.throws(() => parseProxyHeader(bytes), `a change of byte ${i}`)
  }
})

t.test('what does not fit, or could be read in two ways, is refused with the reason', async (t) => {
  for (const [reason, header] of [
    [/longer than the header/, proxied(Buffer.from([0xea, 0, 2, 1]))],
    [/longer than the header/, proxied(typed(1, 'h2'), Buffer.from([4, 255, 255]))],
    [/amid a TLV/, proxied(Buffer.from([4]))],
    [/amid a TLV/, proxied(tlv(3), Buffer.from([4, 0]))],
    [/checksum/, proxied(typed(3, 'xyz'))],
    [/too short a TLV of TLS/, proxied(typed(0x20, '\x01\0\0\0'))],
    [/longer than the header/, proxied(ssl(1, 0, Buffer.from([0x21, 0, 9, 1])))],
    [/amid a TLV/, proxied(ssl(1, 0, Buffer.from([0x21])))],
    [/twice/, proxied(ssl(1, 0), ssl(0, 0))],
    [/twice/, proxied(ssl(3, 0, NAME, NAME))],
    [/twice/, proxied(typed(1, 'h2'), typed(1, 'http/1.1'))],
    [/too long for its type/, proxied(typed(2, 'x'.repeat(256)))],
    [/too long for its type/, proxied(typed(5, 'x'.repeat(129)))],
    [/too long/, proxied(tlv(17_000))],
    [/family/, version2(0x21, 0x41, IPV4)],
    [/family/, version2(0x21, 0x13, IPV4)],
    [/too short for its addresses/, version2(0x21, 0x31, Buffer.alloc(215))]
  ] as const)
    t.throws(() => parseProxyHeader(header), reason)
  t.ok(parseProxyHeader(proxied(tlv(16_000))), 'long ones are read')
})

t.test('refusals are logged once a minute for each reason', async (t) => {
  let nowMs = 1000
  const told: unknown[] = []
  const refusals = new RefusalLog(
    (...one) => told.push(one),
    () => nowMs
  )
  for (let i = 0; i < 5; i++) refusals.record('is missing', `10.0.0.${i}`)
  refusals.record('is too long', '10.0.0.9')
  nowMs += 60_000
  refusals.record('is missing', '10.0.0.7')
  nowMs += 60_000
  refusals.record('is missing', '10.0.0.8')
  t.same(told, [
    ['is missing', '10.0.0.0', 0],
    ['is too long', '10.0.0.9', 0],
    ['is missing', '10.0.0.7', 4],
    ['is missing', '10.0.0.8', 0]
  ])
})

const connection = (address: string, localAddress: string, details = {}): ProxiedConnection => ({
  source: { address, port: 49_153, localAddress, localPort: 443 },
  ...details
})

t.test('headers of version 1 are written as specified', async (t) => {
  for (const [address, localAddress, line] of [
    ['203.0.113.9', '10.0.0.1', 'TCP4 203.0.113.9 10.0.0.1 49153 443'],
    ['::ffff:203.0.113.9', '::ffff:10.0.0.1', 'TCP4 203.0.113.9 10.0.0.1 49153 443'],
    ['2001:DB8::9', '::1', 'TCP6 2001:db8::9 ::1 49153 443'],
    ['2001:db8::9', '10.0.0.1', 'TCP6 2001:db8::9 ::ffff:10.0.0.1 49153 443'],
    ['203.0.113.9', '2001:db8::1', 'TCP6 ::ffff:203.0.113.9 2001:db8::1 49153 443'],
    ['fe80::1%eth0', '::1', 'TCP6 fe80::1 ::1 49153 443'],
    ['unknown', '10.0.0.1', 'UNKNOWN'],
    ['203.0.113.9', '', 'UNKNOWN']
  ] as const)
    t.equal(proxyHeader(1, connection(address, localAddress)).toString(), `PROXY ${line}\r\n`)
  t.equal(proxyHeader(1, { source: undefined }).toString(), 'PROXY UNKNOWN\r\n')
  t.equal(localHeader(1).toString(), 'PROXY UNKNOWN\r\n')
})

t.test('headers of version 2 are written with a checksum, and parsed to the same', async (t) => {
  t.same(localHeader(2), version2(0x20, 0, Buffer.alloc(0)))
  const details = {
    alpn: 'h2',
    authority: 'app.example',
    uniqueId: '\0\xff',
    tls: { version: 'TLSv1.3', clientName: 'jörg', cipher: 'C', signatureAlgorithm: 'S', keyAlgorithm: 'K' }
  }
  for (const [address, localAddress, family] of [
    ['203.0.113.9', '10.0.0.1', 0x11],
    ['2001:db8::9', '::1', 0x21],
    ['1:2:3:4:5:6:7:8', '::', 0x21],
    ['2001:db8:0:1::', '2001::7:0:0:1', 0x21],
    ['2001:db8::9', '10.0.0.1', 0x21],
    ['203.0.113.9', '2001:db8::1', 0x21]
  ] as const) {
    const bytes = proxyHeader(2, connection(address, localAddress, details))
    t.equal(bytes[13], family)
    const { length, source, ...read } = parseProxyHeader(bytes)!
    t.same(read, details)
    t.equal(length, bytes.length)
    t.same(source, from(address, 443, 49_153, localAddress))
    bytes[20]! ^= 1
    t.throws(() => parseProxyHeader(bytes), /checksum/)
  }
  t.same(parseProxyHeader(proxyHeader(2, { source: undefined, tls: {} })), {
    length: 31,
    source: undefined,
    tls: {}
  })
  t.same(parseProxyHeader(proxyHeader(2, connection('unknown', ''))), { length: 23, source: undefined })
  const long = { authority: 'x'.repeat(300), uniqueId: 'x'.repeat(129), tls: { clientName: 'x'.repeat(256) } }
  t.notMatch(
    proxyHeader(2, { source: undefined, ...long }).toString('latin1'),
    /x/,
    'what is too long is not said'
  )
})
