import { outcomes, type Samples } from './load/samples.js'
import type { Moments } from './phases.js'

/** Width of a bin. */
export const timelineBinMs = 100

/** Requests over time, from the start of the baseline on, in bins by the time of their end. */
export interface Timeline {
  binMs: number
  /** From the start of the baseline. */
  faultMs: number
  recoveryMs: number
  /** For each backend, how many requests it answered well in each bin. */
  answered: number[][]
  failed: number[]
  /** The longest wait that ended in each bin. */
  longestMs: number[]
}

/** Sorts the requests of an experiment into bins. */
export function timelineOf(samples: Samples, moments: Moments, backendCount: number): Timeline {
  const bins = Math.max(1, Math.ceil((moments.endMs - moments.baselineMs) / timelineBinMs))
  const zeros = () => new Array<number>(bins).fill(0)
  const answered = Array.from({ length: backendCount }, zeros)
  const failed = zeros()
  const longestMs = zeros()
  for (let index = 0; index < samples.startMs.length; index++) {
    const latencyMs = samples.latencyMs[index]!
    const bin = Math.floor((samples.startMs[index]! + latencyMs - moments.baselineMs) / timelineBinMs)
    if (bin < 0 || bin >= bins) continue
    const counts = outcomes[samples.outcome[index]!] === 'ok' ? answered[samples.backend[index]!] : failed
    if (counts) counts[bin]!++
    longestMs[bin] = Math.max(longestMs[bin]!, Math.round(latencyMs))
  }
  return {
    binMs: timelineBinMs,
    faultMs: moments.faultMs - moments.baselineMs,
    recoveryMs: moments.recoveryMs - moments.baselineMs,
    answered,
    failed,
    longestMs
  }
}
