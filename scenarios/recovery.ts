import { setTimeout as delay } from 'node:timers/promises'
import { type Scenario, until } from './harness.js'
import { describeFailures, Load } from './load.js'

const PERIODS = 2
/** Check periods vary by a tenth, and the machine may be busy. */
const JITTER = 1.1
const SLACK_MS = 500
const FALL = 3

/** A backend that comes back is soon used again, without an error for clients. */
export const recovery: Scenario = {
  name: 'recovery',
  summary: 'a backend that is started again serves within two check periods',
  async run(harness) {
    const periodS = harness.quick ? 0.5 : 3
    const first = await harness.startBackend()
    const other = await harness.startBackend()
    const balancer = await harness.startBalancer([first.address, other.address], {
      LB_HEALTH_CHECK_PERIOD: String(periodS)
    })
    const load = new Load(balancer.port, { connections: 4 })
    await delay(200)
    await first.process.stop()
    const outMs = await balancer.untilState(first.address, 'unhealthy', (FALL + 1) * periodS * 1000)
    harness.check(outMs !== undefined, 'a backend that is stopped is taken out')

    const again = await harness.startBackend([], first.port)
    const limitMs = PERIODS * periodS * 1000 * JITTER + SLACK_MS
    const backMs = await until(async () => (await again.requests()) > 0, limitMs * 2)
    harness.check(
      backMs !== undefined && backMs <= limitMs,
      `started again it serves ${backMs === undefined ? 'never' : `after ${(backMs / 1000).toFixed(1)} s`}, checks are every ${periodS} s`,
      `it should within ${(limitMs / 1000).toFixed(1)} s`
    )
    const stats = await balancer.statsOf(first.address)
    harness.check(stats.state === 'healthy', `the statistics tell: ${stats.state}, ${stats.reason}`)
    await delay(200)
    const report = await load.stop()
    const served = await again.requests()
    harness.check(served > 1, `and goes on serving: ${served} requests`)
    harness.check(
      report.failures.length === 0,
      `all ${report.count} requests of the whole time were answered 200`,
      describeFailures(report.failures)
    )
  }
}
