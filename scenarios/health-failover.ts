import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from './harness.js'
import { describeFailures, Load } from './load.js'

const CONNECTIONS = 16
const FALL = 3
const SETTLE_MS = 500
const WARN = 40

/** A backend that dies under load costs clients nothing, and the balancer says what it did about it. */
export const healthFailover: Scenario = {
  name: 'health-failover',
  summary: 'one of two backends is killed under load, clients notice nothing',
  async run(harness) {
    const periodS = harness.quick ? 0.5 : 2
    const doomed = await harness.startBackend(['--latency', '20'])
    const other = await harness.startBackend(['--latency', '20'])
    const balancer = await harness.startBalancer([doomed.address, other.address], {
      LB_HEALTH_CHECK_PERIOD: String(periodS)
    })
    const load = new Load(balancer.port, { connections: CONNECTIONS })
    await delay(harness.quick ? 700 : 3000)

    doomed.process.kill('SIGKILL')
    const killedMs = performance.now()
    const limitMs = (FALL + 1) * periodS * 1000
    const outMs = await balancer.untilState(doomed.address, 'unhealthy', limitMs)
    await delay(SETTLE_MS)
    const settled = await balancer.statsOf(doomed.address)
    const otherBefore = await other.requests()
    await delay(harness.quick ? 700 : 3000)
    const last = await balancer.statsOf(doomed.address)
    const otherAfter = await other.requests()
    const report = await load.stop()

    harness.check(
      report.answeredBy(doomed.port) > 0 && report.answeredBy(other.port) > 0,
      `${report.count} requests, both backends served before`
    )
    const begunAfter = report.outcomes.filter(({ startMs }) => startMs > killedMs)
    const lateFailures = begunAfter.filter(({ status }) => status !== 200)
    harness.check(
      lateFailures.length === 0,
      `no request begun after the kill failed (${begunAfter.length} were)`,
      describeFailures(lateFailures)
    )
    const underWay = report.failures.filter(({ startMs }) => startMs <= killedMs)
    harness.check(
      underWay.length <= CONNECTIONS,
      `of those under way at the kill ${underWay.length} failed, at most ${CONNECTIONS} could be on that backend`,
      describeFailures(underWay)
    )
    harness.check(
      outMs !== undefined,
      `it was taken out within ${(FALL + 1) * periodS} s${outMs === undefined ? '' : `, in fact after ${outMs.toFixed(0)} ms`}`
    )
    harness.check(
      settled.total === last.total && last.active === 0 && otherAfter > otherBefore,
      `it got no more traffic, the other one served ${otherAfter - otherBefore} meanwhile`,
      `${last.total - settled.total} more requests went to it, ${last.active} are still on it`
    )
    harness.check(
      last.state === 'unhealthy' && last.reason !== '',
      `the statistics tell: ${last.state}, ${last.reason}`
    )
    const line = balancer
      .logs()
      .find(({ level, backend, to }) => level >= WARN && backend === doomed.address && to === 'unhealthy')
    harness.check(line !== undefined, `the log tells: ${line?.msg ?? 'nothing'}`)
  }
}
