import type { IncomingMessage } from 'node:http'
import { BlockList, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { forwardingFields } from '../../../lib/proxy/request/forwarding-fields.js'
import { outgoingRequest, requestFields } from '../../../lib/proxy/request/request-head.js'
import { madeUp, received } from '../../support/message.js'

// Request head

const BY = { target: '/', requestId: 'id-1', forwarded: false, trusted: new BlockList() }
const HOST = 'Host: a.test'

/** Lines without their ends. */
const linesOf = (text: string) => text.split('\r\n').slice(0, -1)

interface SentOptions {
  readonly start?: string
  readonly authority?: string
  readonly upgrade?: string
}

/** The lines for a backend, without those that the balancer adds, when a client sends these. */
async function sent(t: Test, lines: readonly string[], options: SentOptions = {}): Promise<string[]> {
  const req = await received(t, options.start ?? 'POST / HTTP/1.1', ...lines)
  const fields = linesOf(requestFields(req, options.authority, options.upgrade, BY))
  const added = fields.findIndex((line) => line.startsWith('X-Forwarded-For: '))
  t.match(fields.slice(added), [
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Proto: http',
    `X-Forwarded-Port: ${req.socket.localPort}`
  ])
  t.equal(fields.at(-1), 'X-Request-Id: id-1')
  return fields.slice(0, added)
}

t.test('order, case and repetition are kept, byte for byte', async (t) => {
  const lines = [
    'x-B: 1',
    'X-a: ',
    HOST,
    'x-b: 2',
    'COOKIE: a=1',
    'cookie: b=2',
    'X-Latin: caf\xe9, "quoted"\t\x80',
    'Accept: a',
    'ACCEPT: b',
    'Content-Type: text/plain',
    'User-Agent: one',
    'User-Agent: two',
    'Authorization: Basic eDp5',
    'Trailer: X-Sum',
    'Via: 1.0 other',
    'X-Forwarded: 1',
    'Keep: 1',
    'X-TE: trailers'
  ]
  t.same(await sent(t, lines), lines)
})

t.test('fields of the connection, and what the balancer says itself, stay behind', async (t) => {
  const lines = [
    'Connection: keep-alive',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic eDp5',
    'TE: gzip',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'Expect: 100-continue',
    'Forwarded: for=1.2.3.4',
    'X-Forwarded-For: 1.2.3.4',
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Port: 1',
    'X-Forwarded-Proto: https',
    'X-Real-IP: 1.2.3.4',
    'X-Request-Id: other',
    'Proxy: evil.test:80'
  ]
  for (const written of [
    lines,
    lines.map((line) => line.toLowerCase()),
    lines.map((line) => line.toUpperCase())
  ])
    for (const [line, i] of written.map((line, i) => [line, i] as const)) {
      t.same(await sent(t, [HOST, line, 'A: 1']), [HOST, 'A: 1'], line)
      t.same(await sent(t, [HOST, line, ...written.slice(i)]), [HOST], 'all from there')
    }
})

t.test('what only a proxy in front may say goes on from a trusted one alone', async (t) => {
  const trusted = new BlockList()
  trusted.addSubnet('10.0.0.0', 8)
  const lines = ['By', 'Prefix', 'Scheme', 'Server', 'Ssl'].map((name) => `X-Forwarded-${name}: 1`)
  lines.push('x-real-ip: 1.2.3.4')
  for (const [remoteAddress, passed] of [
    ['10.1.2.3', lines],
    ['::ffff:10.1.2.3', lines],
    ['11.1.2.3', []]
  ] as const) {
    const req = madeUp('GET / HTTP/1.1', HOST, ...lines, 'X-Forwarded: 1')
    req.socket = { remoteAddress } as Socket
    const fields = linesOf(requestFields(req, undefined, undefined, { ...BY, trusted }))
    t.same(fields.slice(0, passed.length + 2), [HOST, ...passed, 'X-Forwarded: 1'], remoteAddress)
  }
})

t.test('what becomes the same variable as one of ours stays behind, whoever sends it', async (t) => {
  const trusted = new BlockList()
  trusted.addSubnet('10.0.0.0', 8)
  const imitated = [
    ...['Keep-Alive', 'Proxy-Connection', 'Proxy-Authorization', 'Transfer-Encoding', 'HTTP2-Settings'],
    ...['X-Request-Id', 'X-Real-Ip', 'Content-Length', 'Content-Type', 'Max-Forwards'],
    ...['For', 'Host', 'Port', 'Proto', 'By', 'Prefix', 'Scheme', 'Server', 'Ssl'].map(
      (name) => `X-Forwarded-${name}`
    )
  ]
  const passed = [
    ...['X_Custom: 1', 'x_Forwarded: 1', 'X_Forwarded_User: 1', 'Http_Host: 1', '_Host: 1', 'Remote_Addr: 1'],
    ...['Content_Lengths: 1', 'Forwarded_For: 1', 'Proxy_: 1', '_: 1', 'X.Custom: 1']
  ]
  const others = imitated.map((name) => name.replaceAll('-', '_'))
  const half = imitated.map((name) => name.replace('-', '_').toUpperCase())
  const dotted = imitated.map((name) => name.replaceAll('-', '.').toLowerCase())
  for (const remoteAddress of ['10.1.2.3', '192.0.2.1']) {
    const lines = [...others, ...half, ...dotted].map((name) => `${name}: 6`)
    const req = madeUp('GET / HTTP/1.1', HOST, ...lines, ...passed)
    req.socket = { remoteAddress } as Socket
    const fields = linesOf(requestFields(req, undefined, undefined, { ...BY, trusted }))
    t.same(
      fields.slice(
        0,
        fields.findIndex((line) => line.startsWith('X-Forwarded-For'))
      ),
      [HOST, ...passed]
    )
  }
})

t.test('fields that Connection names stay behind', async (t) => {
  for (const lines of [
    ['X-Hop: 1', 'Connection: keep-alive, X-Hop , close', 'x-hop: 2', 'X-Hop-By: 3'],
    ['X-Hop: 1', 'connection:,,\tX-HOP', 'X-Hop-By: 3'],
    ['X-A: 1', 'Connection: x-a', 'X-Hop-By: 3', 'X-B: 2', 'connection: close', 'CONNECTION: X-B']
  ])
    t.same(await sent(t, [HOST, ...lines]), [HOST, 'X-Hop-By: 3'], `${lines}`)
})

t.test('but nothing that routes and delimits the message, or tells of its way', async (t) => {
  const named = 'Connection: host, content-length, via, transfer-encoding, x-forwarded-for, x-request-id'
  const kept = [HOST, 'Via: 1.0 other']
  t.same(await sent(t, [named, ...kept, 'Content-Length: 5']), [...kept, 'Content-Length: 5'])
  t.same(await sent(t, [...kept, 'Transfer-Encoding: chunked', named]), [
    ...kept,
    'Transfer-Encoding: chunked'
  ])
})

t.test('the host comes from the target if no field has it', async (t) => {
  const start = 'GET / HTTP/1.0'
  t.same(await sent(t, ['A: 1'], { start }), ['A: 1'], 'which no field is made up for')
  t.same(await sent(t, ['A: 1'], { start, authority: 'b.test:81' }), ['Host: b.test:81', 'A: 1'])
  t.same(await sent(t, ['A: 1', 'hOST: B.test'], { authority: 'b.test' }), ['A: 1', 'hOST: B.test'])
  for (const line of ['Host:', 'hOST: '])
    t.same(await sent(t, ['B: 2', line, 'A: 1'], { start }), ['B: 2', 'A: 1'], 'an empty one names none')
})

t.test('a client that waits to send its body goes on to wait', async (t) => {
  const expectation = 'Expect: 100-continue'
  for (const [start, framing, isKept] of [
    ['POST / HTTP/1.1', 'Content-Length: 5', true],
    ['POST / HTTP/1.1', 'Transfer-Encoding: chunked', true],
    ['POST / HTTP/1.1', 'Content-Length: 0', false],
    ['POST / HTTP/1.1', 'A: 1', false],
    ['POST / HTTP/1.0', 'Content-Length: 5', false]
  ] as const)
    t.same(
      await sent(t, [HOST, 'eXPECT: 100-Continue', framing], { start }),
      [HOST, framing, ...(isKept ? [expectation] : [])],
      `${start}, ${framing}`
    )
})

t.test('trailers are taken by who says so', async (t) => {
  const taken = ['TE: trailers', 'Connection: TE']
  for (const [te, isTaken] of [
    ['trailers', true],
    ['Trailers', true],
    ['gzip;q=0.5, trailers', true],
    ['trailers , deflate', true],
    ['', false],
    ['trailersx', false],
    ['xtrailers', false],
    ['gzip', false]
  ] as const)
    t.same(await sent(t, [HOST, 'Connection: te', `TE: ${te}`]), [HOST, ...(isTaken ? taken : [])], te)
})

t.test('what is offered is offered on', async (t) => {
  const lines = [
    HOST,
    'Connection: Upgrade, TE, X-A',
    'Upgrade: h2c, websocket',
    'X-A: 1',
    'TE: trailers',
    'B: 2'
  ]
  const options = { start: 'GET / HTTP/1.1', upgrade: 'websocket' }
  t.same(await sent(t, lines, options), [HOST, 'B: 2', 'Connection: Upgrade', 'Upgrade: websocket'])
})

t.test('a request as it goes over the wire', async (t) => {
  for (const [method, path, framing, hasBody, replayable] of [
    ['GET', '/', 'A: 1', false, true],
    ['HEAD', '//%zz/../caf\xe9?a=?#', 'A: 1', false, true],
    ['OPTIONS', '*', 'A: 1', false, true],
    ['PUT', '/', 'Content-Length: 0', false, true],
    ['PUT', '/', 'Content-Length: 5', true, true],
    ['GET', '/', 'Transfer-Encoding: chunked', true, true],
    ['POST', '/', 'Content-Length: 0', false, false],
    ['POST', '/', 'Transfer-Encoding: chunked', true, false],
    ['PATCH', '/', 'A: 1', false, false]
  ] as const) {
    const req = madeUp(`${method} /other HTTP/1.0`, HOST, framing)
    const request = outgoingRequest(req, { path, authority: undefined }, BY, 1000)
    t.equal(request.head.split('\r\n', 1)[0], `${method} ${path} HTTP/1.1`)
    t.same(linesOf(request.head).slice(1, 3), [HOST, framing])
    t.ok(request.head.endsWith('\r\nX-Request-Id: id-1\r\n\r\n'))
    t.match(request, { method, replayable, upgrade: undefined }, method)
    t.equal(request.body, hasBody ? req : undefined, `${method} ${framing}`)
  }
})

t.test('one that offers another protocol', async (t) => {
  const req = madeUp('GET / HTTP/1.1', HOST)
  const request = outgoingRequest(req, { path: '/', authority: 'a.test' }, BY, 1000, 'websocket')
  t.equal(request.upgrade, 'websocket')
  t.match(request.head, '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n')
})

// Forwarding fields

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

const forwardedLines = (address: string, host?: string) => [
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
    t.same(added({ remote }, 'a.test'), forwardedLines(address, 'a.test'))
})

t.test('a request without a host has none to forward', async (t) => {
  t.same(added({}, undefined), forwardedLines('203.0.113.9'))
  t.same(added({ version: '1.0' }, undefined, { forwarded: true }), [
    ...forwardedLines('203.0.113.9'),
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
  t.same(added({ lines: FORGED }, 'a.test'), forwardedLines('203.0.113.9', 'a.test'))
  t.same(added({ lines: FORGED }, 'a.test', { trusted: PROXIES }), forwardedLines('203.0.113.9', 'a.test'))
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
    t.same(added({ remote: '10.1.2.3' }, host, { trusted: PROXIES }), forwardedLines('10.1.2.3', host))
})

t.test('an empty field of a trusted proxy says nothing', async (t) => {
  const lines = ['For', 'Proto', 'Port', 'Host'].map((name) => `X-Forwarded-${name}:`)
  const from = { remote: '10.1.2.3', lines: [...lines, 'Forwarded:'] }
  for (const host of ['a.test', undefined])
    t.same(added(from, host, { trusted: PROXIES, forwarded: true }), [
      ...forwardedLines('10.1.2.3', host),
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
