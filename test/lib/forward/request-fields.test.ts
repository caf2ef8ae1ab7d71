import type { IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { clientAddress, requestFields } from '../../../lib/forward/request-fields.js'
import { pairs, received } from '../../support/message.js'

const BY = { requestId: 'id-1', forwarded: false }

/** What the balancer adds to a request for `a.test` from the loopback interface. */
const ADDED = [
  ['X-Forwarded-For', '127.0.0.1'],
  ['X-Forwarded-Proto', 'http'],
  ['X-Forwarded-Host', 'a.test'],
  ['Via', '1.1 fairlead'],
  ['X-Request-Id', 'id-1']
]

/** The fields for a backend when a client sends these lines after `GET / HTTP/1.1` and `Host: a.test`. */
async function sent(t: Test, ...lines: string[]) {
  const req = await received(t, 'GET / HTTP/1.1', 'Host: a.test', ...lines)
  return pairs(requestFields(req, BY))
}

t.test('what the client sent, then what a gateway adds', async (t) => {
  t.same(await sent(t, 'Accept: */*'), [['Host', 'a.test'], ['Accept', '*/*'], ...ADDED])
})

t.test('order, case and repetition are kept, byte for byte', async (t) => {
  const fields = [
    ['x-B', '1'],
    ['X-a', ''],
    ['x-b', '2'],
    ['COOKIE', 'a=1'],
    ['cookie', 'b=2'],
    ['X-Latin', 'caf\xe9, "quoted"'],
    ['Accept', 'a'],
    ['ACCEPT', 'b'],
    ['Content-Type', 'text/plain'],
    ['User-Agent', 'one'],
    ['User-Agent', 'two'],
    ['Authorization', 'Basic eDp5']
  ] as const
  const lines = fields.map(([name, value]) => `${name}: ${value}`)
  t.same(await sent(t, ...lines), [['Host', 'a.test'], ...fields, ...ADDED])
})

t.test('fields of the connection stay behind', async (t) => {
  const lines = [
    'Connection: keep-alive',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic eDp5',
    'TE: trailers',
    'Transfer-Encoding: chunked',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'Expect: 200-ok'
  ]
  t.same(await sent(t, ...lines), [['Host', 'a.test'], ...ADDED])
  t.same(await sent(t, ...lines.map((line) => line.toUpperCase())), [['Host', 'a.test'], ...ADDED])
})

t.test('and so do those that Connection names', async (t) => {
  const lines = ['X-Hop: 1', 'Connection: keep-alive, X-Hop , close', 'x-hop: 2', 'X-Hop-By: 3']
  t.same(await sent(t, ...lines), [['Host', 'a.test'], ['X-Hop-By', '3'], ...ADDED])
})

t.test('also in several Connection fields, before or after', async (t) => {
  const lines = ['X-A: 1', 'Connection: x-a', 'X-B: 2', 'X-C: 3', 'connection: X-B']
  t.same(await sent(t, ...lines), [['Host', 'a.test'], ['X-C', '3'], ...ADDED])
})

t.test('Connection takes nothing of ours away', async (t) => {
  const own = ADDED.map(([name]) => name).join(', ')
  t.same(await sent(t, `Connection: ${own}`), [['Host', 'a.test'], ...ADDED])
  t.same(await sent(t, 'X-Forwarded-For: 1.2.3.4', 'Connection: X-Forwarded-For'), [
    ['Host', 'a.test'],
    ...ADDED
  ])
})

t.test('nor what routes and delimits the message', async (t) => {
  t.same(await sent(t, 'Content-Length: 5', 'Connection: host, content-length'), [
    ['Host', 'a.test'],
    ['Content-Length', '5'],
    ...ADDED
  ])
  t.same(await sent(t, 'Via: 1.0 other', 'Connection: via'), [
    ['Host', 'a.test'],
    ['Via', '1.0 other'],
    ...ADDED
  ])
})

t.test('forwarding fields of the client are replaced: nothing vouches for them', async (t) => {
  const lines = [
    'X-Forwarded-For: 1.2.3.4',
    'x-forwarded-for: 5.6.7.8',
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Port: 1',
    'X-Forwarded-Proto: https',
    'X-Real-IP: 1.2.3.4',
    'Forwarded: for=1.2.3.4',
    'X-Request-Id: other'
  ]
  t.same(await sent(t, ...lines), [['Host', 'a.test'], ...ADDED])
})

t.test('a request without Host has none to forward', async (t) => {
  const req = await received(t, 'GET / HTTP/1.0', 'X-A: 1')
  t.same(pairs(requestFields(req, { ...BY, forwarded: true })), [
    ['X-A', '1'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Forwarded-Proto', 'http'],
    ['Forwarded', 'for=127.0.0.1;proto=http'],
    ['Via', '1.1 fairlead'],
    ['X-Request-Id', 'id-1']
  ])
})

function from(remoteAddress: string | undefined, host = 'a.test'): IncomingMessage {
  return {
    rawHeaders: ['Host', host],
    headers: { host },
    socket: { remoteAddress }
  } as unknown as IncomingMessage
}

t.test('the address of the client', async (t) => {
  for (const [remote, address] of [
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8::7', '2001:db8::7'],
    ['::1', '::1'],
    [undefined, 'unknown']
  ] as const) {
    t.equal(clientAddress(from(remote)), address)
    t.same(pairs(requestFields(from(remote), BY))[1], ['X-Forwarded-For', address])
  }
})

t.test('Forwarded, quoted as RFC 7239 wants it', async (t) => {
  for (const [remote, host, forwarded] of [
    ['203.0.113.9', 'a.test', 'for=203.0.113.9;host="a.test";proto=http'],
    ['::ffff:203.0.113.9', 'a.test:8080', 'for=203.0.113.9;host="a.test:8080";proto=http'],
    ['2001:db8::7', '[2001:db8::1]', 'for="[2001:db8::7]";host="[2001:db8::1]";proto=http'],
    ['203.0.113.9', 'a";for=evil', 'for=203.0.113.9;host="a\\";for=evil";proto=http'],
    ['203.0.113.9', 'a\\', 'for=203.0.113.9;host="a\\\\";proto=http'],
    [undefined, 'a', 'for=unknown;host="a";proto=http']
  ] as const) {
    const fields = pairs(requestFields(from(remote, host), { ...BY, forwarded: true }))
    t.same(
      fields.filter(([name]) => name === 'Forwarded'),
      [['Forwarded', forwarded]]
    )
  }
})
