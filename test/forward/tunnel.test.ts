import type { Socket } from 'node:net'
import { atEnd, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { OK, refusing, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { echo, openTunnel, SWITCHING, switching, tunnels, upgrade } from '../support/tunnel.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

// Tunnel

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
    await client.untilClosed()
    await eventually(() => backend.sockets.size === 0 && inFlight(balancer).join() === '0,0')
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
  await client.untilClosed()
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
  await silent.untilClosed()
  const took = performance.now() - begun
  t.ok(took > 950 && took < 10_000, `${took} ms`)
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

// Tunnel refused

const codeOf = ({ body }: Message) => JSON.parse(`${body}`).code

for (const [how, leave] of [
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ['closes', (socket: Socket) => socket.destroy()]
] as const) {
  test(`a client that ${how} before the 101 takes its request with it`, async (t) => {
    const held: Socket[] = []
    const backend = await scripted(t, (_request, socket) => void held.push(socket))
    const balancer = await startBalancer(t, [backend])
    const client = await RawClient.open(t, balancer.port)
    client.send(upgrade())
    await eventually(() => held.length === 1)
    t.same(inFlight(balancer), [1, 1])
    leave(client.socket)
    await t.resolves(eventually(() => held[0]!.destroyed && inFlight(balancer).join() === '0,0'))
    held[0]!.destroy()
    t.equal(balancer.stats().requests.failed, 0)
    t.equal(tunnels(balancer), 0)
  })
}

test('a backend that is gone before the 101 is a failure, and the connection goes on', async (t) => {
  let act: (socket: Socket) => void = () => {}
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.startsWith('GET /after')) socket.write(OK)
    else act(socket)
  })
  const balancer = await startBalancer(t, [backend], { LB_RESPONSE_TIMEOUT: '0.5' })
  const client = await RawClient.open(t, balancer.port)
  let failed = 0
  for (const [what, status, code, how] of [
    ['it ends', 502, 'LB_CONNECTION_LOST', (socket: Socket) => socket.end()],
    ['it resets', 502, 'LB_CONNECTION_LOST', (socket: Socket) => socket.resetAndDestroy()],
    [
      'it ends amid the head',
      502,
      'LB_CONNECTION_LOST',
      (socket: Socket) => socket.end(SWITCHING.slice(0, -2))
    ],
    ['it speaks no HTTP', 502, 'LB_BAD_RESPONSE', (socket: Socket) => socket.write('\x81\x05hello')],
    ['it says nothing', 504, 'LB_RESPONSE_TIMEOUT', () => {}]
  ] as const) {
    act = how
    client.send(upgrade())
    const response = await client.response()
    t.equal(statusOf(response), status, what)
    t.equal(codeOf(response), code)
    t.equal(balancer.stats().requests.failed, ++failed)
    client.send(GET.replace('/', '/after'))
    t.equal(statusOf(await client.response()), 200, 'the connection goes on')
  }
  await t.resolves(eventually(() => inFlight(balancer).join() === '0,0'))
})

test('a backend where nobody listens is a failure', async (t) => {
  const balancer = await startBalancer(t, [await refusing(t)])
  const client = await RawClient.open(t, balancer.port)
  client.send(upgrade())
  const response = await client.response()
  t.equal(statusOf(response), 502)
  t.equal(codeOf(response), 'LB_BACKEND_UNREACHABLE')
})

test('where there is no room or no backend the answer is 503, and the connection goes on', async (t) => {
  const backend = await switching(t, echo)
  const balancer = await startBalancer(t, [backend], { LB_MAX_CONNECTIONS: '1' })
  const first = await openTunnel(t, balancer)
  const second = await RawClient.open(t, balancer.port)
  const refusal = async () => {
    second.send(upgrade())
    const response = await second.response()
    t.equal(fieldValue(response.fields, 'retry-after'), '1')
    return [statusOf(response), codeOf(response)]
  }
  t.same(await refusal(), [503, 'LB_OVERLOADED'])
  t.same(await refusal(), [503, 'LB_OVERLOADED'])
  first.socket.destroy()
  await eventually(() => balancer.registry.inFlight === 0)
  balancer.registry.setState(balancer.registry.backends[0]!, 'unhealthy', 'test')
  t.same(await refusal(), [503, 'LB_NO_BACKEND'])
  balancer.registry.setState(balancer.registry.backends[0]!, 'healthy', 'test')
  t.match(balancer.stats().requests, { total: 4, failed: 0, rejected: { overload: 2, noBackend: 1 } })
  second.send(GET)
  t.equal(statusOf(await second.response()), 200)
  second.send(upgrade())
  t.equal(statusOf(await second.response()), 101, 'it may change after all')
})

