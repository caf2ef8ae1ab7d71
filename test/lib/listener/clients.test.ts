import { EventEmitter } from 'node:events'
import { BlockList, type Socket } from 'node:net'
import t from 'tap'
import { loadConfig } from '../../../lib/config/load.js'
import { clientKey } from '../../../lib/listener/access/client-key.js'
import { clientOf, isSecure, unreadableHop } from '../../../lib/listener/client/client-address.js'
import { setProxyHeader } from '../../../lib/listener/client/connection-info.js'
import { addressOfNode } from '../../../lib/listener/client/forwarded-node.js'
import { SocketsPerClient } from '../../../lib/listener/sockets-per-client.js'
import { requestWith } from '../../support/selection.js'

// Client address

const trusted = new BlockList()
trusted.addSubnet('10.0.0.0', 8)
trusted.addSubnet('2001:db8:1::', 48, 'ipv6')

const PROXY = '10.0.0.1'
const STRANGER = '192.0.2.1'

for (const [remoteAddress, said, client, why] of [
  [STRANGER, undefined, STRANGER, 'nothing is said'],
  [STRANGER, '198.51.100.7', STRANGER, 'a stranger is not believed'],
  [STRANGER, '198.51.100.7, 10.0.0.2', STRANGER, 'nor if it names a proxy'],
  ['fe80::7%eth0', undefined, 'fe80::7', 'a client of the link, without the zone'],
  [PROXY, undefined, PROXY, 'a proxy asks for itself'],
  [PROXY, '198.51.100.7', '198.51.100.7', 'a proxy is believed'],
  [PROXY, '6.6.6.6, 198.51.100.7', '198.51.100.7', 'but not what was said to it'],
  [PROXY, '6.6.6.6, 198.51.100.7, 10.0.0.2', '198.51.100.7', 'two proxies'],
  [PROXY, '6.6.6.6, 10.0.0.3, 198.51.100.7, 10.0.0.2', '198.51.100.7', 'a proxy that a client made up'],
  [PROXY, '10.0.0.3, 10.0.0.2', '10.0.0.3', 'proxies alone: the farthest'],
  [PROXY, '2001:db8::7, 2001:db8:1::2', '2001:db8::7', 'IPv6'],
  ['2001:db8:1::1', '198.51.100.7', '198.51.100.7', 'a proxy by IPv6'],
  [`::ffff:${PROXY}`, '198.51.100.7', '198.51.100.7', 'a proxy by IPv4 on a socket of both'],
  [`::ffff:${STRANGER}`, '198.51.100.7', STRANGER, 'a stranger by that'],
  [PROXY, '198.51.100.7, ::ffff:10.0.0.2', '198.51.100.7', 'a proxy that writes addresses in that way'],
  [PROXY, ' 198.51.100.7 ,10.0.0.2\t', '198.51.100.7', 'blanks'],
  [PROXY, '6.6.6.6, unknown', PROXY, 'what is no address ends it'],
  [PROXY, '6.6.6.6, nonsense, 10.0.0.2', '10.0.0.2', 'wherever it stands'],
  [PROXY, '', PROXY, 'an empty field'],
  [PROXY, ' , ,', PROXY, 'empty elements alone'],
  [PROXY, '6.6.6.6, 198.51.100.7, , 10.0.0.2,', '198.51.100.7', 'empty elements are none'],
  [PROXY, ',198.51.100.7', '198.51.100.7', 'nor is one before'],
  [PROXY, '6.6.6.6, 198.51.100.7:1234', '198.51.100.7', 'a port'],
  [PROXY, '198.51.100.7:1234, 10.0.0.2:80', '198.51.100.7', 'ports of proxies'],
  [PROXY, '6.6.6.6, "[2001:DB8:0::7]:80", [2001:db8:1::2]', '2001:db8::7', 'quotes and brackets'],
  [PROXY, '6.6.6.6, ::FFFF:198.51.100.7', '198.51.100.7', 'IPv4 that is written as IPv6'],
  [PROXY, '6.6.6.6, fe80::1%eth0', 'fe80::1', 'a zone, which is of another machine'],
  [PROXY, '6.6.6.6, _hidden, 10.0.0.2', '10.0.0.2', 'a name in place of an address'],
  [PROXY, `${'6.6.6.6, '.repeat(2000)}198.51.100.7`, '198.51.100.7', 'a long one']
] as const) {
  t.test(`${why}: ${remoteAddress} says ${said}`, async (t) => {
    const headers = said === undefined ? {} : { 'x-forwarded-for': said }
    t.equal(clientOf(requestWith(headers, { remoteAddress }), trusted), client)
  })
}

