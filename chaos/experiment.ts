import { setTimeout as sleep } from 'node:timers/promises'

import type { Children } from '../bench/children.js'
import type { FoundPeer } from '../bench/environment.js'
import { startPeer } from '../bench/start.js'
import { freePort } from '../scenarios/processes.js'
import { arrivalBinMs } from './backend-control.js'
import { nowMs } from './clock.js'
import type { Fault } from './faults.js'
import { type Figures, figuresOf } from './figures.js'
import type { Fleet } from './fleet.js'
import { LoadProcess } from './load/process.js'
import type { Samples } from './load/samples.js'
import type { Moments, Timing } from './phases.js'
import { type Timeline, timelineOf } from './timeline.js'

const returnPollMs = 100
const returnWindowMs = 500
const returnedPart = 0.8

/** What all experiments of a run share. */
export interface Stage {
  children: Children
  fleet: Fleet
  timing: Timing
  connections: number
  rate: number | undefined
}

/** One proxy under one fault. */
export interface Experiment {
  peer: string
  fault: string
  /** Whether the proxy itself ended. */
  died: boolean
  figures: Figures
  timeline: Timeline
}

/** Starts a proxy, puts load on it, injects a fault, ends it, and returns the figures. */
export async function runExperiment(
  stage: Stage,
  { peer, program }: FoundPeer,
  fault: Fault
): Promise<Experiment> {
  const { children, fleet, timing, connections, rate } = stage
  await fleet.restore()
  const port = await freePort()
  const proxy = await startPeer(children, peer, program, { port, backends: fleet.addresses, connections })
  const load = new LoadProcess({ port, connections, rate })
  let moments: Moments
  let samples: Samples
  let died: boolean
  try {
    moments = await letHappen(fleet, fault, timing)
  } finally {
    samples = await load.stop()
    died = proxy.hasExited()
    await children.stop(proxy)
  }
  const { faulty, sharesCount } = fault
  const { arrivals } = fleet
  const { settleMs } = timing
  const recording = { samples, moments, arrivals, arrivalBinMs, faulty, sharesCount, settleMs }
  return {
    peer: peer.name,
    fault: fault.name,
    died,
    figures: figuresOf(recording),
    timeline: timelineOf(samples, moments, fleet.addresses.length)
  }
}

async function letHappen(fleet: Fleet, fault: Fault, timing: Timing): Promise<Moments> {
  await sleep(timing.warmUpMs)
  const baselineMs = nowMs()
  await sleep(timing.baselineMs)
  const faultMs = nowMs()
  await fault.strike(fleet, timing.faultMs)
  await fault.recover(fleet)
  const recoveryMs = nowMs()
  await sleep(timing.recoveryMs)
  while (nowMs() < recoveryMs + timing.recoveryAtMostMs && !haveReturned(fleet, fault.faulty))
    await sleep(returnPollMs)
  // Requests sent by then may still be in flight.
  await sleep(returnPollMs)
  return { baselineMs, faultMs, recoveryMs, endMs: nowMs() }
}

/** Whether every faulty backend recently got about its share. */
function haveReturned({ arrivals }: Fleet, faulty: number[]): boolean {
  const sinceBin = Math.floor((nowMs() - returnWindowMs) / arrivalBinMs)
  const recent = arrivals.map((counts) => {
    let sum = 0
    for (const [bin, count] of counts) if (bin >= sinceBin) sum += count
    return sum
  })
  const fair = recent.reduce((sum, count) => sum + count, 0) / arrivals.length
  return fair > 0 && faulty.every((backend) => recent[backend]! >= returnedPart * fair)
}
