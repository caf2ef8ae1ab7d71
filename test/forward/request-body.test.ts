import { gzipSync } from 'node:zlib'
import { startBalancer, test } from '../helper.js'
import { answering, OK, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValues, statusOf } from '../support/wire.js'

// Request body

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i))

const BODIES: [contentType: string, body: Buffer][] = [
  ['application/json', Buffer.from('{ "a": 1.0, "b":2,}')],
  ['application/json; charset=latin1', Buffer.from('{"caf\u00e9":1}', 'latin1')],
  ['application/json', Buffer.from('{"__proto__":{"x":1}}')],
  ['no such type at all;;=', everyByte],
  ['', everyByte],
  [
    'multipart/form-data; boundary=b',
    Buffer.from('--b\r\nContent-Disposition: form-data; name=x\r\n\r\ny\r\n--b--\r\n')
  ],
  ['application/x-www-form-urlencoded', Buffer.from('a=%zz&b&=c')],
  ['application/gzip', gzipSync('hello')],
  ['text/plain', Buffer.alloc(200_000, everyByte)]
]

const head = (method: string, fields: string[]) =>
  [`${method} /body HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

test('a body of declared length arrives byte for byte, its length declared', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const [type, body] of BODIES) {
    const bytes = head('POST', [`Content-Type: ${type}`, `Content-Length: ${body.length}`])
    t.equal(statusOf(await exchange(t, port, Buffer.concat([Buffer.from(bytes), body]))), 200, type)
    const request = backend.requests.at(-1)!
    t.equal(request.framing, 'length')
    t.ok(request.body.equals(body))
    t.same(fieldValues(request.fields, 'content-type'), [type])
    t.same(fieldValues(request.fields, 'content-length'), [`${body.length}`])
    t.same(fieldValues(request.fields, 'transfer-encoding'), [])
  }
  t.equal(backend.requests.length, BODIES.length)
})

test('a chunked body arrives byte for byte, chunked', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const [type, body] of BODIES) {
    const half = body.length >> 1
    const chunks = [body.subarray(0, half), body.subarray(half), Buffer.alloc(0)]
    const parts = chunks.map((chunk) =>
      Buffer.concat([Buffer.from(`${chunk.length.toString(16)};ext=1\r\n`), chunk, Buffer.from('\r\n')])
    )
    const bytes = Buffer.from(head('PUT', [`Content-Type: ${type}`, 'Transfer-Encoding: chunked']))
    t.equal(statusOf(await exchange(t, port, Buffer.concat([bytes, ...parts]))), 200, type)
    const request = backend.requests.at(-1)!
    t.equal(request.framing, 'chunked')
    t.ok(request.body.equals(body))
    t.same(fieldValues(request.fields, 'content-length'), [])
  }
})

test('a body goes with every method that has one', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const method of ['GET', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND', 'POST', 'TRACE']) {
    for (const [fields, bytes] of [
      [['Content-Length: 5'], 'hello'],
      [['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n']
    ] as const) {
      const client = await RawClient.open(t, port)
      client.send(head(method, [...fields]) + bytes)
      t.equal(statusOf(await client.response()), 200, `${method} ${fields}`)
      t.equal(backend.requests.at(-1)!.body.toString(), 'hello')
      client.send(head('GET', []))
      t.equal(statusOf(await client.response()), 200, 'the connection goes on')
    }
  }
  t.ok(backend.connections <= 2, `no connection is lost to a body: ${backend.connections}`)
})

test('an empty body stays empty, in the form that it came in', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const forms = [
    ['POST', 'Content-Length: 0', '', 'length'],
    ['POST', 'X: y', '', 'none'],
    ['POST', 'Transfer-Encoding: chunked', '0\r\n\r\n', 'chunked'],
    ['DELETE', 'Content-Length: 0', '', 'length'],
    ['DELETE', 'X: y', '', 'none'],
    ['GET', 'Content-Length: 0', '', 'length'],
    ['GET', 'Transfer-Encoding: chunked', '0\r\n\r\n', 'chunked']
  ] as const
  const client = await RawClient.open(t, port)
  for (const [method, field, bytes, framing] of forms) {
    client.send(head(method, [field]) + bytes)
    t.equal(statusOf(await client.response()), 200)
    const request = backend.requests.at(-1)!
    t.equal(request.framing, framing, `${method} ${field}`)
    t.equal(request.body.length, 0)
  }
  t.equal(backend.requests.length, forms.length)
})

test('a client that waits for 100 Continue gets that of the backend, and its body arrives', async (t) => {
  const backend = await serving(t, (socket) => {
    let received = ''
    socket.on('data', (bytes) => {
      received += bytes
      if (received.endsWith('hello')) socket.write(OK)
      else if (received.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      t.match(received, /\r\nExpect: 100-continue\r\n/)
    })
  })
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  client.send(head('POST', ['Expect: 100-continue', 'Content-Length: 5']))
  t.equal(statusOf(await client.next()), 100)
  client.send('hello')
  t.equal(statusOf(await client.next()), 200)
})

test('an ambiguous message is refused, and nothing of it reaches a backend', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
  const ambiguous = [
    [['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`],
    [['Content-Length: 5', 'Content-Length: 6'], `hello${smuggled}`],
    [['Content-Length: +5'], `hello${smuggled}`],
    [['Content-Length: 5, 5'], `hello${smuggled}`],
    [['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${smuggled}`],
    [['Transfer-Encoding: gzip, chunked'], `0\r\n\r\n${smuggled}`],
    [['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`],
    [['Transfer-Encoding: '], `0\r\n\r\n${smuggled}`],
    [['Transfer-Encoding: xchunked'], `0\r\n\r\n${smuggled}`],
    [['Transfer-Encoding : chunked'], `0\r\n\r\n${smuggled}`],
    [['X: a\nTransfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`],
    [['X: a\r\n folded'], smuggled]
  ] as const
  for (const [fields, bytes] of ambiguous) {
    t.equal(statusOf(await exchange(t, port, head('POST', [...fields]) + bytes)), 400, `${fields}`)
  }
  t.equal(backend.requests.length, 0)
})

// Pipelined upgrade

const UPGRADE = 'GET /tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const CONNECT = 'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n'
const LARGE = Buffer.alloc(5_000_000, 'x')

for (const [name, request, status] of [
  ['a change of protocol', UPGRADE, 101],
  ['CONNECT', CONNECT, 501]
] as const) {
  test(`${name} behind other requests waits for their answers, which are not held up`, async (t) => {
    const backend = await scripted(t, ({ startLine }, socket) => {
      if (startLine.includes('/tunnel')) {
        socket.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
        return
      }
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n`)
      setTimeout(() => socket.write(LARGE), 20)
    })
    const { port } = await startBalancer(t, [backend])
    const client = await RawClient.open(t, port)
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    client.send(get('/1') + get('/2') + request)
    for (let i = 0; i < 2; i++) t.equal((await client.response()).body.length, LARGE.length)
    t.equal(statusOf(await client.response()), status)
  })
}

test('one that comes behind the last request of a connection is ignored', async (t) => {
  const backend = await scripted(t, (_request, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  )
  const { port } = await startBalancer(t, [backend])
  for (const request of [UPGRADE, CONNECT]) {
    const client = await RawClient.open(t, port)
    client.send(`GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n${request}`)
    t.equal(statusOf(await client.response()), 400)
    await client.untilClosed()
    t.equal(client.received.length, 0)
  }
  t.equal(backend.requests.length, 0)
})