t.test('a trusted range may be written as IPv4 in IPv6, and an address in it as either', async (t) => {
  const mapped = loadConfig({ LB_TRUSTED_PROXIES: '::ffff:10.0.0.0/104' }).trustedProxies
  for (const remoteAddress of ['10.1.2.3', '::ffff:10.1.2.3'])
    for (const said of ['198.51.100.7, 10.0.0.2', '198.51.100.7:1, [::FFFF:a00:2]:80'])
      t.equal(clientOf(requestWith({ 'x-forwarded-for': said }, { remoteAddress }), mapped), '198.51.100.7')
})

t.test('an element that is no address is reported, and nothing else', async (t) => {
  for (const [remoteAddress, headers, told] of [
    [PROXY, { 'x-forwarded-for': '6.6.6.6, unknown' }, '"unknown" in X-Forwarded-For'],
    [PROXY, { 'x-forwarded-for': 'un"known, 10.0.0.2' }, '"un\\"known" in X-Forwarded-For'],
    [PROXY, { 'x-forwarded-for': 'x'.repeat(10_000) }, `"${'x'.repeat(64)}" in X-Forwarded-For`],
    [PROXY, { 'x-forwarded-for': 'unknown, 6.6.6.6' }, undefined],
    [PROXY, { forwarded: 'for=6.6.6.6' }, 'Forwarded, and no X-Forwarded-For'],
    [PROXY, { 'x-real-ip': '6.6.6.6' }, 'X-Real-IP, and no X-Forwarded-For'],
    [PROXY, { forwarded: 'for=6.6.6.6', 'x-forwarded-for': '' }, 'Forwarded, and no X-Forwarded-For'],
    [PROXY, { 'x-real-ip': '6.6.6.6', 'x-forwarded-for': ' , ' }, 'X-Real-IP, and no X-Forwarded-For'],
    [PROXY, { 'x-forwarded-for': '' }, undefined],
    [PROXY, { forwarded: 'for=_a', 'x-forwarded-for': '6.6.6.6' }, undefined],
    [PROXY, {}, undefined],
    [STRANGER, { 'x-forwarded-for': 'unknown', forwarded: 'for=6.6.6.6' }, undefined]
  ] as const)
    t.equal(unreadableHop(requestWith(headers, { remoteAddress }), trusted), told)
})

for (const [remoteAddress, said, secure] of [
  [PROXY, undefined, false],
  [PROXY, 'http', false],
  [PROXY, 'https', true],
  [PROXY, 'HTTPS', true],
  [PROXY, 'wss', true],
  [PROXY, 'https, http', true],
  [PROXY, 'http, https', false],
  [PROXY, 'httpsx', false],
  [PROXY, '', false],
  [PROXY, '"https"', true],
  [PROXY, ' , https', true],
  [PROXY, 'ws', false],
  [STRANGER, 'https', false]
] as const) {
  t.test(`${secure ? '' : 'not '}encrypted: ${remoteAddress} says ${said}`, async (t) => {
    const headers = said === undefined ? {} : { 'x-forwarded-proto': said }
    t.equal(isSecure(requestWith(headers, { remoteAddress }), trusted), secure)
  })
}

