import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { freePort } from '../../scenarios/processes.js'
import {
  atEnd,
  type Balancer,
  eventually,
  inFlight,
  sleep,
  startBalancer,
  test,
  withoutChance
} from '../helper.js'
import { Child } from '../support/child.js'
import { pour, stalled } from '../support/pour.js'
import { seededRandom } from '../support/random.js'
import { openTunnel, switching, tunnels } from '../support/tunnel.js'

// WebSocket

const MB = 1_000_000

interface Backend {
  readonly address: string
  readonly sockets: Set<WebSocket>
  /** Cuts every connection, and listens no more. */
  kill(): void
}

/** A backend that echoes every message, and speaks the second protocol that it is offered, if it is. */
async function echoing(t: Test): Promise<Backend> {
  const http = createServer((_req, res) => void res.writeHead(426).end())
  const server = new WebSocketServer({
    server: http,
    maxPayload: 4 * MB,
    handleProtocols: (protocols) => [...protocols][1] ?? false
  })
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    socket.on('error', () => {})
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const kill = () => {
    for (const socket of server.clients) socket.terminate()
    http.close()
    http.closeAllConnections()
  }
  atEnd(t, kill)
  return { address: `127.0.0.1:${(http.address() as AddressInfo).port}`, sockets: server.clients, kill }
}

/** A WebSocket through the balancer, open. */
async function connected(t: Test, { port }: Balancer, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, protocols, { maxPayload: 4 * MB })
  atEnd(t, () => socket.terminate())
  await once(socket, 'open')
  socket.on('error', () => {})
  return socket
}

async function echoOf(socket: WebSocket, message: string | Buffer): Promise<string | Buffer> {
  socket.send(message)
  const [data, isBinary] = await once(socket, 'message')
  return isBinary ? data : `${data}`
}

test('messages pass in both directions, whatever is in them', async (t) => {
  const balancer = await startBalancer(t, [await echoing(t)])
  const socket = await connected(t, balancer)
  const random = seededRandom(1)
  const noise = Buffer.from(Array.from({ length: MB }, () => random() * 256))
  for (const message of ['hello', '', 'ü€😀', Buffer.alloc(0), Buffer.from([0, 255]), 'x'.repeat(MB), noise])
    t.ok(Buffer.from(await echoOf(socket, message)).equals(Buffer.from(message)), `${message.length} bytes`)
  t.equal(balancer.stats().requests.tunnels, 1)
})

test('large messages pass at once, and those sent meanwhile stay in order', async (t) => {
  const balancer = await startBalancer(t, [await echoing(t)])
  const socket = await connected(t, balancer)
  const got: string[] = []
  socket.on('message', (data) => got.push(`${data}`.slice(0, 4) + `${data}`.length))
  const wanted: string[] = []
  for (let i = 10; i < 30; i++) {
    const length = i % 4 === 0 ? MB : i * 10
    socket.send(`#${i}.`.padEnd(length, 'x'))
    wanted.push(`#${i}.${length}`)
  }
  await eventually(() => got.length === wanted.length, 20_000)
  t.same(got, wanted)
})

test('protocols, pings and the reasons of an end pass', async (t) => {
  const backend = await echoing(t)
  const balancer = await startBalancer(t, [backend])
  t.equal((await connected(t, balancer)).protocol, '')
  const socket = await connected(t, balancer, ['one', 'two', 'three'])
  t.equal(socket.protocol, 'two')
  socket.ping('are you there')
  t.equal(`${(await once(socket, 'pong'))[0]}`, 'are you there')
  const other = [...backend.sockets][1]!
  other.ping()
  await t.resolves(once(other, 'pong'), 'from the backend, too')
  for (const [what, from] of [
    ['client', 0],
    ['backend', 1]
  ] as const) {
    const ends = [await connected(t, balancer), [...backend.sockets].at(-1)!]
    const closed = once(ends[1 - from]!, 'close')
    ends[from]!.close(4321, `by the ${what}`)
    const [code, reason] = await closed
    t.same([code, `${reason}`], [4321, `by the ${what}`])
    await eventually(() => ends.every(({ readyState }) => readyState === WebSocket.CLOSED))
  }
  await t.resolves(eventually(() => tunnels(balancer) === 2))
})

test('a thousand at once', async (t) => {
  const backends = [await echoing(t), await echoing(t)]
  const balancer = await startBalancer(t, backends, { LB_MAX_CONNECTIONS: '2000', LB_MAX_SOCKETS: '4000' })
  const sockets: WebSocket[] = []
  const heard: string[] = []
  for (let i = 0; i < 1000; i++) {
    const socket = new WebSocket(`ws://127.0.0.1:${balancer.port}/${i}`, { perMessageDeflate: false })
    socket.on('open', () => socket.send(`hello ${i}`))
    socket.on('message', (data) => heard.push(`${data}`))
    socket.on('error', (error) => t.error(error))
    sockets.push(socket)
  }
  await eventually(() => heard.length === sockets.length, 40_000)
  t.equal(new Set(heard).size, sockets.length, 'each has its own answer')
  t.match(balancer.stats(), {
    requests: { inFlight: 1000, tunnels: 1000, total: 1000, failed: 0 },
    connections: { open: 1000 },
    backends: [{ active: 500 }, { active: 500 }]
  })
  for (const socket of sockets) socket.close()
  await eventually(() => sockets.every(({ readyState }) => readyState === WebSocket.CLOSED), 20_000)
  await t.resolves(eventually(() => inFlight(balancer).join() === '0,0,0'))
})

