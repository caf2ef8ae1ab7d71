import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from './harness.js'
import { describeFailures, Load } from './load.js'

const CONNECTIONS = 64
const WARM_UP_REQUESTS = 1000

/** Tells how fast it is here. Only errors fail it: the client needs more of the machine than the balancer does. */
export const performanceRun: Scenario = {
  name: 'performance',
  summary: 'requests per second and latency over connections kept open',
  async run(harness) {
    const a = await harness.startBackend()
    const b = await harness.startBackend()
    const balancer = await harness.startBalancer([a.address, b.address])
    await new Load(balancer.port, { connections: CONNECTIONS, requests: WARM_UP_REQUESTS }).finished()
    const load = new Load(balancer.port, { connections: CONNECTIONS })
    await delay(harness.quick ? 2000 : 10_000)
    const report = await load.stop()

    const perSecond = Math.round(report.perSecond).toLocaleString('en')
    const [p50, p99] = [report.quantileMs(0.5), report.quantileMs(0.99)].map((ms) => ms.toFixed(1))
    harness.note(`${perSecond} requests/s over ${CONNECTIONS} connections, p50 ${p50} ms, p99 ${p99} ms`)
    harness.check(
      report.failures.length === 0,
      `all ${report.count} requests were answered 200`,
      describeFailures(report.failures)
    )
    const { requests, backends } = await balancer.stats()
    const failed = requests.failed + backends.reduce((sum, backend) => sum + backend.failed, 0)
    harness.check(failed === 0, 'the statistics tell of no failure', JSON.stringify({ requests, backends }))
  }
}