t.test('a protocol that cannot be read is that of the connection', async (t) => {
  for (const said of [undefined, '', 'on', 'httpsx', ','])
    for (const encrypted of [true, false]) {
      const req = requestWith(said === undefined ? {} : { 'x-forwarded-proto': said }, {
        remoteAddress: PROXY
      })
      Object.assign(req.socket, { encrypted })
      t.equal(isSecure(req, trusted), encrypted, `${said}`)
    }
  const req = requestWith({ 'x-forwarded-proto': 'http' }, { remoteAddress: PROXY })
  Object.assign(req.socket, { encrypted: true })
  t.notOk(isSecure(req, trusted), 'but what is said counts')
})

// Nodes of Forwarded

const V4 = '203.0.113.5'
const V6 = '2001:db8::1'

t.test('an address, however it is written', async (t) => {
  for (const [element, address] of [
    [V4, V4],
    [`${V4}:43462`, V4],
    [`${V4}:0`, V4],
    [`${V4}:`, V4],
    [`${V4}:_http`, V4],
    [`"${V4}"`, V4],
    [`"${V4}:80"`, V4],
    [`" ${V4}:80 "`, V4],
    ['"203\\.0.113.\\5:80"', V4],
    [`[${V4}]:80`, V4],
    [V6, V6],
    ['2001:DB8::1', V6],
    ['2001:0db8:0:0:0:0:0:0001', V6],
    [`[${V6}]`, V6],
    [`[${V6}]:8080`, V6],
    [`[${V6}]:_a.b-c_1`, V6],
    [`"[${V6}]"`, V6],
    [`"[${V6}]:8080"`, V6],
    ['"[2001:DB8:0::0:1]:_x"', V6],
    [`${V6}:43462`, V6],
    ['2001:db8:0:0:0:0:0:1:80', V6],
    ['2001:db8::1:8080', '2001:db8::1:8080'],
    [`::ffff:${V4}`, V4],
    [`::FFFF:${V4}`, V4],
    ['::ffff:cb00:7105', V4],
    ['0:0:0:0:0:ffff:203.0.113.5', V4],
    [`[::ffff:${V4}]:80`, V4],
    [`::ffff:${V4}:80`, V4],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:80', 'fe80::1'],
    ['::1', '::1'],
    ['::', '::'],
    ['64:ff9b::203.0.113.5', '64:ff9b::cb00:7105']
  ] as const)
    t.equal(addressOfNode(element), address, element)
})

t.test('what is no address', async (t) => {
  for (const element of [
    'unknown',
    'Unknown',
    '"unknown"',
    'unknown:80',
    '_hidden',
    '"_hidden:_port"',
    '-',
    'unix:',
    'unix:/run/app.sock',
    'localhost',
    'a.test:80',
    '203.0.113',
    '203.0.113.5.6',
    '203.0.113.256',
    '0203.0.113.5',
    '203.0.113.5:port',
    '203.0.113.5:123456',
    '203.0.113.5:8 0',
    '203.0.113.5 80',
    '203.0.113.5/24',
    '[203.0.113.5',
    '2001:db8::1]',
    '[2001:db8::1',
    '[2001:db8::1]80',
    '[2001:db8::1]:x',
    '[]',
    '[]:80',
    '[[::1]]',
    '"2001:db8::1',
    '2001:db8::1"',
    '""',
    '"',
    '"203.0.113.5" 80',
    "'203.0.113.5'",
    'for=203.0.113.5',
    '1:2:3:4:5:6:7:8:9:10',
    '::ffff:203.0.113.5:x',
    ':80',
    ':'
  ])
    t.equal(addressOfNode(element), undefined, element)
})

t.test('a long one is read once', async (t) => {
  const before = process.cpuUsage()
  for (const part of ['"', '\\', '[', ']', ':', '"\\', '[:', '1:'])
    t.equal(addressOfNode(`"${part.repeat(30_000)}`), undefined)
  t.ok(process.cpuUsage(before).user < 2_000_000)
})

