import { BlockList } from 'node:net'
import t from 'tap'
import { clientOf, isSecure } from '../../../lib/forward/client-address.js'
import { requestWith } from '../../support/selection.js'

const trusted = new BlockList()
trusted.addSubnet('10.0.0.0', 8)
trusted.addSubnet('2001:db8:1::', 48, 'ipv6')

const PROXY = '10.0.0.1'
const STRANGER = '192.0.2.1'

for (const [remoteAddress, said, client, why] of [
  [STRANGER, undefined, STRANGER, 'nothing is said'],
  [STRANGER, '198.51.100.7', STRANGER, 'a stranger is not believed'],
  [STRANGER, '198.51.100.7, 10.0.0.2', STRANGER, 'nor if it names a proxy'],
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
  [PROXY, '6.6.6.6, , 10.0.0.2', '10.0.0.2', 'even nothing'],
  [PROXY, '', PROXY, 'an empty field'],
  [PROXY, 'fe80::1%eth0', 'fe80::1%eth0', 'an address with a zone'],
  [PROXY, '198.51.100.7:1234', PROXY, 'an address with a port is none']
] as const) {
  t.test(`${why}: ${remoteAddress} says ${said}`, async (t) => {
    const headers = said === undefined ? {} : { 'x-forwarded-for': said }
    t.equal(clientOf(requestWith(headers, { remoteAddress }), trusted), client)
  })
}

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
  [STRANGER, 'https', false]
] as const) {
  t.test(`${secure ? '' : 'not '}encrypted: ${remoteAddress} says ${said}`, async (t) => {
    const headers = said === undefined ? {} : { 'x-forwarded-proto': said }
    t.equal(isSecure(requestWith(headers, { remoteAddress }), trusted), secure)
  })
}
