import { eventually, sleep, startBalancer, test } from '../helper.js'
import { scripted, serving } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

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
