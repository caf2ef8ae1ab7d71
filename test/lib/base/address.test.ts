import { isIP, isIPv6 as isIPv6OfNode } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { addressFamily, isIPv6 } from '../../../lib/base/address/family.js'

const TEXTS = [
  ...[
    '',
    ':',
    '::',
    ':::',
    '::1',
    '1::',
    '1',
    '1:',
    ':1',
    '1::2::3',
    '::g',
    '::12345',
    'FE80::Ab',
    '::1 ',
    '[::1]'
  ],
  ...['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1::8'],
  ...['1:2:3:4::5:6:7:8', '1:2:3:4:5:6:7:8::', ':1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8:'],
  ...['::1.2.3.4', '::ffff:1.2.3.4', '1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:7:1.2.3.4', '1:2:3:4:5::1.2.3.4'],
  ...[
    '1.2.3.4::',
    '1.2.3.4::1',
    '::1.2.3.4:5',
    '::1.2.3',
    '::1.2.3.256',
    '::01.2.3.4',
    '1:2:3:4:5:6::1.2.3.4'
  ],
  ...[
    'fe80::1%eth0',
    'fe80::1%',
    'fe80::1%eth0.1',
    'fe80::1%a_b',
    'fe80::1%a%b',
    '%eth0',
    '::%1',
    '1%eth0::'
  ],
  ...['1.2.3.4', '1.2.3', '1.2.3.4%eth0', 'app', 'app:80', '1.2.3.4:80']
]

t.test('an address is told as Node tells it', async (t) => {
  for (const text of TEXTS) t.equal(addressFamily(text), isIP(text), `"${text}"`)
})

t.test('so is every text that looks like one', async (t) => {
  const part = fc.constantFrom(
    '0',
    '1',
    'abcd',
    'F',
    '12345',
    ':',
    ':',
    ':',
    ':',
    '::',
    '1.2.3.4',
    '%',
    'e.0',
    'g'
  )
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 18 }).map((parts) => parts.join('')),
      (text) => isIPv6(text) === isIPv6OfNode(text)
    ),
    { numRuns: 2000 }
  )
  fc.assert(fc.property(fc.ipV6(), (text) => isIPv6(text)))
  t.pass()
})
