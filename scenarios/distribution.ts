import type { BackendUnderTest, BalancerUnderTest, Harness, Scenario } from './harness.js'
import { describeFailures, Load } from './load.js'

const CONNECTIONS = 16
/** Standard deviations that chance may take a count from its mean: it goes beyond once in 15 000 times. */
const SIGMAS = 4
/** With requests in flight counts are balanced by rule; how fast a backend happens to be moves them a little. */
const CONCURRENT_TOLERANCE = 0.08

interface Mix {
  readonly what: string
  readonly share: number
  readonly weight: number
}

const MIXES: Mix[] = [
  { what: 'equal weights', share: 1 / 2, weight: 1 },
  { what: 'weights 1 and 3', share: 1 / 4, weight: 3 }
]

/** Requests are spread by weight, both one after another and many at once, and every count agrees. */
export const distribution: Scenario = {
  name: 'distribution',
  summary: 'requests are spread over the backends by weight',
  async run(harness) {
    const a = await harness.startBackend(['-c', 'A', '--latency', '4'])
    const b = await harness.startBackend(['-c', 'B', '--latency', '4'])
    for (const mix of MIXES) {
      const balancer = await harness.startBalancer([a.address, `${b.address};weight=${mix.weight}`])
      const requests = harness.quick ? 240 : 1200
      const deviation = Math.sqrt((mix.share * (1 - mix.share)) / requests)
      await spread(harness, balancer, [a, b], 1, requests, mix, SIGMAS * deviation)
      await spread(harness, balancer, [a, b], CONNECTIONS, requests * 4, mix, CONCURRENT_TOLERANCE)
    }
  }
}

async function spread(
  harness: Harness,
  balancer: BalancerUnderTest,
  backends: [BackendUnderTest, BackendUnderTest],
  connections: number,
  requests: number,
  { what, share }: Mix,
  tolerance: number
): Promise<void> {
  const how = connections === 1 ? 'one by one' : `${connections} at once`
  const name = `${what}, ${requests} requests ${how}`
  const before = await counts(balancer, backends)
  const report = await new Load(balancer.port, { connections, requests }).finished()
  const after = await counts(balancer, backends)

  const failures = describeFailures(report.failures)
  harness.check(report.failures.length === 0, `${name}: all answered 200`, failures)
  const [a, b] = backends.map((backend) => report.answeredBy(backend.port)) as [number, number]
  const seen = a / report.count
  harness.check(
    Math.abs(seen - share) <= tolerance,
    `${name}: ${a} to A and ${b} to B`,
    `A got ${percent(seen)}, and should get ${percent(share)} ± ${percent(tolerance)}`
  )
  const own = after.own.map((count, i) => count - before.own[i]!)
  const told = after.told.map((count, i) => count - before.told[i]!)
  harness.check(
    String(own) === String([a, b]) && String(told) === String([a, b]),
    `${name}: clients, statistics and backends count the same`,
    `clients saw ${a},${b}, the statistics tell ${told}, the backends ${own}`
  )
}

async function counts(balancer: BalancerUnderTest, backends: readonly BackendUnderTest[]) {
  const told = (await balancer.stats()).backends.map(({ total }) => total)
  return { told, own: await Promise.all(backends.map((backend) => backend.requests())) }
}

const percent = (value: number) => `${(100 * value).toFixed(1)} %`
