import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Heap } from '../../soak/heap'
import { type Child, Children } from '../children'
import { freePorts, untilAnswering } from '../loopback'
import { contentAfter, type Sizes } from './file'
import { SteadyLoad } from './load'

// Reloads a file with many routes and pools again and again, under load, and prints what that takes.

const RELOADS = Number(process.argv[2] ?? 100)
const SIZES: Sizes = { routes: 1000, pools: 200, hosts: 100 }
const BACKENDS = 4
const CONNECTIONS = 32
/** Load before the first one. */
const WARM_UP_MS = 3000
const WARM_RELOADS = 10
const BETWEEN_MS = 100
const RELOADED_WITHIN_MS = 20_000
const MAX_HEAP_RATIO = 1.05
const MAX_MS = 200
const LB = path.join(__dirname, '../../bin/lb.js')
const BACKEND = path.join(__dirname, '../backend.js')

async function main(): Promise<void> {
  const children = new Children()
  const ports = await freePorts(BACKENDS)
  for (const port of ports) {
    const backend = children.start('backend', 'load', {
      command: process.execPath,
      args: [BACKEND, `${port}`]
    })
    await untilAnswering(backend, port, 33)
  }
  const backends = ports.map((port) => `127.0.0.1:${port}`)
  console.log(`${RELOADS} reloads of ${SIZES.routes} routes and ${SIZES.pools} pools, of two balancers`)
  const { durations, ...timed } = await reloads(children, backends)
  console.log(`work: ${described(durations.map(({ workMs }) => workMs))}`)
  console.log(`with the wait for new backends: ${described(durations.map(({ totalMs }) => totalMs))}`)
  // One whose garbage is collected by force forgets its compiled code, and has slow reloads after that.
  const { heaps, ...weighed } = await reloads(children, backends, await freePort())
  const ratio = heaps[1]! / heaps[0]!
  console.log(
    `heap after reload ${WARM_RELOADS}: ${heaps[0]!.toFixed(1)} MiB, after the last: ${heaps[1]!.toFixed(1)} MiB (${ratio.toFixed(3)} x)`
  )
  const failures = [...timed.failures, ...weighed.failures]
  console.log(
    `requests: ${timed.answered + weighed.answered} answered 200, ${failures.length} failed${failures.length > 0 ? `: ${failures[0]}` : ''}`
  )
  const isWell =
    failures.length === 0 && durations.every(({ workMs }) => workMs < MAX_MS) && ratio <= MAX_HEAP_RATIO
  if (!isWell) process.exitCode = 1
  process.exit()
}

interface Outcome {
  readonly durations: readonly Duration[]
  /** After the tenth reload and after the last, where there is an inspector. */
  readonly heaps: readonly number[]
  readonly answered: number
  readonly failures: readonly string[]
}

async function reloads(
  children: Children,
  backends: readonly string[],
  inspectorPort?: number
): Promise<Outcome> {
  const port = await freePort()
  const file = path.join(children.folder, 'lb.json')
  const write = (count: number) => writeFileSync(file, JSON.stringify(contentAfter(count, SIZES, backends)))
  write(0)
  const inspected = inspectorPort === undefined ? [] : [`--inspect=127.0.0.1:${inspectorPort}`]
  const balancer = children.start('balancer', 'proxy', {
    command: process.execPath,
    args: [...inspected, LB, '-p', `${port}`],
    env: { LB_CONFIG: file, LB_STATS_INTERVAL: '0' }
  })
  await untilListening(balancer)
  const heap = inspectorPort === undefined ? undefined : await Heap.of(inspectorPort)
  const load = new SteadyLoad(port, SIZES, CONNECTIONS)
  await sleep(WARM_UP_MS)
  const durations: Duration[] = []
  const heaps: number[] = []
  for (let count = 1; count <= RELOADS; count++) {
    write(count)
    process.kill(balancer.pid, 'SIGHUP')
    durations.push(await reloaded(balancer, count))
    await sleep(BETWEEN_MS)
    if (heap && (count === WARM_RELOADS || count === RELOADS)) heaps.push(await settledMib(heap))
  }
  const { answered, failures } = await load.stop()
  heap?.close()
  await children.stop(balancer)
  return { durations, heaps, answered, failures }
}

const freePort = async () => (await freePorts(1))[0]!

function described(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const late = sorted.filter((value) => value >= MAX_MS).length
  return `median ${sorted[Math.floor(sorted.length / 2)]} ms, longest ${sorted.at(-1)} ms, ${late} took ${MAX_MS} ms or more`
}

/** Of a reload, by the balancer's own clock. */
interface Duration {
  /** With the wait for the first checks of new backends. */
  readonly totalMs: number
  /** Without it. */
  readonly workMs: number
}

/** Waits for the log line of a reload, which names the new pools. */
async function reloaded(balancer: Child, reloads: number): Promise<Duration> {
  const untilMs = performance.now() + RELOADED_WITHIN_MS
  const line = new RegExp(`"added":\\["pool-0-${reloads}".*"waitedMs":(\\d+),.*"durationMs":(\\d+),`)
  for (;;) {
    const [, waitedMs, totalMs] = (line.exec(balancer.output()) ?? []).map(Number)
    if (totalMs !== undefined) return { totalMs, workMs: totalMs - waitedMs! }
    if (performance.now() > untilMs) throw new Error(`no reload:\n${balancer.output().slice(-2000)}`)
    await sleep(10)
  }
}

async function untilListening(balancer: Child): Promise<void> {
  while (!balancer.output().includes('Server listening')) {
    if (balancer.hasExited()) throw new Error(balancer.output())
    await sleep(50)
  }
}

/** Once pools that have left are closed. */
async function settledMib(heap: Heap): Promise<number> {
  await sleep(3000)
  return heap.usedMib()
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
