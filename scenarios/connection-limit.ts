import { type Scenario, until } from './harness.js'
import { describeFailures, Load } from './load.js'

const LIMIT = 5
// Fewer connections than are open at once by default: four times the limit.
const PARALLEL = 15

/** Requests above the limit are rejected at once with a proper answer; those below it are not affected. */
export const connectionLimit: Scenario = {
  name: 'connection-limit',
  summary: 'requests above LB_MAX_CONNECTIONS are answered 503, and service goes on',
  async run(harness) {
    const latencyMs = harness.quick ? 1000 : 2000
    const backend = await harness.startBackend(['--latency', String(latencyMs)])
    const balancer = await harness.startBalancer([backend.address], { LB_MAX_CONNECTIONS: String(LIMIT) })
    const load = new Load(balancer.port, { connections: PARALLEL, requests: PARALLEL })
    await until(async () => (await balancer.stats()).requests.inFlight >= LIMIT, latencyMs / 2)
    const ready = await balancer.client.send('/__lb/ready')
    const report = await load.finished()

    const [served, refused] = [report.withStatus(200), report.withStatus(503)]
    harness.check(
      served.length === LIMIT && refused.length === PARALLEL - LIMIT,
      `of ${PARALLEL} requests at a limit of ${LIMIT}, ${served.length} are answered 200 and ${refused.length} 503`,
      describeFailures(report.failures)
    )
    harness.check(
      refused.every(({ retryAfter }) => Number(retryAfter) > 0),
      'every 503 says when to come again',
      `Retry-After: ${[...new Set(refused.map(({ retryAfter }) => retryAfter))]}`
    )
    const slowest = Math.max(...refused.map((outcome) => outcome.latencyMs))
    harness.check(
      slowest < latencyMs,
      `the refused did not wait for the others: ${slowest.toFixed(0)} ms at most`
    )
    harness.check(
      ready.status === 200,
      'the full balancer still says that it is ready',
      `status ${ready.status}`
    )
    const { requests } = await balancer.stats()
    harness.check(
      requests.rejected.overload === refused.length,
      `the statistics count ${requests.rejected.overload} as rejected for overload`,
      `clients saw ${refused.length}`
    )
    const seen = await backend.requests()
    harness.check(seen === LIMIT, `the backend got ${seen} requests`, `${LIMIT} were let in`)
    const after = await new Load(balancer.port, { connections: LIMIT, requests: LIMIT }).finished()
    harness.check(
      after.failures.length === 0,
      'afterwards requests are served',
      describeFailures(after.failures)
    )
  }
}