test('tunnels count for least connections', async (t) => {
  withoutChance(t)
  const backends = [await echoing(t), await echoing(t)]
  const addresses = [backends[0]!.address, `${backends[1]!.address};weight=3`]
  const balancer = await startBalancer(t, addresses.join(' '))
  for (let i = 0; i < 8; i++) await connected(t, balancer)
  t.same(inFlight(balancer), [8, 2, 6])
  const { status } = await fetch(`http://127.0.0.1:${balancer.port}/`, { headers: { connection: 'close' } })
  t.equal(status, 426)
  await eventually(() => balancer.registry.inFlight === 8)
  for (const socket of backends[1]!.sockets) socket.terminate()
  await eventually(() => inFlight(balancer).join() === '2,2,0')
  for (let i = 0; i < 6; i++) await connected(t, balancer)
  t.same(inFlight(balancer), [8, 2, 6], 'what has come free is filled first')
})

test('when a backend ends, so do its tunnels, and no others', async (t) => {
  const backends = [await echoing(t), await echoing(t)]
  const balancer = await startBalancer(t, backends)
  const sockets: WebSocket[] = []
  for (let i = 0; i < 10; i++) sockets.push(await connected(t, balancer))
  const codes: number[] = []
  for (const socket of sockets) socket.on('close', (code) => codes.push(code))
  backends[0]!.kill()
  await eventually(() => inFlight(balancer).join() === '5,0,5')
  await eventually(() => codes.length === 5)
  t.same(codes, Array(5).fill(1006))
  const left = sockets.filter(({ readyState }) => readyState === WebSocket.OPEN)
  t.equal(left.length, 5)
  for (const socket of left) t.equal(await echoOf(socket, 'still here'), 'still here')
})

const SERVER = `
const { WebSocketServer } = require('ws')
new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[1]) }, () => console.log('up'))
  .on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))))`

test('a backend process that is killed amid it closes the clients, and gives the slots back', async (t) => {
  const port = await freePort()
  const child = new Child(t, ['-e', SERVER, `${port}`])
  await child.untilPrinted('up', 20_000)
  const balancer = await startBalancer(t, `127.0.0.1:${port}`)
  const sockets: WebSocket[] = []
  for (let i = 0; i < 20; i++) sockets.push(await connected(t, balancer))
  t.equal(await echoOf(sockets[0]!, 'hello'), 'hello')
  t.same(inFlight(balancer), [20, 20])
  const closed = sockets.map((socket) => once(socket, 'close'))
  for (const socket of sockets) socket.send('x'.repeat(MB))
  child.kill('SIGKILL')
  t.same(new Set((await Promise.all(closed)).map(([code]) => code)), new Set([1006]))
  await t.resolves(eventually(() => inFlight(balancer).join() === '0,0'))
})

// Tunnel backpressure

const CHUNK = Buffer.alloc(50_000, 'slow readers')
const CHUNKS = 500
/** The kernel holds some on each of the two connections. */
const KERNEL_LIMIT = 20_000_000
const HELD_LIMIT = 1_000_000

const DIGEST = (() => {
  const hash = createHash('sha1')
  for (let i = 0; i < CHUNKS; i++) hash.update(CHUNK)
  return hash.digest('hex')
})()

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Bytes of all buffers in use: those of the ends of a tunnel are one and the same chunk. */
async function buffersInUse(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage()
    await sleep(20)
  }
  return process.memoryUsage().arrayBuffers
}

/** Reads on to the end. */
function digestOf(socket: Socket): Promise<string> {
  const hash = createHash('sha1')
  return new Promise((resolve) => {
    socket.removeAllListeners('data')
    socket.on('data', (bytes) => hash.update(bytes)).on('end', () => resolve(hash.digest('hex')))
    socket.resume()
  })
}

/** A tunnel, with both its ends, which read nothing. */
async function stretched(t: Test) {
  let backend!: Socket
  const balancer = await startBalancer(t, [
    await switching(t, (socket) => {
      backend = socket.pause()
    })
  ])
  const { socket: client } = await openTunnel(t, balancer)
  client.allowHalfOpen = true
  client.pause()
  return { balancer, client, backend }
}

for (const [slow, fast] of [
  ['client', 'backend'],
  ['backend', 'client']
] as const) {
  test(`a ${slow} that does not read stops the ${fast}, and nothing is lost`, async (t) => {
    const { balancer, ...ends } = await stretched(t)
    const before = await buffersInUse()
    pour(ends[fast], CHUNK, CHUNKS, () => ends[fast].end())
    const written = await stalled([ends[fast]])
    const held = (await await buffersInUse()) - before
    t.ok(written > HELD_LIMIT && written < KERNEL_LIMIT, `the ${fast} got rid of ${written} bytes`)
    t.ok(held < HELD_LIMIT, `${held} bytes are held`)
    t.same(inFlight(balancer), [1, 1])
    t.equal(await digestOf(ends[slow]), DIGEST)
    ends[slow].end()
  })
}

test('both directions wait, and go on, each on its own', async (t) => {
  const { client, backend } = await stretched(t)
  const before = await buffersInUse()
  pour(client, CHUNK, CHUNKS, () => client.end())
  pour(backend, CHUNK, CHUNKS)
  await Promise.all([stalled([client]), stalled([backend])])
  const held = (await await buffersInUse()) - before
  t.ok(held < 2 * HELD_LIMIT, `${held} bytes are held`)
  client.removeAllListeners('data')
  client.resume()
  const read = client.bytesRead
  await eventually(() => client.bytesRead > read + 10_000_000)
  t.equal(backend.readableFlowing, false)
  t.equal(await digestOf(backend), DIGEST, 'to the backend, whatever the other direction does')
  backend.end()
})
