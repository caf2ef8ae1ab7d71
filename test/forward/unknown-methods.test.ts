import { type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { LogFile } from '../support/access-log.js'
import { type Http2Backend, http2Backend } from '../support/http2-backend.js'
import { Http2Client } from '../support/http2-client.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const request = (line: string, ...fields: string[]) => [line, 'Host: x', ...fields, '', ''].join('\r\n')
const codeOf = ({ body }: Message) => JSON.parse(`${body}`).code

/** Sends parts one after another, each to be read by itself. */
async function sendParts(balancer: Balancer, client: RawClient, parts: readonly string[]): Promise<void> {
  const [server] = balancer.connections
  let sent = server!.bytesRead
  for (const part of parts) {
    client.send(part)
    sent += part.length
    await eventually(() => server!.bytesRead >= sent || server!.destroyed || client.received.length > 0)
    await sleep(2)
  }
}

test('a method that is a token and not known is answered 501', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, ...balancer } = await startBalancer(t, [backend])
  const methods = [
    ...[
      'BAN',
      'FOOBAR',
      'get',
      'Get',
      'GETX',
      'GE',
      'G',
      '0',
      "!#$%&'*+-.^_`|~",
      'PRIX',
      'PRI',
      'x'.repeat(5000)
    ],
    // Of RTSP and of others, which Node's parser knows.
    ...['DESCRIBE', 'PLAY', 'SET_PARAMETER', 'FLUSH', 'BINDER', 'M-SEARCHER']
  ]
  for (const method of methods) {
    for (const target of ['/', '*', 'http://x/', `/${'p'.repeat(9000)}`, '/__lb/stats']) {
      const client = await RawClient.open(t, port)
      client.send(
        `${request(`${method} ${target} HTTP/1.1`, 'Content-Length: 3')}abc${request('GET / HTTP/1.1')}`
      )
      const answer = await client.response()
      t.equal(statusOf(answer), 501, `${method.slice(0, 20)} ${target.slice(0, 20)}`)
      t.equal(codeOf(answer), 'LB_UNKNOWN_METHOD')
      t.equal(fieldValue(answer.fields, 'connection'), 'close')
      client.socket.end()
      await client.untilClosed(5000)
      t.equal(client.received.length, 0, 'one answer, and no more')
    }
  }
  t.equal(statusOf(await exchange(t, port, request('BAN / HTTP/1.0'))), 501, 'of HTTP/1.0')
  t.equal(backend.requests.length, 0)
  t.equal(balancer.stats().requests.rejected.badRequest, 5 * methods.length + 1)
})

test('so it is wherever its line is cut', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend])
  for (const method of ['BAN', 'GETS', 'PLAY']) {
    const line = `${method} /path HTTP/1.1\r\n`
    for (let at = 1; at < line.length; at++) {
      const client = await RawClient.open(t, balancer.port)
      await eventually(() => balancer.connections.size === 1)
      await sendParts(balancer, client, [line.slice(0, at), `${line.slice(at)}Host: x\r\n\r\n`])
      t.equal(statusOf(await client.response()), 501, `${method} cut at ${at}`)
      client.abort()
      await eventually(() => balancer.connections.size === 0)
    }
    const client = await RawClient.open(t, balancer.port)
    await eventually(() => balancer.connections.size === 1)
    await sendParts(balancer, client, [...request(line.slice(0, -2))])
    t.equal(statusOf(await client.response()), 501, `${method} in single bytes`)
    client.abort()
    await eventually(() => balancer.connections.size === 0)
  }
})

test('what is no request line is answered 400, cut or not', async (t) => {
  const backend = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [backend])
  const lines = [
    ...[
      'BAN',
      'BAN /',
      'BAN  / HTTP/1.1',
      'BAN / HTTP/1.1 ',
      'BAN / http/1.1',
      'BAN / HTTPS/1.1',
      'BAN / HTTP/1.x'
    ],
    ...[
      'BAN\t/ HTTP/1.1',
      'B@N / HTTP/1.1',
      '"BAN" / HTTP/1.1',
      'BAN /a b HTTP/1.1',
      'BAN / HTTP/1.1\r',
      'BAN / HTTP/1.10'
    ],
    ...[
      'BAN /\x01 HTTP/1.1',
      'BAN /\xe9 HTTP/1.1',
      'Host: x',
      'HTTP/1.1 200 OK',
      '\x16\x03\x01\x02\x00',
      'DESCRIBE / HTTP/1.1x'
    ]
  ]
  for (const line of lines) {
    for (const parts of [[`${line}\r\n\r\n`], [line.slice(0, 3), `${line.slice(3)}\r\n\r\n`]]) {
      const client = await RawClient.open(t, balancer.port)
      await eventually(() => balancer.connections.size === 1)
      await sendParts(balancer, client, parts)
      t.equal(statusOf(await client.response()), 400, JSON.stringify(parts))
      await client.untilClosed()
      await eventually(() => balancer.connections.size === 0)
    }
  }
  t.equal(backend.requests.length, 0)
})

