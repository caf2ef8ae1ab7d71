import {
  type BackendUnderTest,
  type BalancerUnderTest,
  type Harness,
  type Scenario,
  until
} from './harness.js'
import { describeFailures, Load } from './load.js'
import { freePort } from './processes.js'

const FALL = 3
const RISE = 2
/** In a transitional state, checks come every second at most. */
const IN_DOUBT_S = 1
const JITTER = 1.1
const SLACK_MS = 500

/** Backends are used when they appear, not when their checks fail, and again when they pass. */
export const autoDetection: Scenario = {
  name: 'auto-detection',
  summary: 'backends that start late are found, a failing health check takes one out and back',
  async run(harness) {
    const periodS = harness.quick ? 0.5 : 2
    const [portA, portB] = [await freePort(), await freePort()]
    const balancer = await harness.startBalancer([`127.0.0.1:${portA}`, `127.0.0.1:${portB}`], {
      LB_HEALTH_CHECK_PERIOD: String(periodS)
    })
    await nobodyThere(harness, balancer)

    const a = await harness.startBackend(['-c', 'A'], portA)
    await isFound(harness, balancer, a, 'the first backend', periodS)
    const answer = await balancer.client.send('/')
    harness.check(answer.status === 200, 'with one backend requests are served', `status ${answer.status}`)
    const b = await harness.startBackend(['-c', 'B'], portB)
    await isFound(harness, balancer, b, 'the second backend', periodS)
    await failingChecks(harness, balancer, a, b, periodS)
  }
}

async function nobodyThere(harness: Harness, balancer: BalancerUnderTest): Promise<void> {
  const [answer, ready] = [await balancer.client.send('/'), await balancer.client.send('/__lb/ready')]
  harness.check(
    answer.status === 503,
    'without a backend requests are answered 503',
    `status ${answer.status}`
  )
  harness.check(ready.status === 503, 'and it is not ready', `status ${ready.status}`)
  const { backends } = await balancer.stats()
  harness.check(
    backends.every(({ state, reason }) => state === 'unhealthy' && reason !== ''),
    `the statistics tell why: ${backends.map(({ reason }) => reason).join(' / ')}`,
    backends.map(({ state }) => state).join(' / ')
  )
}

async function isFound(
  harness: Harness,
  balancer: BalancerUnderTest,
  backend: BackendUnderTest,
  who: string,
  periodS: number
): Promise<void> {
  const limitMs = timeFor(RISE, periodS)
  const foundMs = await balancer.untilState(backend.address, 'healthy', limitMs)
  const how = foundMs === undefined ? 'not found' : `found after ${(foundMs / 1000).toFixed(1)} s`
  harness.check(
    foundMs !== undefined,
    `${who} is ${how}`,
    `it should be within ${(limitMs / 1000).toFixed(1)} s`
  )
}

async function failingChecks(
  harness: Harness,
  balancer: BalancerUnderTest,
  a: BackendUnderTest,
  b: BackendUnderTest,
  periodS: number
): Promise<void> {
  await a.set({ healthStatus: 503 })
  const outMs = await balancer.untilState(a.address, 'unhealthy', timeFor(FALL, periodS))
  const { reason, lastCheck } = await balancer.statsOf(a.address)
  harness.check(
    outMs !== undefined && reason.includes('503') && lastCheck?.ok === false,
    `health checks answered 503 take a backend out: ${reason}`
  )
  const [beforeA, beforeB] = [await a.requests(), await b.requests()]
  const report = await new Load(balancer.port, { connections: 4, requests: 40 }).finished()
  const [toA, toB] = [(await a.requests()) - beforeA, (await b.requests()) - beforeB]
  harness.check(report.failures.length === 0, 'requests go on', describeFailures(report.failures))
  harness.check(toA === 0 && toB === 40, `the other one got all of them: ${toA} and ${toB}`)

  await a.set({ healthStatus: 200 })
  await isFound(harness, balancer, a, 'when its checks pass again, it', periodS)
  const used = await until(async () => {
    await balancer.client.send('/')
    return (await a.requests()) > beforeA
  }, 2000)
  harness.check(used !== undefined, 'and is given requests')
}

/** Longest time that so many checks in a row take. */
function timeFor(checks: number, periodS: number): number {
  const seconds = periodS + (checks - 1) * Math.min(IN_DOUBT_S, periodS)
  return seconds * 1000 * JITTER + SLACK_MS
}
