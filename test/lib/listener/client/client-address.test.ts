import { BlockList } from 'node:net'
import t from 'tap'
import { loadConfig } from '../../../../lib/config/load.js'
import { clientOf, isSecure, unreadableHop } from '../../../../lib/listener/client/client-address.js'
import { requestWith } from '../../../support/selection.js'

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

t.test('what is said in place of an address is told, and nothing else', async (t) => {
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
