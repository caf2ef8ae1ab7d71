import { eventually, startBalancer, test } from '../helper.js'
import { serving } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const TOO_LARGE = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno'
const PART = Buffer.alloc(65_536, 'x')
const SIZE = 100 * PART.length

test('an answer that comes amid an upload arrives, though the client goes on with that', async (t) => {
  const backend = await serving(t, (socket) => void socket.once('data', () => socket.write(TOO_LARGE)))
  const balancers = [
    await startBalancer(t, [backend]),
    await startBalancer(t, [backend], { LB_MAX_BODY_SIZE: '1000000' })
  ]
  for (const { port } of balancers) {
    for (let i = 0; i < 10; i++) {
      const client = await RawClient.open(t, port)
      client.send(`PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${SIZE}\r\n\r\n`)
      for (let sent = 0; sent < SIZE; sent += PART.length) client.send(PART)
      const response = await client.response()
      t.equal(statusOf(response), 413)
      t.equal(fieldValue(response.fields, 'connection'), 'close')
      client.socket.end()
      await client.untilClosed()
    }
  }
})

test('so does what the balancer says of itself, to a client that reads only after it has sent all', async (t) => {
  const { port } = await startBalancer(t, [await serving(t, () => {})], { LB_ADMIN_TOKEN: 'x'.repeat(32) })
  for (const [target, status] of [
    ['/__lb/stats', 404],
    ['/__lb/api/backends', 401]
  ] as const) {
    const client = await RawClient.open(t, port)
    client.socket.pause()
    client.send(`POST ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${SIZE}\r\n\r\n`)
    for (let sent = 0; sent < SIZE; sent += PART.length) client.send(PART)
    await eventually(() => client.socket.writableLength === 0)
    client.socket.resume()
    t.equal(statusOf(await client.response()), status, target)
    client.socket.end()
    await client.untilClosed()
  }
})

test('a client that goes on for ever is cut', async (t) => {
  const backend = await serving(t, (socket) => void socket.once('data', () => socket.write(TOO_LARGE)))
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  client.send(`PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${1000 * SIZE}\r\n\r\n`)
  const timer = setInterval(() => client.send(PART), 20)
  try {
    t.equal(statusOf(await client.response()), 413)
    await client.untilClosed(5000)
  } finally {
    clearInterval(timer)
  }
})

test('what comes behind a request that was given up is no request', async (t) => {
  let heads = 0
  const backend = await serving(t, (socket) => {
    heads++
    socket.once('data', () => socket.write(TOO_LARGE))
  })
  const { port } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  client.send('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n')
  t.equal(statusOf(await client.response()), 413)
  client.send('helloGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n')
  client.socket.end()
  await client.untilClosed()
  t.equal(client.received.length, 0)
  t.equal(heads, 1)
})