test('a line that does not end is waited for as long as any head, and up to its size', async (t) => {
  const balancer = await startBalancer(t, '127.0.0.1:9', {
    LB_REQUEST_HEAD_TIMEOUT: '1',
    LB_MAX_HEADER_SIZE: '4096'
  })
  const slow = await RawClient.open(t, balancer.port)
  slow.send('BAN /')
  t.equal(statusOf(await slow.response()), 408)
  const large = await RawClient.open(t, balancer.port)
  await eventually(() => balancer.connections.size === 1)
  await sendParts(balancer, large, ['BAN /', ...Array.from({ length: 10 }, () => 'x'.repeat(1000))])
  t.ok([400, 431].includes(statusOf(await large.response())))
  await large.untilClosed()
})

test('behind other requests it is answered in its turn', async (t) => {
  let answer = () => {}
  const backend = await scripted(t, (_request, socket) => {
    answer = () => socket.write(OK)
  })
  const balancer = await startBalancer(t, [backend])
  for (const first of [
    request('GET /1 HTTP/1.1'),
    `${request('POST /1 HTTP/1.1', 'Content-Length: 3')}abc`
  ]) {
    for (const parts of [
      [`${first}${request('BAN / HTTP/1.1')}`],
      [`${first}B`, 'A', 'N / HTTP/1', request('.1')]
    ]) {
      answer = () => {}
      const before = backend.requests.length
      const client = await RawClient.open(t, balancer.port)
      await eventually(() => balancer.connections.size === 1)
      await sendParts(balancer, client, parts)
      client.send(request('GET /behind HTTP/1.1'))
      await eventually(() => backend.requests.length === before + 1)
      await sleep(20)
      t.equal(client.received.length, 0)
      answer()
      t.equal(statusOf(await client.response()), 200)
      t.equal(codeOf(await client.response()), 'LB_UNKNOWN_METHOD')
      client.socket.end()
      await client.untilClosed()
      t.equal(client.received.length, 0)
      t.equal(backend.requests.length, before + 1, 'nothing behind it is read')
      await eventually(() => balancer.connections.size === 0)
    }
  }
})

test('a client that is still sending its body gets the answer', async (t) => {
  const balancer = await startBalancer(t, '127.0.0.1:9')
  for (let i = 0; i < 5; i++) {
    const client = await RawClient.open(t, balancer.port)
    client.send(request('BAN / HTTP/1.1', 'Content-Length: 8000000'))
    for (let part = 0; part < 100; part++) client.send(Buffer.alloc(40_000))
    t.equal(statusOf(await client.response()), 501)
    client.socket.end()
    await client.untilClosed(5000)
    t.notOk(client.broken)
  }
})

test('it has a line in the access log', async (t) => {
  const log = new LogFile(t)
  const balancer = await startBalancer(t, '127.0.0.1:9', {
    LB_ACCESS_LOG: 'all',
    LB_ACCESS_LOG_FILE: log.file
  })
  await exchange(t, balancer.port, request('BAN /secret?a=1 HTTP/1.1'))
  await exchange(t, balancer.port, request(`${'x'.repeat(2000)} / HTTP/1.0`))
  t.match(await log.entries(2), [
    {
      method: 'BAN',
      target: '/secret?a=1',
      version: '1.1',
      status: 501,
      code: 'LB_UNKNOWN_METHOD',
      backend: null
    },
    { method: 'x'.repeat(64), target: '/', version: '1.0', status: 501 }
  ])
})

