import type { IncomingMessage } from 'node:http'
import { BlockList, type Socket } from 'node:net'
import t from 'tap'
import { forwardingFields } from '../../../../lib/proxy/request/forwarding-fields.js'
import { madeUp } from '../../../support/message.js'

const NOBODY = new BlockList()
const PROXIES = new BlockList()
PROXIES.addSubnet('10.0.0.0', 8)
PROXIES.addAddress('2001:db8::1', 'ipv6')

interface From {
  readonly remote?: string | undefined
  readonly lines?: readonly string[]
  readonly version?: string
}

function requestFrom({ remote = '203.0.113.9', lines = [], version = '1.1' }: From): IncomingMessage {
  const req = madeUp(`GET / HTTP/${version}`, ...lines)
  req.socket = { remoteAddress: remote === 'none' ? undefined : remote, localPort: 8080 } as Socket
  return req
}

/** The lines that are added, without `Via` and the id of the request. */
function added(from: From, host: string | undefined, { forwarded = false, trusted = NOBODY } = {}): string[] {
  const by = { target: '/', requestId: 'id-1', forwarded, trusted }
  const lines = forwardingFields(requestFrom(from), host, by).split('\r\n')
  const last = [`Via: ${from.version ?? '1.1'} fairlead`, 'X-Request-Id: id-1', '']
  t.same(lines.slice(-3), last)
  return lines.slice(0, -3)
}

const linesOf = (address: string, host?: string) => [
  `X-Forwarded-For: ${address}`,
  'X-Forwarded-Proto: http',
  'X-Forwarded-Port: 8080',
  ...(host === undefined ? [] : [`X-Forwarded-Host: ${host}`])
]

const FORGED = [
  'X-Forwarded-For: 1.2.3.4',
  'x-forwarded-for: 5.6.7.8',
  'X-Forwarded-Host: evil.test',
  'X-Forwarded-Port: 1',
  'X-Forwarded-Proto: https',
  'Forwarded: for=1.2.3.4'
]

t.test('the address of the client', async (t) => {
  for (const [remote, address] of [
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8::7', '2001:db8::7'],
    ['::1', '::1'],
    ['none', 'unknown']
  ] as const)
    t.same(added({ remote }, 'a.test'), linesOf(address, 'a.test'))
})

t.test('a request without a host has none to forward', async (t) => {
  t.same(added({}, undefined), linesOf('203.0.113.9'))
  t.same(added({ version: '1.0' }, undefined, { forwarded: true }), [
    ...linesOf('203.0.113.9'),
    'Forwarded: for=203.0.113.9;proto=http'
  ])
})

t.test('Forwarded, quoted as RFC 7239 wants it', async (t) => {
  for (const [remote, host, forwarded] of [
    ['203.0.113.9', 'a.test', 'for=203.0.113.9;host="a.test";proto=http'],
    ['::ffff:203.0.113.9', 'a.test:8080', 'for=203.0.113.9;host="a.test:8080";proto=http'],
    ['2001:db8::7', '[2001:db8::1]', 'for="[2001:db8::7]";host="[2001:db8::1]";proto=http'],
    ['203.0.113.9', 'a";for=evil', 'for=203.0.113.9;host="a\\";for=evil";proto=http'],
    ['203.0.113.9', 'a\\', 'for=203.0.113.9;host="a\\\\";proto=http'],
    ['none', 'a', 'for=unknown;host="a";proto=http']
  ] as const)
    t.equal(added({ remote }, host, { forwarded: true }).at(-1), `Forwarded: ${forwarded}`)
})

t.test('what a client says of its way is replaced: nothing vouches for it', async (t) => {
  t.same(added({ lines: FORGED }, 'a.test'), linesOf('203.0.113.9', 'a.test'))
  t.same(added({ lines: FORGED }, 'a.test', { trusted: PROXIES }), linesOf('203.0.113.9', 'a.test'))
  t.equal(
    added({ lines: FORGED }, 'a.test', { forwarded: true, trusted: PROXIES }).at(-1),
    'Forwarded: for=203.0.113.9;host="a.test";proto=http'
  )
})

t.test('what a trusted proxy says goes on, with its own address added', async (t) => {
  for (const remote of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::1']) {
    const address = remote.replace('::ffff:', '')
    const continued = [
      `X-Forwarded-For: 1.2.3.4, 5.6.7.8, ${address}`,
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 1',
      'X-Forwarded-Host: evil.test'
    ]
    const from = { remote, lines: FORGED }
    t.same(added(from, 'a.test', { trusted: PROXIES }), [...continued, 'Forwarded: for=1.2.3.4'])
    const node = address.includes(':') ? `"[${address}]"` : address
    t.same(added(from, 'a.test', { forwarded: true, trusted: PROXIES }), [
      ...continued,
      `Forwarded: for=1.2.3.4, for=${node};host="a.test";proto=http`
    ])
  }
})

t.test('what a trusted proxy does not say is what is known here', async (t) => {
  for (const host of ['a.test', undefined])
    t.same(added({ remote: '10.1.2.3' }, host, { trusted: PROXIES }), linesOf('10.1.2.3', host))
})

t.test('an empty field of a trusted proxy says nothing', async (t) => {
  const lines = ['For', 'Proto', 'Port', 'Host'].map((name) => `X-Forwarded-${name}:`)
  const from = { remote: '10.1.2.3', lines: [...lines, 'Forwarded:'] }
  for (const host of ['a.test', undefined])
    t.same(added(from, host, { trusted: PROXIES, forwarded: true }), [
      ...linesOf('10.1.2.3', host),
      `Forwarded: for=10.1.2.3;${host === undefined ? '' : `host="${host}";`}proto=http`
    ])
})

t.test('what a trusted proxy says of addresses goes on byte for byte', async (t) => {
  for (const value of ['"[2001:DB8::1]:80",10.0.0.9:1 ,, unknown', '_a, "', '::FFFF:1.2.3.4'])
    t.equal(
      added({ remote: '10.1.2.3', lines: [`X-Forwarded-For: ${value}`] }, 'a.test', { trusted: PROXIES })[0],
      `X-Forwarded-For: ${value}, 10.1.2.3`
    )
})
