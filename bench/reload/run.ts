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
const WARM_RELOADS = 10
const BETWEEN_MS = 100
const RELOADED_WITHIN_MS = 20_000
const MAX_HEAP_RATIO = 1.05
const MAX_MS = 200
const LB = path.join(__dirname, '../../bin/lb.js')
const BACKEND = path.join(__dirname, '../backend.js')

async function main(): Promise<void> {
  const children = new Children()
  const [port, inspectorPort, ...ports] = (await freePorts(BACKENDS + 2)) as [number, number, ...number[]]
  for (const backendPort of ports) {
    const backend = children.start('backend', 'load', {
      command: process.execPath,
      args: [BACKEND, `${backendPort}`]
    })
    await untilAnswering(backend, backendPort, 33)
  }
  const backends = ports.map((backendPort) => `127.0.0.1:${backendPort}`)
  const file = path.join(children.folder, 'lb.json')
  const write = (reloads: number) =>
    writeFileSync(file, JSON.stringify(contentAfter(reloads, SIZES, backends)))
  write(0)
  const balancer = children.start('balancer', 'proxy', {
    command: process.execPath,
    args: [`--inspect=127.0.0.1:${inspectorPort}`, LB, '-p', `${port}`],
    env: { LB_CONFIG: file, LB_STATS_INTERVAL: '0' }
  })
  await untilListening(balancer)
  const heap = await Heap.of(inspectorPort)
  const load = new SteadyLoad(port, SIZES, CONNECTIONS)
  const durations: number[] = []
  const heaps: number[] = []
  for (let reloads = 1; reloads <= RELOADS; reloads++) {
    write(reloads)
    process.kill(balancer.pid, 'SIGHUP')
    durations.push(await reloaded(balancer, reloads))
    await sleep(BETWEEN_MS)
    if (reloads === WARM_RELOADS || reloads === RELOADS) heaps.push(await settledMib(heap))
  }
  const { answered, failures } = await load.stop()
  heap.close()
  await children.stop(balancer)
  const sorted = durations.slice().sort((a, b) => a - b)
  const ratio = heaps[1]! / heaps[0]!
  console.log(`${RELOADS} reloads of ${SIZES.routes} routes and ${SIZES.pools} pools`)
  console.log(
    `requests: ${answered} answered 200, ${failures.length} failed${failures.length > 0 ? `: ${failures[0]}` : ''}`
  )
  console.log(`reload: median ${sorted[Math.floor(sorted.length / 2)]} ms, longest ${sorted.at(-1)} ms`)
  console.log(
    `heap after reload ${WARM_RELOADS}: ${heaps[0]!.toFixed(1)} MiB, after the last: ${heaps[1]!.toFixed(1)} MiB (${ratio.toFixed(3)} x)`
  )
  const isWell = failures.length === 0 && sorted.at(-1)! < MAX_MS && ratio <= MAX_HEAP_RATIO
  if (!isWell) process.exitCode = 1
  process.exit()
}

/** Waits for the log line of a reload, which names the new pools. Returns how long that took, by the balancer's own clock. */
async function reloaded(balancer: Child, reloads: number): Promise<number> {
  const untilMs = performance.now() + RELOADED_WITHIN_MS
  const line = new RegExp(`"added":\\["pool-0-${reloads}".*"durationMs":(\\d+),`)
  for (;;) {
    const [, durationMs] = line.exec(balancer.output()) ?? []
    if (durationMs) return Number(durationMs)
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
