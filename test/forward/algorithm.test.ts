import { once } from 'node:events'
import type { Test } from 'tap'
import { eventually, sleep, startBalancer, test, withoutChance } from '../helper.js'
import { type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { upgrade } from '../support/tunnel.js'
import { statusOf } from '../support/wire.js'

const named = (name: string) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`
const get = (target: string, ...lines: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')

function backends(t: Test, ...names: string[]): Promise<RawBackend[]> {
  return Promise.all(names.map((name) => scripted(t, (_request, socket) => void socket.write(named(name)))))
}

/** The names of those that answer these requests, one after another on one connection. */
async function answers(t: Test, port: number, requests: readonly string[]): Promise<string> {
  const client = await RawClient.open(t, port)
  let names = ''
  for (const request of requests) {
    const arrival = once(client.socket, 'data')
    client.send(request)
    await arrival
    const response = await client.response()
    if (statusOf(response) !== 200) t.fail(response.startLine)
    names += response.body
  }
  client.socket.destroy()
  return names
}

const times = (count: number, request: (i: number) => string = () => get('/')) =>
  Array.from({ length: count }, (_, i) => request(i))

for (const algorithm of ['least-connections', 'peak-ewma', 'p2c', 'round-robin', 'random', 'hash']) {
  test(`${algorithm}: serves, and goes around a backend that is killed`, async (t) => {
    const servers = await backends(t, 'a', 'b', 'c')
    const env = { LB_ALGORITHM: algorithm, ...(algorithm === 'hash' ? { LB_HASH_KEY: 'target' } : {}) }
    const balancer = await startBalancer(t, servers, env)
    const requests = times(60, (i) => get(`/${i}`))
    const before = await answers(t, balancer.port, requests)
    t.same([...new Set(before)].sort(), ['a', 'b', 'c'])
    await servers[1]!.stop()
    const after = await answers(t, balancer.port, requests)
    // By latency one of them may be enough.
    if (algorithm === 'peak-ewma') t.notMatch(after, 'b')
    else t.same([...new Set(after)].sort(), ['a', 'c'])
    t.equal(balancer.stats().requests.failed, 0)
    if (algorithm !== 'hash') return
    t.equal(await answers(t, balancer.port, requests), after, 'each target has its place')
    t.ok([...before].every((name, i) => name === 'b' || name === after[i]))
  })
}

test('round-robin: strictly in turn, on any number of connections', async (t) => {
  const [a, b] = await backends(t, 'a', 'b')
  const { port } = await startBalancer(t, [a!, b!], { LB_ALGORITHM: 'round-robin' })
  t.equal(await answers(t, port, times(9)), 'ababababa')
  let names = ''
  for (let i = 0; i < 6; i++) names += (await exchange(t, port, get('/'))).body
  t.equal(names, 'bababa')
  const weighted = await startBalancer(t, `${a!.address};weight=3 ${b!.address}`, {
    LB_ALGORITHM: 'round-robin'
  })
  t.equal(await answers(t, weighted.port, times(8)), 'aabaaaba')
})

test('hash by header: a key stays on one backend, and what has none goes by least connections', async (t) => {
  const servers = await backends(t, 'a', 'b', 'c')
  const { port } = await startBalancer(t, servers, { LB_ALGORITHM: 'hash', LB_HASH_KEY: 'header:X-User' })
  const keys = times(60, (i) => get('/', `x-user: ${i}`))
  const places = await answers(t, port, keys)
  t.same([...new Set(places)].sort(), ['a', 'b', 'c'])
  t.equal(await answers(t, port, keys), places)
  for (const lines of [[], ['X-User:']]) {
    const names = await answers(
      t,
      port,
      times(60, () => get('/', ...lines))
    )
    t.same([...new Set(names)].sort(), ['a', 'b', 'c'])
  }
})

test('hash by cookie', async (t) => {
  const { port } = await startBalancer(t, await backends(t, 'a', 'b', 'c'), {
    LB_ALGORITHM: 'hash',
    LB_HASH_KEY: 'cookie:sid'
  })
  const keys = (more: number) => times(20, (i) => get('/', `Cookie: n=${i + more}; sid=${i}`))
  t.equal(await answers(t, port, keys(0)), await answers(t, port, keys(7)))
})

test('hash by target: each of them by its own, and an upgrade to the same place', async (t) => {
  const servers = await backends(t, 'a', 'b', 'c')
  const { port } = await startBalancer(t, servers, { LB_ALGORITHM: 'hash', LB_HASH_KEY: 'target' })
  const targets = times(60, (i) => `/${i}?x`)
  const places = await answers(
    t,
    port,
    targets.map((target) => get(target))
  )
  t.same([...new Set(places)].sort(), ['a', 'b', 'c'])
  let upgrades = ''
  for (const target of targets) upgrades += (await exchange(t, port, upgrade(target))).body
  t.equal(upgrades, places)
})

test('hash by address: of the client, by the word of a trusted proxy', async (t) => {
  const servers = await backends(t, 'a', 'b', 'c')
  const requests = times(60, (i) => get('/', `X-Forwarded-For: 198.51.100.${i}`))
  const trusting = await startBalancer(t, servers, { LB_ALGORITHM: 'hash', LB_TRUSTED_PROXIES: '127.0.0.1' })
  const places = await answers(t, trusting.port, requests)
  t.same([...new Set(places)].sort(), ['a', 'b', 'c'])
  t.equal(await answers(t, trusting.port, requests), places)
  const other = await startBalancer(t, servers, { LB_ALGORITHM: 'hash' })
  t.equal(new Set(await answers(t, other.port, requests)).size, 1)
})

test('peak-ewma: a backend that answers late gets few requests', async (t) => {
  const slow = await scripted(t, (_request, socket) => void setTimeout(() => socket.write(named('s')), 60))
  const balancer = await startBalancer(t, [slow, ...(await backends(t, 'f'))], { LB_ALGORITHM: 'peak-ewma' })
  const names = await answers(t, balancer.port, times(100))
  t.ok([...names].filter((name) => name === 's').length <= 10, names)
  t.match(names, 's', 'but is tried')
})

test('peak-ewma: the time that a client takes for its upload is not the latency of the backend', async (t) => {
  withoutChance(t)
  const late = await scripted(t, (_request, socket) => void setTimeout(() => socket.write(named('l')), 400))
  const servers = [...(await backends(t, 'a')), late]
  const balancer = await startBalancer(t, servers, { LB_ALGORITHM: 'peak-ewma' })
  const client = await RawClient.open(t, balancer.port)
  client.send('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1')
  await eventually(() => balancer.registry.inFlight === 1)
  await sleep(1200)
  client.send('2')
  t.equal(`${(await client.response()).body}`, 'a')
  t.equal(await answers(t, balancer.port, times(5)), 'laaaa')
})
