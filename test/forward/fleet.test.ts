import { freePort } from '../../scenarios/processes.js'
import { eventually, sleep, startBalancer, startRoutes, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { needs } from '../support/command.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { redisServer } from '../support/redis.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
/** For a balancer to tell the store, and hear from it. */
const TOLD_MS = 300

test('a client has one limit at all balancers that share a store, and routes have theirs', async (t) => {
  if (!needs(t, 'redis-server')) return
  const { url } = await redisServer(t)
  const backend = await scripted(t, answering(OK))
  const shared = { LB_SHARED: url, LB_RATE_LIMIT: '6/h' }
  const routed = {
    pools: { web: { backends: [backend.address] } },
    routes: [{ name: 'web', pool: 'web', 'rate-limit': '6/h' }]
  }
  const pairs = [
    [await startBalancer(t, [backend], shared), await startBalancer(t, [backend], shared)],
    [await startRoutes(t, routed, { LB_SHARED: url }), await startRoutes(t, routed, { LB_SHARED: url })]
  ]
  for (const [first, second] of pairs) {
    const passed = [0, 0]
    for (let i = 0; i < 8; i++)
      for (const [index, { port }] of [first!, second!].entries()) {
        if (statusOf(await exchange(t, port, GET)) === 200) passed[index]!++
        await sleep(TOLD_MS / 8)
      }
    await sleep(TOLD_MS)
    const total = passed[0]! + passed[1]!
    t.ok(total >= 5 && total <= 7, `${passed} passed of 6`)
    t.ok(Math.min(...passed) >= 1, 'some at each')
    t.match(second!.stats().fleet, { store: url, connected: true, fault: null, members: Number })
  }
})

test('a balancer whose store is not there serves, and says so', async (t) => {
  const backend = await scripted(t, answering(OK))
  const store = 'redis://127.0.0.1:9'
  const { port, log, stats } = await startBalancer(t, [backend], { LB_SHARED: store, LB_RATE_LIMIT: '3/h' })
  const statuses: (number | undefined)[] = []
  for (let i = 0; i < 5; i++) statuses.push(statusOf(await exchange(t, port, GET)))
  t.same(statuses, [200, 200, 200, 429, 429])
  t.match(stats().fleet, { store, connected: false, members: 1 })
  t.ok(log.some(({ msg }) => msg === `${store} does not answer yet`))
})

test('an order that one balancer is given holds at all, and when the store is back', async (t) => {
  if (!needs(t, 'redis-server')) return
  const port = await freePort()
  const server = await redisServer(t, port)
  const [a, b] = await Promise.all([1, 2].map(() => scripted(t, answering(OK))))
  const shared = { LB_SHARED: server.url, ...WITH_TOKEN }
  const one = await startBalancer(t, [a!, b!], shared)
  const two = await startBalancer(t, [a!, b!], shared)
  const at = `/backends/${a!.address}`
  const seen = () => {
    const { draining, weight, forcedHealth } = two.registry.backendAt(a!.address)!
    return JSON.stringify([draining, weight, forcedHealth ?? 'auto'])
  }
  const { etag } = await call(two.port, 'GET', '/backends')
  await call(one.port, 'PATCH', at, { body: { draining: true, weight: 7 } })
  await eventually(() => seen() === '[true,7,"auto"]')
  t.not((await call(two.port, 'GET', '/backends')).etag, etag)
  await call(two.port, 'PATCH', at, { body: { draining: false, health: 'unhealthy' } })
  await eventually(() => one.registry.backendAt(a!.address)!.forcedHealth === 'unhealthy')
  t.match(one.registry.backendAt(a!.address), { draining: false, weight: 7 })
  await call(one.port, 'PATCH', at, { body: { weight: null, health: 'auto' } })
  await eventually(() => seen() === '[false,1,"auto"]')
  const late = await startBalancer(t, [a!, b!], shared)
  await call(one.port, 'PATCH', at, { body: { weight: 3 } })
  await eventually(() => late.registry.backendAt(a!.address)!.weight === 3)
  server.process.kill('SIGKILL')
  await call(one.port, 'PATCH', at, { body: { draining: true } })
  t.ok(one.registry.backendAt(a!.address)!.draining, 'without the store it holds here')
  await redisServer(t, port)
  await eventually(() => seen() === '[true,3,"auto"]')
  await eventually(() => late.registry.backendAt(a!.address)!.draining)
})
