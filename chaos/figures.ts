import { type Outcome, outcomes, type Samples } from './load/samples.js'
import type { Moments } from './phases.js'

/** Requests of one phase. */
export interface PhaseFigures {
  requests: number
  failed: number
  /** Answered well, by the time of the answer. */
  answeredPerSecond: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

/** The figures of one proxy under one fault. Times in milliseconds; undefined means "never" or "unknown". */
export interface Figures {
  requests: number
  failed: number
  failures: Partial<Record<Outcome, number>>
  waitedOverSecond: number
  baseline: PhaseFigures
  fault: PhaseFigures
  recovery: PhaseFigures
  /** p99 of the fault against that of the baseline. */
  p99Ratio: number
  /** Requests answered per second during the fault against the baseline. */
  throughputKept: number
  /** The fault without its first moments. */
  settled: { requests: number; failed: number }
  /** Part of the requests that backends got in the settled time which went to faulty ones. */
  faultyShare: number | undefined
  /** From the fault to the last request that a faulty backend got before the recovery. */
  lastGivenMs: number | undefined
  /** From the fault to the end of the last request that failed. */
  lastFailureMs: number | undefined
  /** From the recovery to the first answer of a faulty backend to a request sent since then. */
  firstReturnMs: number | undefined
  /** From the recovery until every faulty backend gave 80 % of its fair share of the answers. */
  fairReturnMs: number | undefined
}

/** What was recorded of one experiment. */
export interface Recording {
  samples: Samples
  moments: Moments
  /** Requests that each backend got, by bins of the clock. */
  arrivals: Map<number, number>[]
  arrivalBinMs: number
  faulty: number[]
  sharesCount: boolean
  settleMs: number
}

const fairReturnWindowMs = 500
const fairReturnPart = 0.8
const longWaitMs = 1000
const okIndex = outcomes.indexOf('ok')

/** Works out the figures of an experiment. */
export function figuresOf(recording: Recording): Figures {
  const { samples, moments, faulty, settleMs } = recording
  const { baselineMs, faultMs, recoveryMs, endMs } = moments
  const counted = indicesWhere(samples, (start) => start >= baselineMs)
  const ofBaseline = indicesWhere(samples, (start, end) => start >= baselineMs && end < faultMs)
  const ofFault = indicesWhere(samples, (start, end) => end >= faultMs && start < recoveryMs)
  const ofRecovery = indicesWhere(samples, (start) => start >= recoveryMs)
  const settled = ofFault.filter((index) => endOf(samples, index) >= faultMs + settleMs)
  const failed = counted.filter((index) => hasFailed(samples, index))
  const baseline = phaseFigures(samples, ofBaseline, baselineMs, faultMs)
  const fault = phaseFigures(samples, ofFault, faultMs, recoveryMs)
  return {
    requests: counted.length,
    failed: failed.length,
    failures: countByOutcome(samples, failed),
    waitedOverSecond: counted.filter((index) => samples.latencyMs[index]! > longWaitMs).length,
    baseline,
    fault,
    recovery: phaseFigures(samples, ofRecovery, recoveryMs, endMs),
    p99Ratio: fault.p99Ms / baseline.p99Ms,
    throughputKept: fault.answeredPerSecond / baseline.answeredPerSecond,
    settled: {
      requests: settled.length,
      failed: settled.filter((index) => hasFailed(samples, index)).length
    },
    ...givenDuringFault(recording),
    lastFailureMs: latest(
      failed.map((index) => endOf(samples, index)).filter((end) => end >= faultMs),
      faultMs
    ),
    firstReturnMs: firstReturn(samples, ofRecovery, faulty, recoveryMs),
    fairReturnMs: fairReturn(recording)
  }
}

/** The value that so large a part of the sorted values does not exceed; 0 when there are none. */
export function quantile(sorted: Float64Array, part: number): number {
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0
}

function phaseFigures(samples: Samples, indices: number[], fromMs: number, toMs: number): PhaseFigures {
  const sorted = Float64Array.from(indices, (index) => samples.latencyMs[index]!).sort()
  const answered = indicesWhere(samples, (_start, end) => end >= fromMs && end < toMs)
  const good = answered.filter((index) => !hasFailed(samples, index)).length
  return {
    requests: indices.length,
    failed: indices.filter((index) => hasFailed(samples, index)).length,
    answeredPerSecond: (good * 1000) / (toMs - fromMs),
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? 0
  }
}

function givenDuringFault(recording: Recording): Pick<Figures, 'faultyShare' | 'lastGivenMs'> {
  if (!recording.sharesCount) return { faultyShare: undefined, lastGivenMs: undefined }
  const { arrivals, arrivalBinMs, faulty, settleMs } = recording
  const { faultMs, recoveryMs } = recording.moments
  let ofFaulty = 0
  let ofAll = 0
  const givenAtMs: number[] = []
  arrivals.forEach((counts, backend) => {
    for (const [bin, count] of counts) {
      const endMs = (bin + 1) * arrivalBinMs
      const isFaulty = faulty.includes(backend)
      // Bins that reach beyond the fault would count requests that were right.
      if (bin * arrivalBinMs < faultMs || endMs > recoveryMs) continue
      if (isFaulty) givenAtMs.push(endMs)
      if (endMs <= faultMs + settleMs) continue
      ofAll += count
      if (isFaulty) ofFaulty += count
    }
  })
  return { faultyShare: ofAll > 0 ? ofFaulty / ofAll : undefined, lastGivenMs: latest(givenAtMs, faultMs) }
}

function firstReturn(samples: Samples, indices: number[], faulty: number[], recoveryMs: number) {
  let firstMs = Number.POSITIVE_INFINITY
  for (const index of indices) {
    if (samples.outcome[index] !== okIndex || !faulty.includes(samples.backend[index]!)) continue
    firstMs = Math.min(firstMs, endOf(samples, index))
  }
  return Number.isFinite(firstMs) ? firstMs - recoveryMs : undefined
}

/** A window slides over the answers since the recovery until every faulty backend has its share in it. */
function fairReturn({ samples, moments, arrivals, faulty }: Recording): number | undefined {
  const fairPart = fairReturnPart / arrivals.length
  const answers = indicesWhere(samples, (start) => start >= moments.recoveryMs)
    .filter((index) => samples.outcome[index] === okIndex)
    .sort((one, other) => endOf(samples, one) - endOf(samples, other))
  const inWindow = arrivals.map(() => 0)
  let total = 0
  let next = 0
  for (const first of answers) {
    const windowEndMs = endOf(samples, first) + fairReturnWindowMs
    if (windowEndMs > moments.endMs) return undefined
    for (; next < answers.length && endOf(samples, answers[next]!) < windowEndMs; next++) {
      inWindow[samples.backend[answers[next]!]!]!++
      total++
    }
    if (faulty.every((backend) => inWindow[backend]! >= fairPart * total))
      return endOf(samples, first) - moments.recoveryMs
    inWindow[samples.backend[first]!]!--
    total--
  }
  return undefined
}

function countByOutcome(samples: Samples, indices: number[]): Partial<Record<Outcome, number>> {
  const counts: Partial<Record<Outcome, number>> = {}
  for (const index of indices) {
    const outcome = outcomes[samples.outcome[index]!]!
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return counts
}

function indicesWhere(samples: Samples, accept: (startMs: number, endMs: number) => boolean): number[] {
  const indices: number[] = []
  for (let index = 0; index < samples.startMs.length; index++)
    if (accept(samples.startMs[index]!, endOf(samples, index))) indices.push(index)
  return indices
}

function endOf(samples: Samples, index: number): number {
  return samples.startMs[index]! + samples.latencyMs[index]!
}

function hasFailed(samples: Samples, index: number): boolean {
  return samples.outcome[index] !== okIndex
}

function latest(timesMs: number[], sinceMs: number): number | undefined {
  return timesMs.length === 0 ? undefined : timesMs.reduce((one, other) => Math.max(one, other)) - sinceMs
}
