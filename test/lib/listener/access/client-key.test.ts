import t from 'tap'
import { clientKey } from '../../../../lib/listener/access/client-key.js'

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
