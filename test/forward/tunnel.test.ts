import type { Socket } from 'node:net'
import { atEnd, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { refusing } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { echo, openTunnel, switching, tunnels, upgrade } from '../support/tunnel.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

test('an open tunnel counts as a request in flight, and its bytes count when it is over', async (t) => {
  const balancer = await startBalancer(t, [await switching(t, echo)])
  const { stats } = balancer
  const client = await openTunnel(t, balancer, 'early')
  await client.until((text) => text === 'early')
  t.equal(tunnels(balancer), 1)
  t.match(stats(), {
    requests: { inFlight: 1, total: 1, failed: 0 },
    connections: { open: 1 },
    backends: [{ active: 1, total: 1, responses: { '1xx': 1, '2xx': 0 } }]
  })
  client.send('later')
  await client.until((text) => text === 'earlylater')
  client.socket.end()
  await eventually(() => stats().connections.open === 0)
  t.equal(tunnels(balancer), 0)
  t.match(stats(), {
    requests: { inFlight: 0, total: 1, failed: 0 },
    latency: { count: 0 },
    backends: [{ active: 0, failed: 0, retries: 0, bytes: { received: 10, sent: 10 } }]
  })
})

test('a client that has said all may still hear all', async (t) => {
  const answer = pattern('answer', 300_000)
  let heard = ''
  const backend = await switching(t, (socket) => {
    socket.on('data', (bytes) => {
      heard += bytes
    })
    socket.on('end', async () => {
      heard += '.'
      socket.write(answer.subarray(0, 1000))
      await sleep(50)
      socket.end(answer.subarray(1000))
    })
  })
  const balancer = await startBalancer(t, [backend])
  const client = await openTunnel(t, balancer)
  client.socket.end('question')
  await client.until((text) => text.length > 0)
  t.equal(heard, 'question.')
  t.same(inFlight(balancer), [1, 1], 'it is not over yet')
  await client.untilClosed()
  t.ok(client.received.equals(answer), `${client.received.length} bytes`)
  t.notOk(client.broken)
})

test('a client that has said all right behind its request has left, and is not forgotten', async (t) => {
  const backend = await switching(t, (socket) => void socket.on('end', () => socket.end()).resume())
  const balancer = await startBalancer(t, [backend])
  for (const early of ['', 'early']) {
    const client = await RawClient.open(t, balancer.port)
    client.socket.end(upgrade() + early)
    await client.untilClosed(1000)
    await eventually(() => backend.sockets.size === 0 && inFlight(balancer).join() === '0,0', 1000)
  }
  t.equal(balancer.stats().requests.tunnels, 0)
})

test('what a backend sent before it ended arrives, however slow the client', async (t) => {
  const much = pattern('much', 8_000_000)
  const balancer = await startBalancer(t, [await switching(t, (socket) => socket.end(much))])
  const client = await openTunnel(t, balancer)
  client.socket.pause()
  await sleep(300)
  t.same(inFlight(balancer), [1, 1])
  client.socket.resume()
  await client.untilClosed(5000)
  t.ok(client.received.equals(much), `${client.received.length} bytes`)
  t.notOk(client.broken)
})

test('a side that breaks amid a transfer takes the other with it', async (t) => {
  const chunk = Buffer.alloc(100_000)
  const pour = (socket: Socket) => {
    const more = () => {
      while (socket.writable && socket.write(chunk));
    }
    socket.on('drain', more)
    more()
  }
  let other!: Socket
  const backend = await switching(t, (socket) => {
    other = socket
    socket.resume()
    pour(socket)
  })
  const balancer = await startBalancer(t, [backend])
  for (const [side, leave] of [
    ['the client resets', (client: Socket) => client.resetAndDestroy()],
    ['the client is gone', (client: Socket) => client.destroy()],
    ['the backend resets', () => other.resetAndDestroy()],
    ['the backend is gone', () => other.destroy()]
  ] as const) {
    const client = await openTunnel(t, balancer)
    client.socket.removeAllListeners('data').resume()
    pour(client.socket)
    await eventually(() => client.socket.bytesRead > 2_000_000 && other.bytesRead > 2_000_000)
    leave(client.socket)
    await t.resolves(
      eventually(() => client.closed && other.destroyed),
      side
    )
    await t.resolves(eventually(() => inFlight(balancer).join() === '0,0' && tunnels(balancer) === 0))
  }
})

test('a tunnel that is silent is closed, in whichever direction it spoke before', async (t) => {
  const backend = await switching(t, (socket) => {
    const ticks = setInterval(() => socket.write('tick'), 200)
    socket.once('data', (bytes) => {
      if (`${bytes}` !== 'tick') clearInterval(ticks)
    })
    atEnd(t, () => clearInterval(ticks))
    socket.on('end', () => socket.end())
    socket.resume()
  })
  const balancer = await startBalancer(t, [backend], { LB_TUNNEL_TIMEOUT: '1' })
  const [silent, speaking, listening] = [
    await openTunnel(t, balancer),
    await openTunnel(t, balancer),
    await openTunnel(t, balancer)
  ]
  const begun = performance.now()
  silent.send('be silent')
  speaking.send('be silent')
  const speak = setInterval(() => speaking.send('x'), 200)
  atEnd(t, () => clearInterval(speak))
  await silent.untilClosed(3000)
  const took = performance.now() - begun
  t.ok(took > 950 && took < 1700, `${took} ms`)
  await sleep(600)
  t.notOk(speaking.closed || listening.closed, 'those of which one side speaks are not')
  t.equal(tunnels(balancer), 2)
  clearInterval(speak)
  listening.send('be silent')
  await Promise.all([speaking.untilClosed(), listening.untilClosed()])
  await t.resolves(eventually(() => backend.sockets.size === 0))
})

test('none of the limits of requests is one of tunnels', async (t) => {
  const balancer = await startBalancer(t, [await switching(t, echo)], {
    LB_REQUEST_HEAD_TIMEOUT: '1',
    LB_REQUEST_TIMEOUT: '1',
    LB_REQUEST_BODY_TIMEOUT: '1',
    LB_KEEP_ALIVE_TIMEOUT: '1',
    LB_RESPONSE_TIMEOUT: '1',
    LB_MAX_BODY_SIZE: '10'
  })
  const fresh = await openTunnel(t, balancer)
  const used = await RawClient.open(t, balancer.port)
  used.send(GET)
  t.equal(statusOf(await used.response()), 200)
  used.send(upgrade())
  t.equal(statusOf(await used.response()), 101)
  await sleep(2700)
  for (const client of [fresh, used]) {
    client.send('still here after all')
    await t.resolves(client.until((text) => text === 'still here after all'))
  }
})

test('a backend where nobody listens is passed over', async (t) => {
  const backends = [await refusing(t), await switching(t, echo)]
  const balancer = await startBalancer(t, backends)
  for (let i = 0; i < 4; i++) {
    const client = await openTunnel(t, balancer, `hello ${i}`)
    await client.until((text) => text === `hello ${i}`)
  }
  t.same(inFlight(balancer), [4, 0, 4])
  t.equal(balancer.stats().requests.failed, 0)
})

test('what a side of a tunnel sent before it reset its connection reaches the other', async (t) => {
  const last = Buffer.alloc(1000, 'z')
  let heard = ''
  let isDone: () => void = () => {}
  let speak: (socket: Socket) => void = () => {}
  const backend = await switching(t, (socket) => {
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1').replaceAll('\0', '')
    })
    socket.on('end', () => socket.end()).on('close', () => isDone())
    speak(socket)
  })
  const balancer = await startBalancer(t, [backend])
  const zeros = Buffer.alloc(5_000)
  for (let i = 0; i < 10; i++) {
    // The backend resets while the client sends to it.
    speak = (socket) => void setTimeout(() => socket.write(last, () => socket.resetAndDestroy()), 20)
    const client = await openTunnel(t, balancer)
    const timer = setInterval(() => client.socket.writable && client.send(zeros), 1)
    await client.untilClosed().finally(() => clearInterval(timer))
    t.equal(client.received.length, last.length, 'from the backend')

    // The client does, while the backend sends to it.
    heard = ''
    speak = (socket) => {
      const pouring = setInterval(() => socket.writable && socket.write(zeros), 1)
      socket.once('close', () => clearInterval(pouring))
    }
    const other = await openTunnel(t, balancer)
    await sleep(20)
    const done = new Promise<void>((resolve) => {
      isDone = resolve
    })
    other.socket.write(last, () => other.abort())
    await done
    t.equal(heard.length, last.length, 'from the client')
  }
})
