import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { atEnd, eventually, type RoutedBalancer, sleep, startRoutes, test } from '../helper.js'
import { FrameClient } from '../support/frame-client.js'
import { Http2Client } from '../support/http2-client.js'
import { get, headers } from '../support/http2-frames.js'
import { pour, stalled } from '../support/pour.js'
import { answering, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { openTunnel, switching } from '../support/tunnel.js'
import { statusOf } from '../support/wire.js'

/** A file whose pools have the same backend, each with settings of its own: `/name` leads to a pool. */
const fileWith = (address: string, settings: Readonly<Record<string, object>>, top: object = {}) => ({
  ...top,
  pools: Object.fromEntries(
    Object.entries(settings).map(([name, own]) => [name, { backends: [address], ...own }])
  ),
  routes: Object.keys(settings).map((name) => ({ match: { 'path-prefix': `/${name}` }, pool: name }))
})

test('each pool closes silent tunnels in its own time, also after a reload', async (t) => {
  const backend = await switching(t, (socket) => void socket.on('end', () => socket.end()).resume())
  const hour = { 'tunnel-timeout': 3600 }
  const soon = { 'tunnel-timeout': 1 }
  const balancer = await startRoutes(t, fileWith(backend.address, { short: {}, long: hour }, soon))
  const short = await openTunnel(t, balancer, '', '/short')
  const long = await openTunnel(t, balancer, '', '/long')
  await short.untilClosed()
  await sleep(500)
  t.notOk(long.closed)

  const { changed } = await balancer.reload(fileWith(backend.address, { short: hour, long: soon }, soon))
  t.same(changed, ['short', 'long'])
  const [lasting, ending] = [
    await openTunnel(t, balancer, '', '/short'),
    await openTunnel(t, balancer, '', '/long')
  ]
  await ending.untilClosed()
  await sleep(500)
  t.notOk(lasting.closed)
  t.notOk(long.closed, 'one that is open keeps the time that it has')
  for (const client of [long, lasting]) client.abort()
})

test('each pool closes silent WebSockets over HTTP/2 in its own time', async (t) => {
  const server = createServer().on('upgrade', (_req, socket) => {
    socket.on('error', () => {}).resume()
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => void server.close())
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const file = fileWith(address, { short: { 'tunnel-timeout': 1 }, long: {} }, { h2c: true })
  const { port } = await startRoutes(t, file)
  const client = await Http2Client.open(t, port)
  const [short, long] = ['/short', '/long'].map((path) =>
    client.begin({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': path }, true)
  )
  const opened = [short!, long!].map((stream) => eventually(() => stream.sentHeaders && stream.readable))
  await Promise.all(opened)
  await eventually(() => short!.closed)
  t.notOk(long!.closed)
  long!.destroy()
})

test('each pool has its own limit for heads of responses', async (t) => {
  const head = (size: number) => {
    const each = Math.floor(size / 20)
    const fields = Array.from({ length: 20 }, (_, i) => `x-${i}: ${'v'.repeat(each - 9)}\r\n`)
    return `HTTP/1.1 200 OK\r\n${fields.join('')}Content-Length: 2\r\n\r\nok`
  }
  const backend = await scripted(t, ({ startLine }, socket) => {
    socket.write(head(Number(/\d+/.exec(startLine)![0])))
  })
  const settings = {
    small: { 'max-response-header-size': 2000 },
    usual: {},
    large: { 'max-response-header-size': 1_048_576 }
  }
  const { port } = await startRoutes(t, fileWith(backend.address, settings, { h2c: true, retries: 0 }))
  const client = await FrameClient.open(t, port)
  let id = 1
  for (const [path, status] of [
    ['/small/1000', 200],
    ['/small/3000', 502],
    ['/usual/3000', 200],
    ['/usual/80000', 502],
    ['/large/80000', 200],
    // More than the sessions of clients would take by the limit at the top.
    ['/large/600000', 200]
  ] as const) {
    t.equal(statusOf(await exchange(t, port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)), status, path)
    client.send(headers(id, get(path)))
    t.match(await client.over(id), { status, ended: true }, `${path} over HTTP/2`)
    id += 2
  }
})

test('the limit of a pool for heads is that of its checks, and a reload changes it', async (t) => {
  const answer = `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(3000)}\r\nContent-Length: 2\r\n\r\nok`
  const backend = await scripted(t, answering(answer))
  const small = { 'max-response-header-size': 2000 }
  const checked = { small, usual: {} }
  const top = { 'health-check': { period: 0.1, fall: 1 } }
  const balancer = await startRoutes(t, fileWith(backend.address, checked, top), {
    LB_NO_HEALTH_CHECK: 'false'
  })
  const states = () => balancer.pools().map(({ registry }) => registry.backends[0]!.status)
  t.same(states(), ['unhealthy', 'healthy'])
  await balancer.reload(fileWith(backend.address, { small: {}, usual: small }, top))
  await eventually(() => states().join() === 'healthy,unhealthy')
})

/** How much a client gets rid of in a tunnel whose backend reads nothing. */
async function takenOf(
  t: Test,
  balancer: RoutedBalancer,
  backend: RawBackend,
  target: string
): Promise<number> {
  const piece = Buffer.alloc(50_000)
  const client = await openTunnel(t, balancer, '', target)
  pour(client.socket, piece, 1200)
  const taken = await stalled([client.socket], 20_000)
  for (const socket of backend.sockets) socket.destroy()
  await client.untilClosed()
  return taken
}

test('each pool holds as much for its backends as it may', async (t) => {
  const backend = await switching(t, (socket) => void socket.pause())
  const settings = { large: { 'buffer-size': 16_777_216 }, small: { 'buffer-size': 1024 } }
  const balancer = await startRoutes(t, fileWith(backend.address, settings))
  const small = await takenOf(t, balancer, backend, '/small')
  const large = await takenOf(t, balancer, backend, '/large')
  t.ok(large - small > 8_000_000, `${large} and ${small} bytes`)
})