// Keys of clients

t.test('an IPv4 address counts by itself, an IPv6 address with all of its /64', async (t) => {
  for (const [key, ...addresses] of [
    ['192.0.2.7', '192.0.2.7', '::ffff:192.0.2.7', '::FFFF:c000:207', '0:0:0:0:0:ffff:192.0.2.7'],
    [
      '2001:db8:1:2::/64',
      '2001:db8:1:2::',
      '2001:db8:1:2::1',
      '2001:db8:1:2:ffff:ffff:ffff:ffff',
      '2001:0DB8:0001:0002:0:0:0:9',
      '2001:db8:1:2:3:4:5.6.7.8'
    ],
    ['2001:db8:1:3::/64', '2001:db8:1:3::1'],
    ['2001:db8:0:0::/64', '2001:db8::1', '2001:db8:0:0:1::', '2001:db8::5.6.7.8'],
    ['2001:db8:0:1::/64', '2001:db8:0:1::', '2001:db8::1:0:0:0:1'],
    ['fe80:0:0:0::/64', 'fe80::1%eth0', 'fe80::2'],
    ['0:0:0:0::/64', '::', '::1', '::192.0.2.7', '::1:ffff:c000:207'],
    ['64:ff9b:0:0::/64', '64:ff9b::192.0.2.7'],
    ['unknown', 'unknown']
  ] as const) {
    for (const address of addresses) t.equal(clientKey(address), key, address)
  }
})

// Sockets per client

const socketFrom = (remoteAddress: string | undefined) =>
  Object.assign(new EventEmitter(), { remoteAddress }) as unknown as Socket & { remoteAddress: unknown }

t.test('each address may have so many open connections', async (t) => {
  const bound = new SocketsPerClient(2)
  const [one, two, three] = [socketFrom('10.0.0.1'), socketFrom('10.0.0.1'), socketFrom('10.0.0.1')]
  t.same(
    [one, two, three].map((socket) => bound.admit(socket)),
    [true, true, false]
  )
  t.ok(bound.admit(socketFrom('10.0.0.2')))
  three.emit('close')
  t.notOk(bound.admit(three), 'one that was not admitted gives nothing back')
  // A socket that is closed has no address any more.
  one.remoteAddress = undefined
  one.emit('close')
  one.emit('close')
  t.same(
    [three, socketFrom('10.0.0.1')].map((socket) => bound.admit(socket)),
    [true, false]
  )
  for (const socket of [two, three]) socket.emit('close')
  t.same(
    [1, 2, 3].map(() => bound.admit(socketFrom('10.0.0.1'))),
    [true, true, false]
  )
})

t.test('an address counts as the same, however it is written', async (t) => {
  const bound = new SocketsPerClient(1)
  t.ok(bound.admit(socketFrom('10.0.0.1')))
  t.notOk(bound.admit(socketFrom('::ffff:10.0.0.1')))
  const proxied = socketFrom('10.0.0.9')
  setProxyHeader(proxied, {
    length: 0,
    source: { address: '10.0.0.1', port: 4000, localAddress: '10.0.0.9', localPort: 80 }
  })
  t.notOk(bound.admit(proxied), 'by the word of a proxy')
  t.ok(bound.admit(socketFrom('10.0.0.9')), 'which has not been counted for the proxy')
  t.ok(bound.admit(socketFrom(undefined)))
  t.notOk(bound.admit(socketFrom(undefined)), 'those that nobody knows have to share')
})

t.test('without a limit nothing is counted', async (t) => {
  const bound = new SocketsPerClient(0)
  for (let i = 0; i < 1000; i++) {
    const socket = socketFrom('10.0.0.1')
    if (!bound.admit(socket) || socket.listenerCount('close') > 0) t.fail(`socket ${i}`)
  }
  t.ok(bound.admit(socketFrom('10.0.0.1')))
})
