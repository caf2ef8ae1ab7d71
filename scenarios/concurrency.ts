import { setTimeout as delay } from 'node:timers/promises'
import { type Harness, type Scenario, until } from './harness.js'
import { describeFailures, Load } from './load.js'

const PARALLEL = 100
/** Requests that one backend may have more than the other: those that ended before the last had come. */
const IMBALANCE = 10
const SLOW_MS = 200
const FAST_MS = 20
const SLOW_SHARE = 0.25

/** Many requests at once are all served, and a backend that is slow is given less. */
export const concurrency: Scenario = {
  name: 'concurrency',
  summary: 'parallel requests are all served, a slow backend gets fewer',
  async run(harness) {
    await allAtOnce(harness)
    await slowBackend(harness)
  }
}

async function allAtOnce(harness: Harness): Promise<void> {
  const a = await harness.startBackend(['--latency', '500'])
  const b = await harness.startBackend(['--latency', '500'])
  const balancer = await harness.startBalancer([a.address, b.address])
  const load = new Load(balancer.port, { connections: PARALLEL, requests: PARALLEL })
  const peak = until(async () => (await balancer.stats()).requests.inFlight === PARALLEL, 450)
  const report = await load.finished()
  if ((await peak) === undefined)
    harness.note('this machine was too slow to have all in flight at one moment')

  const ok = report.withStatus(200).length
  const failures = describeFailures(report.failures)
  harness.check(ok === PARALLEL, `${PARALLEL} requests at once: ${ok} answered 200`, failures)
  const shares = [a.port, b.port].map((port) => report.answeredBy(port)) as [number, number]
  harness.check(
    Math.abs(shares[0] - shares[1]) <= IMBALANCE,
    `${PARALLEL} requests at once: shared ${shares.join(' and ')}`,
    `they should differ by ${IMBALANCE} at most`
  )
  const idle = await until(async () => {
    const stats = await balancer.stats()
    return stats.requests.inFlight === 0 && stats.backends.every(({ active }) => active === 0)
  }, 1000)
  harness.check(
    idle !== undefined,
    'afterwards nothing counts as in flight',
    JSON.stringify(await balancer.stats())
  )
}

async function slowBackend(harness: Harness): Promise<void> {
  const slow = await harness.startBackend(['--latency', String(SLOW_MS)])
  const fast = await harness.startBackend(['--latency', String(FAST_MS)])
  const balancer = await harness.startBalancer([slow.address, fast.address])
  const load = new Load(balancer.port, { connections: 20 })
  await delay(harness.quick ? 1500 : 6000)
  const report = await load.stop()

  const failures = describeFailures(report.failures)
  harness.check(
    report.failures.length === 0,
    `with a slow backend: all ${report.count} answered 200`,
    failures
  )
  const share = report.answeredBy(slow.port) / report.count
  harness.check(
    share > 0 && share <= SLOW_SHARE,
    `a backend of ${SLOW_MS} ms beside one of ${FAST_MS} ms gets ${(100 * share).toFixed(0)} % of the requests`,
    `it should get some, but ${100 * SLOW_SHARE} % at most`
  )
}