test('methods that are listed pass by HTTP/2, whatever the backend speaks', async (t) => {
  const one = await scripted(t, answering(OK))
  const two = await http2Backend(t, async ({ stream }) => {
    for await (const _part of stream);
    stream.respond({ ':status': 200 })
    stream.end('ok')
  })
  for (const backend of [one, two]) {
    const log = new LogFile(t)
    const balancer = await startBalancer(t, [backend], {
      LB_H2C: 'true',
      LB_METHODS: 'BAN, FOO-BAR',
      LB_ACCESS_LOG: 'all',
      LB_ACCESS_LOG_FILE: log.file
    })
    const client = await Http2Client.open(t, balancer.port)
    const large = Buffer.alloc(300_000, 'b')
    for (const [method, body] of [
      ['BAN', undefined],
      ['FOO-BAR', large]
    ] as const) {
      const answer = await client.ask({ ':method': method, ':path': '/x' }, body)
      t.match(answer, { status: 200, body: 'ok' }, method)
    }
    for (const method of ['FOO', 'ban', 'CONNECT'])
      t.match(
        await client.ask({
          ':method': method,
          ...(method === 'CONNECT' ? { ':authority': 'a.test:443' } : { ':path': '/x' })
        }),
        { status: 501, body: /LB_UNKNOWN_METHOD/ },
        method
      )
    t.match(await client.ask({ ':method': 'BAN', ':path': '/__lb/stats' }), { status: 501 }, 'not here')
    const { headers } = await client.ask({ ':method': 'OPTIONS', ':path': '/', 'max-forwards': '0' })
    t.match(headers.allow, /, BAN, FOO-BAR$/)
    const options = await exchange(t, balancer.port, request('OPTIONS / HTTP/1.1', 'Max-Forwards: 0'))
    t.notMatch(fieldValue(options.fields, 'allow'), 'BAN')
    const refused = await exchange(t, balancer.port, request('BAN / HTTP/1.1'))
    t.equal(statusOf(refused), 501)
    t.match(`${refused.body}`, /LB_UNKNOWN_METHOD.*over HTTP\/2 alone/)
    t.match(await log.entries(2), [
      { method: 'BAN', status: 200 },
      { method: 'FOO-BAR', bytesIn: large.length }
    ])
  }
  t.same(
    one.requests.map(({ startLine }) => startLine),
    ['BAN /x HTTP/1.1', 'FOO-BAR /x HTTP/1.1']
  )
  t.equal(one.requests[1]!.body.length, 300_000)
  t.same(
    (two as Http2Backend).requests.map(({ headers }) => headers[':method']),
    ['BAN', 'FOO-BAR']
  )
})

test('they are not sent twice where that might do harm', async (t) => {
  const lost = await scripted(t, (_request, socket) => socket.resetAndDestroy())
  const balancer = await startBalancer(
    t,
    [lost, await scripted(t, (_request, socket) => socket.resetAndDestroy())],
    {
      LB_H2C: 'true',
      LB_METHODS: 'BAN'
    }
  )
  const client = await Http2Client.open(t, balancer.port)
  t.match(await client.ask({ ':method': 'BAN', ':path': '/' }), { status: 502 })
  const { backends } = balancer.stats()
  t.equal(backends[0]!.total + backends[1]!.total, 1)
})

test('the pages that have a port of their own answer so too', async (t) => {
  const balancer = await startBalancer(t, '127.0.0.1:9', { LB_ADMIN_PORT: '0' })
  for (const [sent, status] of [
    [request('BAN /__lb/stats HTTP/1.1'), 501],
    [request('BAN /__lb/stats'), 400],
    [request('GET /__lb/live HTTP/1.1'), 200]
  ] as const)
    t.equal(statusOf(await exchange(t, balancer.adminPort, sent)), status)
})

test('behind a header of the PROXY protocol it is the same', async (t) => {
  const env = { LB_PROXY_PROTOCOL: 'true', LB_TRUSTED_PROXIES: '127.0.0.1' }
  const balancer = await startBalancer(t, '127.0.0.1:9', env)
  const header = 'PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n'
  for (const parts of [[header + request('BAN / HTTP/1.1')], [`${header}B`, 'AN /', request(' HTTP/1.1')]]) {
    const client = await RawClient.open(t, balancer.port)
    await eventually(() => balancer.connections.size === 1)
    await sendParts(balancer, client, parts)
    t.equal(codeOf(await client.response()), 'LB_UNKNOWN_METHOD')
    client.abort()
    await eventually(() => balancer.connections.size === 0)
  }
  // Its look at itself would come without a header.
  await balancer.fastify.close()
})