test('nothing for the balancer itself reaches a backend, nor does CONNECT', async (t) => {
  const backend = await switching(t)
  const balancer = await startBalancer(t, [backend])
  for (const [sent, status] of [
    [upgrade('/__lb/stats'), 400],
    [upgrade('/__lb/live'), 400],
    [upgrade('/__lb/'), 400],
    [upgrade('/__lb/../x'), 400],
    ['CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n', 501],
    ['CONNECT /__lb/stats HTTP/1.1\r\nHost: x\r\n\r\n', 501]
  ] as const) {
    const client = await RawClient.open(t, balancer.port)
    client.send(`${sent}${GET}`)
    const response = await client.response()
    t.equal(statusOf(response), status, sent.split('\r\n')[0]!)
    t.equal(fieldValue(response.fields, 'connection'), 'close')
    t.notMatch(`${response.body}`, /backends|live/)
    await t.resolves(client.untilClosed())
    t.equal(client.received.length, 0, 'what is behind it is not answered')
  }
  t.equal(backend.connections, 0)
})

test('what is behind a refused upgrade is the next request, whenever it came', async (t) => {
  const backend = await scripted(t, async ({ startLine }, socket) => {
    if (startLine.startsWith('GET /chat')) await sleep(80)
    socket.write(OK.replace('ok', startLine.slice(5, 7)))
  })
  const balancer = await startBalancer(t, [backend])
  const next = (path: string) => GET.replace('/', path)
  for (const [what, ...parts] of [
    ['at once', upgrade('/chat') + next('/n1') + next('/n2')],
    ['cut', `${upgrade('/chat')}GET /n`, next('/n1').slice(6) + next('/n2')],
    ['later', upgrade('/chat'), next('/n1'), next('/n2')],
    [
      'with a body',
      `${upgrade('/chat')}PUT /n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na`,
      `bc${next('/n2')}`
    ]
  ] as const) {
    const client = await RawClient.open(t, balancer.port)
    for (const part of parts) {
      client.send(part)
      await sleep(20)
    }
    const bodies: string[] = []
    for (let i = 0; i < 3; i++) bodies.push(`${(await client.response()).body}`)
    t.same(bodies, ['ch', 'n1', 'n2'], what)
  }
})

test('a connection may be refused many upgrades', async (t) => {
  const warnings: Error[] = []
  const note = (warning: Error) => void warnings.push(warning)
  process.on('warning', note)
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const balancer = await startBalancer(t, [backend])
  const client = await RawClient.open(t, balancer.port)
  for (let i = 0; i < 30; i++) {
    client.send(upgrade())
    t.equal(statusOf(await client.response()), 200)
  }
  await sleep(10)
  process.off('warning', note)
  t.same(
    warnings.map(({ message }) => message),
    []
  )
})

test('a client that wants its connection closed gets that with a refusal too', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const balancer = await startBalancer(t, [backend])
  const client = await RawClient.open(t, balancer.port)
  client.send(upgrade().replace('Connection: ', 'Connection: close, '))
  const response = await client.response()
  t.equal(statusOf(response), 200)
  t.equal(fieldValue(response.fields, 'connection'), 'close')
  await t.resolves(client.untilClosed())
})

test('after a refusal the limits of a connection hold as before', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const idle = await startBalancer(t, [backend], { LB_KEEP_ALIVE_TIMEOUT: '1' })
  const client = await RawClient.open(t, idle.port)
  client.send(upgrade())
  await client.response()
  const few = await startBalancer(t, [backend], { LB_MAX_REQUESTS_PER_SOCKET: '2' })
  const other = await RawClient.open(t, few.port)
  other.send(upgrade())
  const only = await other.response()
  t.equal(fieldValue(only.fields, 'connection'), 'close', 'LB_MAX_REQUESTS_PER_SOCKET: it counts as the last')
  await t.resolves(client.untilClosed(), 'LB_KEEP_ALIVE_TIMEOUT')
  t.equal(client.received.length, 0)
})
