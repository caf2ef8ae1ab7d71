import type { Socket } from 'node:net'
import { eventually, inFlight, startBalancer, test, withoutChance } from '../helper.js'
import { OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

test('a backend gets no more requests at once than it may have; the others wait in order', async (t) => {
  const held: { path: string; socket: Socket }[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    held.push({ path: startLine.split(' ')[1]!, socket })
  })
  const balancer = await startBalancer(t, `${backend.address};max=2`)
  const clients: RawClient[] = []
  for (let i = 0; i < 6; i++) {
    const client = await RawClient.open(t, balancer.port)
    client.send(get(`/${i}`))
    clients.push(client)
    await eventually(() => balancer.registry.inFlight === i + 1)
  }
  await eventually(() => held.length === 2)
  t.same(inFlight(balancer), [6, 2])
  t.equal(balancer.stats().requests.queued, 4)
  clients[3]!.socket.destroy()
  await eventually(() => balancer.stats().requests.queued === 3)
  for (const next of ['/0', '/1', '/2', '/4', '/5']) {
    await eventually(() => held.some(({ path }) => path === next))
    t.ok(held.length <= 2, `${held.length} at once`)
    const [{ path, socket }] = held.splice(0, 1) as [(typeof held)[number]]
    t.equal(path, next)
    socket.write(OK)
    t.equal(statusOf(await clients[Number(next[1])]!.response()), 200)
  }
})

test('who waits too long, or finds the queue full, is told so', async (t) => {
  const backend = await scripted(t, () => {})
  const balancer = await startBalancer(t, `${backend.address};max=1`, {
    LB_QUEUE_SIZE: '1',
    LB_QUEUE_TIMEOUT: '0.3'
  })
  const first = await RawClient.open(t, balancer.port)
  first.send(get('/first'))
  await eventually(() => inFlight(balancer)[1] === 1)
  const second = await RawClient.open(t, balancer.port)
  second.send(get('/second'))
  await eventually(() => balancer.stats().requests.queued === 1)
  const refused = await exchange(t, balancer.port, get('/third'))
  t.equal(statusOf(refused), 503)
  t.equal(fieldValue(refused.fields, 'retry-after'), '1')
  t.match(refused.body.toString(), 'LB_QUEUE_FULL')
  const late = await second.response()
  t.equal(statusOf(late), 503)
  t.match(late.body.toString(), 'LB_QUEUE_TIMEOUT')
  t.match(balancer.stats().requests, { queued: 0, failed: 0, rejected: { queueFull: 1, queueTimeout: 1 } })
  first.socket.destroy()
})

test('a backup is used while no other backend can be, and not because they are full', async (t) => {
  const named = (name: string) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`
  const proper = await scripted(t, (_request, socket) => void socket.write(named('p')))
  const backup = await scripted(t, (_request, socket) => void socket.write(named('b')))
  const balancer = await startBalancer(t, `${proper.address} ${backup.address};backup`)
  const ask = async () => `${(await exchange(t, balancer.port, get('/'))).body}`
  for (let i = 0; i < 5; i++) t.equal(await ask(), 'p')
  balancer.registry.setDraining(balancer.registry.backends[0]!, true, 'test')
  t.equal(await ask(), 'b')
  balancer.registry.setDraining(balancer.registry.backends[0]!, false, 'test')
  t.equal(await ask(), 'p')
})

test('a second try that waits for room too long fails as the first one did, and is counted once', async (t) => {
  withoutChance(t)
  const broken = await scripted(t, (_request, socket) => socket.resetAndDestroy())
  const full = await scripted(t, () => {})
  const balancer = await startBalancer(t, `${broken.address} ${full.address};max=1`, {
    LB_QUEUE_TIMEOUT: '0.3'
  })
  balancer.registry.setDraining(balancer.registry.backends[0]!, true, 'test')
  const first = await RawClient.open(t, balancer.port)
  first.send(get('/first'))
  await eventually(() => inFlight(balancer)[2] === 1)
  balancer.registry.setDraining(balancer.registry.backends[0]!, false, 'test')
  t.equal(statusOf(await exchange(t, balancer.port, get('/second'))), 502)
  t.match(balancer.stats().requests, { failed: 1, rejected: { queueTimeout: 0 } })
  first.socket.destroy()
})
