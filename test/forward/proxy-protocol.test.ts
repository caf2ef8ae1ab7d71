import { connect } from 'node:net'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { Http2Client } from '../support/http2-client.js'
import { answering, OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { echo, switching, upgrade } from '../support/tunnel.js'
import { fieldValue, statusOf } from '../support/wire.js'

const get = (path = '/', ...fields: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')
const v1 = (address: string) => `PROXY TCP4 ${address} 10.0.0.1 49153 443\r\n`
const V6 = 'PROXY TCP6 2001:db8::9 ::1 49153 443\r\n'
const v2 = (address: string, rest = '') =>
  Buffer.concat([
    Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0', 'latin1'),
    Buffer.from([12 + rest.length, ...address.split('.').map(Number), 10, 0, 0, 1, 0xc0, 1, 1, 0xbb]),
    Buffer.from(rest, 'latin1')
  ]).toString('latin1')
const UNSPECIFIED = Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\0\0\0', 'latin1').toString('latin1')
const LOCAL = Buffer.from('\r\n\r\n\0\r\nQUIT\n\x20\0\0\0', 'latin1').toString('latin1')

/** A balancer before which 127.0.0.1 is a proxy; its own look at itself at the end comes from there too. */
async function behind(t: Test, backend: RawBackend, env: Record<string, string> = {}): Promise<Balancer> {
  const balancer = await startBalancer(t, [backend], {
    LB_PROXY_PROTOCOL: 'true',
    LB_TRUSTED_PROXIES: '127.0.0.1',
    ...env
  })
  atEnd(t, async () => {
    await eventually(() => balancer.stats().requests.inFlight === 0)
    t.equal(statusOf(await exchange(t, balancer.port, LOCAL + get('/__lb/live'))), 200)
    await balancer.fastify.close()
  })
  return balancer
}

test('the address of the client is what the header says', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await behind(t, backend, { LB_FORWARDED: 'true' })
  for (const [name, header, address, localPort] of [
    ['version 1', v1('203.0.113.9'), '203.0.113.9', '443'],
    ['version 1, IPv6', V6, '2001:db8::9', '443'],
    ['version 2', v2('203.0.113.8'), '203.0.113.8', '443'],
    ['version 2 with more in it', v2('203.0.113.8', '\xea\0\x04GET '), '203.0.113.8', '443'],
    ['nothing', 'PROXY UNKNOWN\r\n', '127.0.0.1', `${port}`],
    ['nothing, in version 2', UNSPECIFIED, '127.0.0.1', `${port}`],
    ['that the proxy asks for itself', LOCAL, '127.0.0.1', `${port}`]
  ] as const) {
    const client = await RawClient.open(t, port)
    client.send(header + get('/1', 'X-Forwarded-For: 6.6.6.6'))
    t.equal(statusOf(await client.response()), 200, name)
    client.send(get('/2') + get('/3'))
    for (let i = 0; i < 2; i++) t.equal(statusOf(await client.response()), 200)
    const [first, ...later] = backend.requests.splice(0)
    for (const { fields } of later) {
      t.equal(fieldValue(fields, 'x-forwarded-for'), address)
      t.equal(fieldValue(fields, 'x-forwarded-port'), localPort)
      t.match(fieldValue(fields, 'forwarded'), address)
    }
    // What the proxy asks for itself is believed, and nothing of a client that it does not know.
    const isOfProxy = header === LOCAL
    t.equal(fieldValue(first!.fields, 'x-forwarded-for'), isOfProxy ? `6.6.6.6, ${address}` : address)
    t.equal(later.length, 2)
  }
})

test('it may come in parts, alone or with what is behind it', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await behind(t, backend)
  const body = 'b'.repeat(300_000)
  const sent = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`
  for (const header of [v1('203.0.113.9'), v2('203.0.113.9', '\xea\0\x02xx')]) {
    for (const places of [
      [1],
      [6],
      [13],
      [17],
      [header.length - 1],
      [header.length],
      [header.length + 5],
      [...header].map((_, i) => i)
    ]) {
      const client = await RawClient.open(t, port)
      let at = 0
      for (const place of [...places, header.length + sent.length]) {
        client.send((header + sent).slice(at, place))
        at = place
        await sleep(2)
      }
      client.send(body + get('/next'))
      for (let i = 0; i < 2; i++) t.equal(statusOf(await client.response()), 200)
      const requests = backend.requests.splice(0)
      const [next, upload] = requests.sort((a, b) => a.body.length - b.body.length)
      t.ok(upload!.body.equals(Buffer.from(body)), `cut at ${places.slice(0, 3)}`)
      t.equal(fieldValue(next!.fields, 'x-forwarded-for'), '203.0.113.9')
    }
  }
})

test('an upgrade behind it is one, with what is behind that', async (t) => {
  const backend = await switching(t, echo)
  const { port } = await behind(t, backend)
  const client = await RawClient.open(t, port)
  client.send(`${v1('203.0.113.9')}${upgrade()}early`)
  t.equal(statusOf(await client.response()), 101)
  await client.until((text) => text === 'early')
  client.send(' and late')
  await client.until((text) => text === 'early and late')
  t.equal(fieldValue(backend.requests[0]!.fields, 'x-forwarded-for'), '203.0.113.9')
  client.socket.end()
  await client.untilClosed()
})

test('a trusted proxy that does not begin with it is closed unanswered, and counted', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await behind(t, backend, { LB_REQUEST_HEAD_TIMEOUT: '1' })
  const cases = [
    ['a request', get('/__lb/live')],
    ['a broken header', `PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n${get()}`],
    ['a request before it', get() + v1('203.0.113.9')],
    ['a part of it', v1('203.0.113.9').slice(0, -1)],
    ['nothing', '']
  ] as const
  await Promise.all(
    cases.map(async ([name, sent]) => {
      const client = await RawClient.open(t, port)
      client.send(sent)
      await t.resolves(client.untilClosed(), name)
      t.equal(client.received.length, 0)
    })
  )
  t.same(stats().connections.dropped, cases.length)
  t.equal(backend.connections, 0)
  const twice = await RawClient.open(t, port)
  twice.send(v1('203.0.113.9') + v1('203.0.113.9') + get())
  t.equal(statusOf(await twice.response()), 400, 'a second header is no request')
  t.equal(backend.connections, 0)
})

test('a proxy that only looks whether the port is open leaves nothing behind', async (t) => {
  const { port, stats } = await behind(t, await scripted(t, answering(OK)))
  for (const leave of ['resetAndDestroy', 'end', 'destroy'] as const) {
    const client = await RawClient.open(t, port)
    client.socket[leave]()
    await t.resolves(
      eventually(() => stats().connections.open === 0),
      leave
    )
  }
  const client = await RawClient.open(t, port)
  client.send('PROXY ')
  await sleep(20)
  client.socket.end()
  await t.resolves(
    eventually(() => stats().connections.open === 0),
    'amid the header'
  )
})

test('from others it is no request', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await behind(t, backend)
  for (const [sent, status] of [
    [v1('127.0.0.1') + get('/__lb/stats'), 400],
    [v2('127.0.0.1') + get('/__lb/stats'), 400],
    [get(), 200]
  ] as const) {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    atEnd(t, () => socket.destroy())
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes
    })
    socket.on('error', () => {})
    socket.write(Buffer.from(sent, 'latin1'))
    await eventually(() => text !== '')
    t.equal(Number(text.split(' ')[1]), status)
    socket.destroy()
  }
  t.equal(fieldValue(backend.requests[0]!.fields, 'x-forwarded-for'), '127.0.0.2')
})

test('who may see the statistics, and how many connections one may have, goes by it', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await behind(t, backend, {
    LB_ADMIN_ALLOW: '10.0.0.0/8 2001:db8::/32',
    LB_MAX_SOCKETS_PER_CLIENT: '2'
  })
  for (const [header, status] of [
    [v1('10.1.2.3'), 200],
    [v2('10.1.2.3'), 200],
    [v1('203.0.113.9'), 404],
    [v1('127.0.0.1'), 404],
    [V6, 200],
    ['PROXY TCP6 ::ffff:10.1.2.3 ::1 1 2\r\n', 200],
    [LOCAL, 404],
    ['PROXY UNKNOWN\r\n', 404]
  ] as const)
    t.equal(statusOf(await exchange(t, port, header + get('/__lb/stats'))), status, JSON.stringify(header))
  await eventually(() => stats().connections.open === 0)
  const statuses: (number | undefined)[] = []
  for (const address of ['10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.2']) {
    const client = await RawClient.open(t, port)
    client.send(v1(address) + get())
    statuses.push(await client.response().then(statusOf, () => undefined))
  }
  t.same(statuses, [200, 200, undefined, 200])
  t.equal(stats().connections.dropped, 1)
})

test('who connects through a proxy that does not know them is not taken for the proxy', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await behind(t, backend, { LB_DENY: '127.0.0.1', LB_H2C: 'true' })
  const statusFor = async (header: string, path: string) =>
    statusOf(await exchange(t, port, header + get(path, 'X-Forwarded-For: 203.0.113.9')))
  for (const unknown of ['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN 127.0.0.1 127.0.0.1 1 2\r\n', UNSPECIFIED]) {
    t.equal(await statusFor(unknown, '/__lb/stats'), 404, 'the pages are for those who are known')
    t.equal(await statusFor(unknown, '/'), 403, 'the last address that is known is that of the proxy')
    const client = await Http2Client.open(t, port, unknown)
    t.equal((await client.get('/__lb/stats')).status, 404)
  }
  t.equal(await statusFor(LOCAL, '/__lb/stats'), 200)
  t.equal(await statusFor(LOCAL, '/'), 200)
})

test('HTTP/2 may follow the header', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await behind(t, backend, { LB_H2C: 'true' })
  const client = await Http2Client.open(t, port, v1('203.0.113.9'))
  t.equal((await client.get('/')).status, 200)
  t.match(Object.fromEntries(backend.requests[0]!.fields), { 'X-Forwarded-For': '203.0.113.9' })
  t.equal((await client.get('/__lb/stats')).status, 404, 'the page is for those who really are here')
  const old = await RawClient.open(t, port)
  old.send(v1('203.0.113.9') + get())
  t.equal(statusOf(await old.response()), 200)
})

const tlv = (type: number, value: string) =>
  `${String.fromCharCode(type, value.length >> 8, value.length & 255)}${value}`
const ssl = (flags: number, verify: number, ...subs: string[]) =>
  tlv(0x20, `${String.fromCharCode(flags)}\0\0\0${String.fromCharCode(verify)}${subs.join('')}`)
const NAMED = ssl(7, 0, tlv(0x21, 'TLSv1.3'), tlv(0x22, 'j\xc3\xb6rg'))

test('a client that speaks TLS to the proxy is one of https, with the name in its certificate', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await behind(t, backend, {
    LB_HSTS: '60',
    LB_STICKY_COOKIE: 's',
    LB_STICKY_SECRET: 'secret-of-a-fair-length',
    LB_FORWARDED: 'true'
  })
  for (const [name, header, scheme, client] of [
    ['TLS with a name', v2('203.0.113.9', NAMED), 'https', 'j\xc3\xb6rg'],
    ['TLS', v2('203.0.113.9', ssl(1, 1, tlv(0x21, 'TLSv1.2'))), 'https', undefined],
    ['a name that was not verified', v2('203.0.113.9', ssl(3, 18, tlv(0x22, 'x'))), 'https', undefined],
    [
      'a name that would be more than one field',
      v2('203.0.113.9', ssl(3, 0, tlv(0x22, 'x\r\nA: b'))),
      'https',
      undefined
    ],
    ['no TLS', v2('203.0.113.9', ssl(0, 1)), 'http', undefined],
    ['nothing of it', v2('203.0.113.9'), 'http', undefined]
  ] as const) {
    const socket = await RawClient.open(t, port)
    socket.send(
      header + get('/', 'X-Forwarded-Proto: https', 'X-SSL-Client-CN: forged', 'x-ssl-client-cn: again')
    )
    const response = await socket.response()
    t.equal(statusOf(response), 200, name)
    const isSecure = scheme === 'https'
    t.equal(fieldValue(response.fields, 'strict-transport-security'), isSecure ? 'max-age=60' : undefined)
    t.equal(/; Secure/.test(fieldValue(response.fields, 'set-cookie') ?? ''), isSecure)
    const { fields } = backend.requests.pop()!
    t.equal(fieldValue(fields, 'x-forwarded-proto'), scheme)
    t.match(fieldValue(fields, 'forwarded'), `proto=${scheme}`)
    t.equal(fieldValue(fields, 'x-ssl-client-cn'), client)
    t.notOk(fields.some(([, value]) => value === 'b'))
    socket.socket.destroy()
  }
  // The page of statistics says so as well.
  await eventually(() => stats().connections.open === 0)
})

test('a header that is wrong closes the connection, is counted, and told of once with the reason', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats, fastify } = await behind(t, backend, { LB_REQUEST_HEAD_TIMEOUT: '1' })
  const lines: string[] = []
  fastify.log.warn = ((line: string) => lines.push(line)) as typeof fastify.log.warn
  const wrong = [
    v2('203.0.113.9', tlv(3, 'abcd')),
    v2('203.0.113.9', tlv(3, 'abcd')),
    v2('203.0.113.9', '\x02\0\x09x'),
    get()
  ]
  for (const sent of wrong) {
    const client = await RawClient.open(t, port)
    client.send(sent + get())
    await client.untilClosed()
    t.equal(client.received.length, 0)
  }
  const { dropped, proxyHeadersRefused } = stats().connections
  t.same([dropped, proxyHeadersRefused], [wrong.length, wrong.length])
  t.equal(backend.connections, 0)
  t.same(
    lines.map((line) => /from (\S+) was closed: its header of the PROXY protocol (.+)/.exec(line)?.slice(1)),
    [
      ['127.0.0.1', 'has a wrong checksum'],
      ['127.0.0.1', 'has a TLV that is longer than the header'],
      ['127.0.0.1', 'is missing']
    ]
  )
})

test('a proxy that has agreed on HTTP/2 with a client may speak either of the two', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await behind(t, backend)
  const agreed = v2('203.0.113.9', tlv(1, 'h2') + NAMED)
  const client = await Http2Client.open(t, port, agreed)
  t.equal((await client.get('/')).status, 200)
  t.match(Object.fromEntries(backend.requests[0]!.fields), {
    'X-Forwarded-For': '203.0.113.9',
    'X-Forwarded-Proto': 'https'
  })
  const old = await RawClient.open(t, port)
  old.send(agreed + get())
  t.equal(statusOf(await old.response()), 200, 'HTTP/1.1')
  const other = await RawClient.open(t, port)
  other.send(`${v2('203.0.113.9', tlv(1, 'http/1.1'))}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`)
  t.not(statusOf(await other.response()), 200, 'HTTP/2 that was not agreed on is none')
})
