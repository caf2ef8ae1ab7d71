import t from 'tap'
import { addressOfNode } from '../../../../lib/listener/client/forwarded-node.js'

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
  const startMs = performance.now()
  for (const part of ['"', '\\', '[', ']', ':', '"\\', '[:', '1:'])
    t.equal(addressOfNode(`"${part.repeat(30_000)}`), undefined)
  t.ok(performance.now() - startMs < 2000)
})
