import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { type Child, Children } from '../bench/children.js'
import { requireOpenFiles } from '../bench/environment.js'
import { freePorts } from '../bench/loopback.js'
import type { Peer } from '../bench/peers/peer.js'
import { startPeer } from '../bench/start.js'
import { everyBackend, Fleet } from '../chaos/fleet.js'
import { LoadProcess } from '../chaos/load/process.js'
import type { Tally } from '../chaos/load/samples.js'
import { fairlead } from '../chaos/peers/fairlead.js'
import type { Statistics } from '../lib/observe/statistics.js'
import { FaultInjector } from './fault-injector.js'
import { Heap } from './heap.js'
import { type Options, readOptions } from './options.js'
import { reconcile } from './reconcile.js'
import { checkMemory, describe, type Outcome, trendsOf } from './report.js'
import { type Sample, sampleOf, statisticsOf } from './watch.js'

const minuteMs = 60_000
const sampleMs = 5000
/** Short runs are sampled more often. */
const fewestSamples = 20
const quietWithinMs = 5000
const quietPollMs = 50

/**
 * As for the chaos runs, with hedges, the queue for slots, and waiting while no backend is available.
 * @param inspectorPort for measuring its memory
 */
const soaked = (inspectorPort: number): Peer => ({
  ...fairlead,
  launch(program, place) {
    const roomy = Math.max(2, Math.ceil(place.connections / 3))
    const backends = place.backends.map((address) => `${address};max=${roomy}`)
    const launch = fairlead.launch(program, { ...place, backends })
    return {
      ...launch,
      args: [`--inspect=127.0.0.1:${inspectorPort}`, ...launch.args],
      env: { ...launch.env, LB_HEDGE: 'true', LB_OUTAGE_TIMEOUT: '1', LB_QUEUE_TIMEOUT: '1' }
    }
  }
})

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (process.platform !== 'linux') throw new Error('The faults need signals, and the samples /proc: Linux.')
  requireOpenFiles([options])
  const program = fairlead.find()
  if (!program) throw new Error('Fairlead is not built: npm run build')
  const outcome = await soak(options, program)
  console.log(describe(outcome))
  mkdirSync(path.dirname(options.jsonFile), { recursive: true })
  writeFileSync(options.jsonFile, `${JSON.stringify(outcome, null, 1)}\n`)
  console.error(`written: ${path.relative('', options.jsonFile)}`)
  if (outcome.checks.some(({ holds }) => !holds)) process.exitCode = 1
}

async function soak({ minutes, connections, seed }: Options, program: string): Promise<Outcome> {
  const children = new Children()
  const fleet = await Fleet.start(mkdtempSync(path.join(children.folder, 'ledgers-')))
  const [port, inspectorPort] = (await freePorts(2)) as [number, number]
  const balancer = await startPeer(children, soaked(inspectorPort), program, {
    port,
    backends: fleet.addresses,
    connections
  })
  const before = await quietStatistics(port)
  const backendsBefore = everyBackend.map((index) => fleet.account(index))
  const load = new LoadProcess<Tally>({ port, connections, rate: undefined, isTallied: true })
  const faults = new FaultInjector(fleet, seed)
  const made = faults.run()
  const heap = await Heap.of(inspectorPort)
  const samples = await watch(balancer, port, heap, minutes * minuteMs)
  heap.close()
  faults.stop()
  await made
  const clients = await load.stop()
  const after = await quietStatistics(port)
  const backendsAfter = everyBackend.map((index) => fleet.account(index))
  await children.stop(balancer)
  await fleet.stop()
  const memory = trendsOf(samples)
  const counts = { before, after, clients, backendsBefore, backendsAfter }
  return {
    facts: [
      `${new Date().toISOString()}, Node ${process.version}, ${os.type()} ${os.release()}`,
      `${minutes} minutes, ${connections} client connections, seed ${seed}`
    ],
    minutes,
    clients,
    faults: faults.counts,
    samples,
    memory,
    checks: [...reconcile(counts), ...checkMemory(memory, minutes)]
  }
}

async function watch(balancer: Child, port: number, heap: Heap, durationMs: number): Promise<Sample[]> {
  const samples: Sample[] = []
  const periodMs = Math.min(sampleMs, durationMs / fewestSamples)
  const beginMs = performance.now()
  for (let dueMs = periodMs; dueMs <= durationMs; dueMs += periodMs) {
    await Promise.race([sleep(beginMs + dueMs - performance.now()), balancer.exited])
    if (balancer.hasExited()) throw new Error(`the balancer ended:\n${balancer.output().slice(-2000)}`)
    samples.push(await sampleOf(balancer.pid, port, heap, performance.now() - beginMs))
  }
  return samples
}

/** The statistics once nothing is in flight, or after a time limit. */
async function quietStatistics(port: number): Promise<Statistics> {
  const deadlineMs = performance.now() + quietWithinMs
  for (;;) {
    const statistics = await statisticsOf(port)
    const { inFlight, queued, retrying } = statistics.requests
    const active = statistics.backends.reduce((sum, backend) => sum + backend.active, 0)
    if (inFlight + queued + retrying + active === 0 || performance.now() > deadlineMs) return statistics
    await sleep(quietPollMs)
  }
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
