import type { BackendUnderTest, BalancerUnderTest, Harness, Scenario } from './harness.js'
import { describeFailures, Load, type LoadReport } from './load.js'

type Pair = readonly [BackendUnderTest, BackendUnderTest]

interface Mix {
  readonly what: string
  /** Of the second backend; the first has 1. */
  readonly weight: number
}

const MIXES: readonly Mix[] = [
  { what: 'equal weights', weight: 1 },
  { what: 'weights 1 and 3', weight: 3 }
]
/** Standard deviations that chance may take a count from its mean: it goes beyond once in 15 000 times. */
const SIGMAS = 4
const PARALLEL = 16
/** Long enough that all requests of a round are there before the first is answered. */
const ROUND_MS = 400
/** Requests of a round that may be misplaced: one that ended early after all. */
const MISPLACED = 1

/** Requests are spread by weight, both one after another and many at once, and every count agrees. */
export const distribution: Scenario = {
  name: 'distribution',
  summary: 'requests are spread over the backends by weight',
  async run(harness) {
    const backends: Pair = [await harness.startBackend(['-c', 'A']), await harness.startBackend(['-c', 'B'])]
    for (const mix of MIXES) {
      const balancer = await harness.startBalancer([
        backends[0].address,
        `${backends[1].address};weight=${mix.weight}`
      ])
      for (const backend of backends) await backend.set({ latency: 0 })
      await oneByOne(harness, balancer, backends, mix)
      for (const backend of backends) await backend.set({ latency: ROUND_MS })
      await manyAtOnce(harness, balancer, backends, mix)
    }
  }
}

/** With nothing in flight chance decides, by weight. */
async function oneByOne(
  harness: Harness,
  balancer: BalancerUnderTest,
  backends: Pair,
  { what, weight }: Mix
) {
  const requests = harness.quick ? 400 : 4000
  const share = 1 / (1 + weight)
  const tolerance = SIGMAS * Math.sqrt(share * (1 - share) * requests)
  const name = `${what}, ${requests} requests one by one`
  const before = await counts(balancer, backends)
  const report = await new Load(balancer.port, { connections: 1, requests }).finished()
  const after = await counts(balancer, backends)
  const [a, b] = answers(report, backends)
  harness.check(
    Math.abs(a - share * requests) <= tolerance,
    `${name}: ${a} to A and ${b} to B`,
    `A should get ${share * requests} ± ${tolerance.toFixed(0)}`
  )
  checkCounts(harness, name, [report], backends, before, after)
}

/** With requests in flight their number decides, and nothing is left to chance. */
async function manyAtOnce(
  harness: Harness,
  balancer: BalancerUnderTest,
  backends: Pair,
  { what, weight }: Mix
) {
  const rounds = harness.quick ? 3 : 12
  const name = `${what}, ${rounds} times ${PARALLEL} requests at once`
  const wanted = PARALLEL / (1 + weight)
  const before = await counts(balancer, backends)
  const reports: LoadReport[] = []
  for (let round = 1; round <= rounds; round++) {
    reports.push(await new Load(balancer.port, { connections: PARALLEL, requests: PARALLEL }).finished())
  }
  const after = await counts(balancer, backends)
  const splits = reports.map((report) => answers(report, backends))
  const list = splits.map((split) => split.join(':')).join(', ')
  harness.check(
    splits.every(([a]) => Math.abs(a - wanted) <= MISPLACED),
    `${name}: A and B got ${list}`,
    `A should get ${wanted} of them, or ${MISPLACED} more or less`
  )
  checkCounts(harness, name, reports, backends, before, after)
}

/** What each backend answered, as the clients saw it. */
function answers(report: LoadReport, backends: Pair): [number, number] {
  return [report.answeredBy(backends[0].port), report.answeredBy(backends[1].port)]
}

function checkCounts(
  harness: Harness,
  name: string,
  reports: readonly LoadReport[],
  backends: Pair,
  before: Counts,
  after: Counts
): void {
  const failures = reports.flatMap((report) => report.failures)
  harness.check(failures.length === 0, `${name}: all answered 200`, describeFailures(failures))
  const splits = reports.map((report) => answers(report, backends))
  const seen = [0, 1].map((i) => splits.reduce((sum, split) => sum + split[i]!, 0))
  const told = after.told.map((count, i) => count - before.told[i]!)
  const own = after.own.map((count, i) => count - before.own[i]!)
  harness.check(
    String(told) === String(seen) && String(own) === String(seen),
    `${name}: clients, statistics and backends count alike`,
    `clients saw ${seen}, the statistics tell ${told}, the backends ${own}`
  )
}

/** What the balancer tells that it gave to each backend, and what each says that it got. */
interface Counts {
  readonly told: readonly number[]
  readonly own: readonly number[]
}

async function counts(balancer: BalancerUnderTest, backends: Pair): Promise<Counts> {
  const told = (await balancer.stats()).backends.map(({ total }) => total)
  return { told, own: await Promise.all(backends.map((backend) => backend.requests())) }
}
