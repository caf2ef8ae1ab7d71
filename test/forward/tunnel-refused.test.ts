import type { Socket } from 'node:net'
import { eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { OK, refusing, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { echo, openTunnel, SWITCHING, switching, tunnels, upgrade } from '../support/tunnel.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
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
    await t.resolves(eventually(() => held[0]!.destroyed && inFlight(balancer).join() === '0,0', 1000))
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
    for (let i = 0; i < 3; i++) bodies.push(`${(await client.response({ timeoutMs: 1500 })).body}`)
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
  await t.resolves(client.untilClosed(1000))
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
  await t.resolves(client.untilClosed(2500), 'LB_KEEP_ALIVE_TIMEOUT')
  t.equal(client.received.length, 0)
})
