import { sleep, startBalancer, startRoutes, test } from '../helper.js'
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
