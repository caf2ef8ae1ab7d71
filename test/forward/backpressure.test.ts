import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { type Balancer, eventually, startBalancer, test } from '../helper.js'
import { pour, stalled } from '../support/pour.js'
import { type RawBackend, serving } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const SIZE = 50_000_000
/** The kernel holds some on each of the two connections, in each direction. */
const KERNEL_LIMIT = 30_000_000
/** What the balancer may hold: what it gathers for a write, and a few chunks of its sockets. */
const HELD_LIMIT = 600_000
const CHUNK = Buffer.alloc(50_000, 'backpressure')

/** Sends `SIZE` bytes as fast as `socket` takes them. */
const pourAll = (socket: Socket) => pour(socket, CHUNK, SIZE / CHUNK.length)

interface Sink {
  size: number
  readonly digest: () => string
}

/** Reads all from now on. */
function drain(socket: Socket, bodyOnly: boolean): Sink {
  const hash = createHash('sha1')
  const sink = { size: 0, digest: () => hash.digest('hex') }
  let inBody = !bodyOnly
  socket.on('data', (bytes: Buffer) => {
    let part = bytes
    if (!inBody) {
      const end = bytes.indexOf('\r\n\r\n')
      inBody = true
      part = bytes.subarray(end + 4)
    }
    hash.update(part)
    sink.size += part.length
  })
  socket.resume()
  return sink
}

function digestOfAll(): string {
  const hash = createHash('sha1')
  for (let i = 0; i < SIZE / CHUNK.length; i++) hash.update(CHUNK)
  return hash.digest('hex')
}

/** What the balancer has taken over and could not pass on, on all its connections to clients. */
const heldBy = ({ connections }: Balancer) =>
  [...connections].reduce((sum, socket) => sum + socket.writableLength + socket.readableLength, 0)

async function start(t: Test, serve: (socket: Socket, backend: RawBackend) => void) {
  const backend = await serving(t, serve)
  const balancer = await startBalancer(t, [backend])
  const held = () => heldBy(balancer)
  return { backend, balancer, held, client: await RawClient.open(t, balancer.port) }
}

for (const [framing, field] of [
  ['length', `Content-Length: ${SIZE}`],
  ['close', 'Connection: close']
] as const) {
  test(`a client that does not read stops the backend (${framing})`, async (t) => {
    const { backend, balancer, held, client } = await start(t, (socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`)
        pourAll(socket)
      })
    })
    client.socket.pause()
    client.send('GET / HTTP/1.0\r\nHost: x\r\n\r\n')
    await eventually(() => backend.sockets.size === 1)
    const [socket] = backend.sockets
    const written = await stalled([socket!])
    t.ok(written < KERNEL_LIMIT, `the backend got rid of ${written} bytes`)
    t.ok(held() < HELD_LIMIT, `the balancer holds ${held()} bytes`)
    t.equal(balancer.registry.inFlight, 1)
    client.socket.removeAllListeners('data')
    const sink = drain(client.socket, true)
    const whole = () => sink.size === SIZE
    // Without a length, the end of the connection is the end of the body.
    await eventually(() => socket!.writableLength === 0, 20_000)
    if (framing === 'close') socket!.end()
    await eventually(whole, 20_000)
    t.equal(sink.digest(), digestOfAll(), 'all of it arrives, byte for byte')
  })
}

test('a backend that does not read stops the client', async (t) => {
  const { backend, held, client } = await start(t, (socket) => void socket.pause())
  client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${SIZE}\r\n\r\n`)
  pourAll(client.socket)
  await eventually(() => backend.sockets.size === 1)
  const [socket] = backend.sockets
  const written = await stalled([client.socket])
  t.ok(written < KERNEL_LIMIT, `the client got rid of ${written} bytes`)
  t.ok(held() < HELD_LIMIT, `the balancer holds ${held()} bytes`)
  const sink = drain(socket!, true)
  await eventually(() => sink.size === SIZE, 20_000)
  t.equal(sink.digest(), digestOfAll(), 'all of it arrives, byte for byte')
  socket!.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  t.equal(statusOf(await client.response()), 200)
})

test('pipelined responses that wait for their turn hold their backends', async (t) => {
  const { backend, held, client } = await start(t, (socket) => {
    socket.once('data', (bytes) => {
      // The first request is never answered, so that the second cannot be.
      if (bytes.toString().startsWith('GET /first')) return
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`)
      pourAll(socket)
    })
  })
  client.send('GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => [...backend.sockets].some(({ bytesWritten }) => bytesWritten > 0))
  const socket = [...backend.sockets].find(({ bytesWritten }) => bytesWritten > 0)
  const written = await stalled([socket!])
  t.ok(written < KERNEL_LIMIT, `the backend got rid of ${written} bytes`)
  t.ok(held() < HELD_LIMIT)
  const requested = [...backend.sockets]
  client.abort()
  await eventually(() => requested.every(({ destroyed }) => destroyed))
})
