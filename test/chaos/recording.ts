import type { Recording } from '../../chaos/figures.js'
import { type Outcome, SampleRecorder } from '../../chaos/load/samples.js'

/** A request: when it started, how long it took, what became of it, and who answered. */
export type Row = [startMs: number, latencyMs: number, outcome: Outcome, backend: number]

/** What would have been recorded of these requests: baseline at 1000, fault at 2000, recovery at 4000, end at 6000. */
export function recordingOf(rows: Row[], rest: Partial<Recording> = {}): Recording {
  const recorder = new SampleRecorder()
  for (const row of rows) recorder.add(...row)
  return {
    samples: recorder.samples(),
    moments: { baselineMs: 1000, faultMs: 2000, recoveryMs: 4000, endMs: 6000 },
    arrivals: [new Map(), new Map()],
    arrivalBinMs: 50,
    faulty: [0],
    sharesCount: true,
    settleMs: 1000,
    ...rest
  }
}
