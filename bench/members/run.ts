import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readCpuTime } from '../accounting'
import { type Child, Children } from '../children'
import { requireCommand } from '../commands'
import { failedRequests } from '../load-report'
import { freePorts, readBody, untilAnswering } from '../loopback'
import { runWrk } from '../wrk'
import { Churn, hostOf, type MemberChange } from './churn'

// Has members come and go under load, and prints what that costs beside a list that stays.

const MEMBERS = Number(process.argv[2] ?? 1000)
const ROUNDS = Number(process.argv[3] ?? 5)
const CHANGES_PER_SECOND = 50
const CONNECTIONS = 64
const SECONDS = 5
const TOKEN = 'a-token-of-24-characters'
const MAX_RATIO = 1.15
const MAX_LATE_MS = 100
const LB = path.join(__dirname, '../../bin/lb.js')
const BACKENDS = path.join(__dirname, 'backends.js')

interface Round {
  readonly answered: number
  readonly failed: number
  readonly microsecondsPerRequest: number
}

async function main(): Promise<void> {
  const children = new Children()
  const [backendPort = 0, staticPort = 0, movingPort = 0] = await freePorts(3)
  const backends = children.start('backends', 'load', {
    command: process.execPath,
    args: [BACKENDS, `${backendPort}`]
  })
  await untilAnswering(backends, backendPort, 33)
  const list = Array.from({ length: MEMBERS }, (_, index) => `${hostOf(index)}:${backendPort}`).join(' ')
  const start = (name: string, port: number, env: NodeJS.ProcessEnv) =>
    children.start(name, 'proxy', {
      command: process.execPath,
      args: [LB, '-p', `${port}`],
      env: { LB_HEALTH_CHECK_URL: '/check', LB_STATS_INTERVAL: '0', ...env }
    })
  const still = start('static', staticPort, { LB_BACKENDS: list })
  const moving = start('moving', movingPort, {
    LB_BACKENDS: '',
    LB_REGISTER_TOKEN: TOKEN,
    LB_REGISTER_RANGES: '127.1.0.0/16',
    LB_REGISTER_MAX: '10000'
  })
  await Promise.all([still, moving].map(untilListening))
  const churn = new Churn(movingPort, backendPort, TOKEN, MEMBERS)
  await churn.fill(MEMBERS)
  await untilAnswering(moving, movingPort, 33)
  await untilAnswering(still, staticPort, 33)
  await sleep(2000)
  const ratios: number[] = []
  let failed = 0
  let answered = 0
  for (let round = 0; round < ROUNDS; round++) {
    const before = await measured(children, still, staticPort)
    churn.start(CHANGES_PER_SECOND)
    const during = await measured(children, moving, movingPort)
    await churn.stop()
    ratios.push(during.microsecondsPerRequest / before.microsecondsPerRequest)
    failed += during.failed
    answered += during.answered
    console.log(
      `round ${round + 1}: ${before.microsecondsPerRequest.toFixed(1)} us a request with a list, ` +
        `${during.microsecondsPerRequest.toFixed(1)} with ${CHANGES_PER_SECOND} changes a second`
    )
  }
  const ratio = median(ratios)
  const late = lateness(
    churn.changes.slice(MEMBERS),
    moving,
    JSON.parse(await readBody(backendPort, '/last'))
  )
  console.log(
    `${MEMBERS} members: ${ratio.toFixed(3)} x of the processor time; ${answered} answered, ${failed} failed`
  )
  for (const [kind, values] of Object.entries(late))
    console.log(
      `${kind}: ${values.length} changes, median ${median(values)} ms, latest ${Math.max(...values)} ms`
    )
  const isWell =
    failed === 0 &&
    ratio <= MAX_RATIO &&
    Object.values(late).every((values) => Math.max(...values) <= MAX_LATE_MS)
  if (!isWell) process.exitCode = 1
  await children.stop(moving)
  process.exit()
}

async function measured(children: Children, { pid }: Child, port: number): Promise<Round> {
  const before = readCpuTime(pid)
  const load = { url: `http://127.0.0.1:${port}/33`, connections: CONNECTIONS, seconds: SECONDS }
  const report = await runWrk(children, requireCommand('wrk'), load)
  const after = readCpuTime(pid)
  const used =
    after.userMicroseconds + after.systemMicroseconds - before.userMicroseconds - before.systemMicroseconds
  return {
    answered: report.requests,
    failed: failedRequests(report),
    microsecondsPerRequest: used / report.requests
  }
}

/** How long after the balancer's word each change took effect, in milliseconds. */
function lateness(
  changes: readonly MemberChange[],
  balancer: Child,
  lastAt: Readonly<Record<string, number>>
): Record<MemberChange['kind'], number[]> {
  const healthyAt = new Map<string, number>()
  for (const [, at, address] of balancer
    .output()
    .matchAll(/"time":(\d+).*"backend":"([\d.]+):\d+","from":"checking","to":"healthy"/g))
    healthyAt.set(address!, Number(at))
  const of = (kind: MemberChange['kind'], at: (host: string) => number | undefined) =>
    changes.flatMap((change) => {
      const effective = change.kind === kind ? at(change.host) : undefined
      return effective === undefined ? [] : [Math.max(0, effective - change.at)]
    })
  return { joins: of('joins', (host) => healthyAt.get(host)), leaves: of('leaves', (host) => lastAt[host]) }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

async function untilListening(balancer: Child): Promise<void> {
  while (!balancer.output().includes('Server listening')) {
    if (balancer.hasExited()) throw new Error(balancer.output())
    await sleep(50)
  }
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
