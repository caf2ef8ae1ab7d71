import { eventually, startBalancer, test } from '../helper.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { backendConfigs } from '../support/registry.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const configOf = (text: string) => backendConfigs(text)[0]!

test('backends join, leave and change under load, and no request fails', async (t) => {
  const backends = await Promise.all(Array.from({ length: 4 }, () => scripted(t, answering(OK))))
  const balancer = await startBalancer(t, backends.slice(0, 2))
  const { registry } = balancer
  let stopped = false
  const statuses = new Map<number, number>()
  const worker = async () => {
    const client = await RawClient.open(t, balancer.port)
    while (!stopped) {
      client.send(GET)
      const status = statusOf(await client.response())
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const workers = Array.from({ length: 16 }, worker)
  for (let i = 0; i < 50; i++) {
    const { address } = backends[i % 4]!
    const there = registry.backendAt(address)
    if (!there) registry.add(configOf(address))
    else if (registry.backends.length > 1) registry.remove(there)
    const [first] = registry.backends
    registry.reconfigure(first!, configOf(`${first!.address};weight=${1 + (i % 5)}`))
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
  stopped = true
  await Promise.all(workers)
  t.same([...statuses.keys()], [200])
  for (const { requests } of backends) t.ok(requests.length > 20, `${requests.length} requests`)
  // Those that have left are let go within a tick.
  const left = backends.filter(({ address }) => !registry.backendAt(address))
  await eventually(() => left.every(({ sockets }) => sockets.size === 0))
})

test('a backend that leaves finishes what it has, tunnels included', async (t) => {
  const leaving = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/upgrade'))
      socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n')
    else setTimeout(() => socket.write(OK), 300)
  })
  const other = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [leaving])
  const { registry } = balancer
  const tunnel = await RawClient.open(t, balancer.port)
  tunnel.send('GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n')
  t.equal(statusOf(await tunnel.response()), 101)
  const client = await RawClient.open(t, balancer.port)
  client.send(GET)
  await eventually(() => registry.backends[0]!.active === 2)
  const [backend] = registry.backends
  registry.add(configOf(other.address))
  registry.remove(backend!)
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
  t.equal(other.requests.length, 1)
  t.equal(statusOf(await client.response()), 200)
  t.equal(backend!.active, 1, 'the tunnel goes on')
  tunnel.socket.destroy()
  await eventually(() => backend!.active === 0 && leaving.sockets.size === 0)
})

test('one that joins is checked before it gets requests, and one that leaves is not checked any more', async (t) => {
  let checks = 0
  const first = await scripted(t, answering(OK))
  const joining = await scripted(t, (_request, socket) => {
    checks++
    socket.write(OK)
  })
  const balancer = await startBalancer(t, [first], {
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_PERIOD: '0.1'
  })
  const { registry } = balancer
  const backend = registry.add(configOf(joining.address))
  t.equal(backend.state, 'checking')
  await eventually(() => backend.state === 'healthy')
  registry.remove(backend)
  await eventually(() => joining.sockets.size === 0)
  const { length } = first.requests
  const before = checks
  await eventually(() => first.requests.length >= length + 3)
  t.ok(checks <= before + 1, 'at most the one that was under way')
})
