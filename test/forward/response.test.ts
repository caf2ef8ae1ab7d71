import type { Test } from 'tap'
import { eventually, sleep, startBalancer, test } from '../helper.js'
import { scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { type Field, fieldValues, type Message, statusOf } from '../support/wire.js'

// Response

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** Puts a balancer before a backend that sends `bytes`, and gives what a client gets. */
async function through(t: Test, bytes: string, request = GET, head = false): Promise<Message> {
  const backend = await scripted(t, (_request, socket) => socket.write(Buffer.from(bytes, 'latin1')))
  const { port } = await startBalancer(t, [backend])
  return exchange(t, port, request, { head })
}

const isAdded = ([name]: Field) => /^(connection|keep-alive|date|transfer-encoding)$/i.test(name)

test('fields come back with their order, case, duplicates and bytes', async (t) => {
  const sent: Field[] = [
    ['Set-Cookie', 'a=1; Path=/'],
    ['sERVER', 'nginx'],
    ['set-cookie', 'b=2, c; Expires=Wed, 21 Oct 2026 07:28:00 GMT'],
    ['Content-Type', 'application/json; no such'],
    ['X-Twice', '1'],
    ['Content-Length', '5'],
    ['X-Latin', 'caf\u00e9 \u00ff\u0080'],
    ['X-Empty', ''],
    ['X-Twice', '1'],
    ['Set-Cookie', 'a=1; Path=/'],
    ['Content-Encoding', 'gzip'],
    ['WWW-Authenticate', 'Negotiate'],
    ['Via', '1.1 other'],
    ['Proxy-Authenticate', 'Basic'],
    ['__proto__', 'x']
  ]
  const lines = sent.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const response = await through(t, `HTTP/1.1 200 OK\r\n${lines}\r\n{"a":`)
  t.same(
    response.fields.filter((field) => !isAdded(field)),
    sent
  )
  t.equal(response.body.toString(), '{"a":')
})

test('fields of the connection to the backend go no further', async (t) => {
  const lines = [
    'Connection: X-Named, close',
    'Keep-Alive: timeout=77',
    'X-Named: 1',
    'Proxy-Connection: close',
    'TE: x',
    'Upgrade: h2c',
    'connection: x-also',
    'X-Also: 1',
    'Keep: this',
    'Content-Length: 0'
  ]
  const response = await through(t, `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`)
  t.same(
    response.fields.filter((field) => !isAdded(field)),
    [
      ['Keep', 'this'],
      ['Content-Length', '0']
    ]
  )
  t.same(fieldValues(response.fields, 'connection'), ['keep-alive'], 'the one of this connection')
  t.notMatch(fieldValues(response.fields, 'keep-alive'), [/77/])
})

test('status and reason come back as they are', async (t) => {
  const script = [
    '200 OK',
    '200 Fine by me',
    '299 Odd',
    '299 ',
    '304 Same',
    '418 Teapot',
    '499 Gone away',
    '503 Busy',
    '599 caf\u00c3\u00a9',
    '200 caf\u00e9',
    '999 x'
  ]
  let line = ''
  const backend = await scripted(t, (_request, socket) => {
    socket.write(Buffer.from(`HTTP/1.1 ${line}\r\nContent-Length: 0\r\n\r\n`, 'latin1'))
  })
  const { port } = await startBalancer(t, [backend])
  for (line of script) t.equal((await exchange(t, port, GET)).startLine, `HTTP/1.1 ${line}`)
  t.equal(backend.requests.length, script.length, 'no status makes it try again')
})

test('204, 304 and HEAD have no body, and keep the length that they tell of', async (t) => {
  const bodiless = [
    ['GET', '304 Not Modified', ['1234']],
    ['HEAD', '200 OK', ['1234']],
    ['HEAD', '404 Not Found', ['0']],
    ['HEAD', '200 OK', []],
    ['GET', '204 No Content', []],
    ['GET', '304 Not Modified', []]
  ] as const
  let answer = ''
  const backend = await scripted(t, (_request, socket) => socket.write(answer))
  const { port, stats } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  for (const [method, status, lengths] of bodiless) {
    answer = `HTTP/1.1 ${status}\r\n${lengths.map((length) => `Content-Length: ${length}\r\n`).join('')}ETag: "e"\r\n\r\n`
    client.send(`${method} / HTTP/1.1\r\nHost: x\r\n\r\n`)
    const response = await client.response({ head: method === 'HEAD' })
    t.equal(response.startLine, `HTTP/1.1 ${status}`)
    t.same(fieldValues(response.fields, 'content-length'), lengths, `${method} ${status}`)
    t.equal(client.received.length, 0, 'nothing follows')
  }
  t.equal(stats().backends[0]!.failed, 0, 'nobody is blamed for the lack of a body')
})

test('a body keeps its framing', async (t) => {
  const length = await through(t, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
  t.match([length.framing, length.body.toString()], ['length', 'hello'])
  const chunked = await through(
    t,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n'
  )
  t.match([chunked.framing, chunked.body.toString()], ['chunked', 'hello'])
  const empty = await through(t, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
  t.match([empty.framing, empty.body.length], ['chunked', 0])
})

test('a body arrives byte for byte, whatever its size', async (t) => {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  let size = 0
  let framing = ''
  const backend = await scripted(t, (_request, socket) => {
    const body = Buffer.alloc(size, everyByte)
    if (framing === 'length') {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      socket.write(body)
      return
    }
    const chunk = Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    socket.write(chunk)
  })
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  for (framing of ['length', 'chunked']) {
    for (size of [1, 255, 1024, 16_383, 16_384, 16_385, 32_768, 65_536, 65_537, 200_000]) {
      client.send(GET)
      const response = await client.response()
      t.equal(response.framing, framing)
      t.ok(response.body.equals(Buffer.alloc(size, everyByte)), `${size} bytes`)
      t.equal(client.received.length, 0)
    }
  }
})

test('a body that ends with the connection to the backend is whole for the client', async (t) => {
  const backend = await scripted(t, (_request, socket) => {
    socket.write('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello ')
    setTimeout(() => socket.end('world'), 20)
  })
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  for (let i = 0; i < 2; i++) {
    client.send(GET)
    const response = await client.response()
    t.equal(response.framing, 'chunked', 'the connection to the client goes on')
    t.equal(response.body.toString(), 'hello world')
  }
})

test('trailers come back', async (t) => {
  const response = await through(
    t,
    'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1f\r\nX-Latin: \u00e9\r\n\r\n'
  )
  t.same(response.trailers, [
    ['X-Sum', '1f'],
    ['X-Latin', '\u00e9']
  ])
  t.same(fieldValues(response.fields, 'trailer'), ['X-Sum'])
  t.equal(response.body.toString(), 'hello')
})

test('trailers of the connection to the backend go no further', async (t) => {
  const response = await through(
    t,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\nX-Sum: 1f\r\nConnection: close\r\n\r\n'
  )
  t.same(response.trailers, [['X-Sum', '1f']])
})

test('interim responses do not disturb the final one', async (t) => {
  const response = await through(
    t,
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
  )
  t.equal(statusOf(response), 200)
  t.equal(response.body.toString(), 'ok')
})

test('a client of HTTP/1.0 gets what it can read', async (t) => {
  const forms = [
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'length'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'close']
  ] as const
  for (const [bytes, framing] of forms) {
    const backend = await scripted(t, (_request, socket) => socket.write(bytes))
    const { port } = await startBalancer(t, [backend])
    const client = await RawClient.open(t, port)
    client.send('GET / HTTP/1.0\r\nHost: x\r\n\r\n')
    await client.untilClosed()
    const response = await client.response()
    t.match([response.framing, response.body.toString()], [framing, 'hello'])
  }
})

test('a connection is closed when the client wants it so', async (t) => {
  const backend = await scripted(t, (_request, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  )
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  t.same(fieldValues((await client.response()).fields, 'connection'), ['close'])
  await client.untilClosed()
  const old = await RawClient.open(t, port)
  old.send('GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n')
  t.same(fieldValues((await old.response()).fields, 'connection'), ['keep-alive'])
  old.send('GET / HTTP/1.0\r\nHost: x\r\n\r\n')
  await old.untilClosed()
  t.equal(backend.connections, 1, 'which is not the business of the backend')
})

// Streaming

for (const [framing, field] of [
  ['known', 'Content-Length: 10'],
  ['unknown', 'Transfer-Encoding: chunked']
] as const) {
  const part = (text: string) => (framing === 'known' ? text : `${text.length}\r\n${text}\r\n`)

  test(`a response of ${framing} length is passed on as it comes`, async (t) => {
    const backend = await scripted(t, (_request, socket) =>
      socket.write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`)
    )
    const { port } = await startBalancer(t, [backend])
    const client = await RawClient.open(t, port)
    client.send(GET)
    await client.until((text) => text.endsWith('\r\n\r\n'))
    t.match(client.received.toString(), /^HTTP\/1\.1 200 OK\r\n/, 'the head before the body')
    const [socket] = backend.sockets
    socket!.write(part('hello'))
    await client.until((text) => text.includes('hello'))
    socket!.write(part('there'))
    if (framing === 'unknown') socket!.write('0\r\n\r\n')
    t.equal((await client.response()).body.toString(), 'hellothere')
  })

  test(`a request of ${framing} length is passed on as it comes`, async (t) => {
    let received = ''
    const backend = await serving(t, (socket) =>
      socket.on('data', (bytes) => {
        received += bytes.toString()
      })
    )
    const { port } = await startBalancer(t, [backend])
    const client = await RawClient.open(t, port)
    client.send(`POST / HTTP/1.1\r\nHost: x\r\n${field}\r\n\r\n`)
    client.send(part('hello'))
    await eventually(() => received.includes('hello'))
    client.send(part('there'))
    await eventually(() => received.includes('there'))
    if (framing === 'unknown') client.send('0\r\n\r\n')
    const [socket] = backend.sockets
    if (framing === 'unknown') await eventually(() => received.endsWith('0\r\n\r\n'))
    socket!.write('HTTP/1.1 204 No Content\r\n\r\n')
    t.equal(statusOf(await client.response()), 204)
  })
}

test('both directions may run at once', async (t) => {
  const backend = await serving(t, (socket) => {
    let head = ''
    socket.on('data', (bytes) => {
      if (head.includes('\r\n\r\n')) {
        socket.write(bytes)
        return
      }
      head += bytes.toString()
      const [, body] = head.split('\r\n\r\n')
      if (body !== undefined) socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)
    })
  })
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  client.send('POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (const word of ['one', 'two', 'six']) {
    client.send(`3\r\n${word}\r\n`)
    await client.until((text) => text.includes(word))
  }
  client.send('0\r\n\r\n')
  t.equal((await client.response()).body.toString(), 'onetwosix')
})

test('an answer before the end of the request reaches the client', async (t) => {
  const backend = await serving(t, (socket) => {
    socket.once('data', () => {
      socket.pause()
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig')
    })
  })
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n')
  const chunk = Buffer.alloc(65_536)
  const upload = setInterval(() => client.socket.writable && client.socket.write(chunk), 1)
  const response = await client.response().finally(() => clearInterval(upload))
  t.equal(response.startLine, 'HTTP/1.1 413 Too Large')
  t.equal(response.body.toString(), 'big')
  t.ok(response.fields.some(([name, value]) => /^connection$/i.test(name) && value === 'close'))
  await client.untilClosed()
})

test('a pause in either direction is nobody’s failure', async (t) => {
  const backend = await serving(t, (socket) => {
    let received = ''
    socket.on('data', async (bytes) => {
      received += bytes.toString()
      if (!received.endsWith('hello')) return
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok')
      await sleep(700)
      socket.write('ay')
    })
  })
  const { port, stats } = await startBalancer(t, [backend], { LB_RESPONSE_TIMEOUT: '0.3' })
  const client = await RawClient.open(t, port)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel')
  await sleep(700)
  client.send('lo')
  t.equal((await client.response()).body.toString(), 'okay')
  t.equal(stats().backends[0]!.failed, 0)
})
