import type { Experiment } from './experiment.js'
import type { Figures } from './figures.js'

const product = 'fairlead'
/** The same product is no peer of its own. */
const ownNames = [product, 'defaults']

/** One promise about what clients notice of a fault. */
export interface Target {
  fault: string
  promise: string
  value(figures: Figures): number | undefined
  atMost?: number
  atLeast?: number
}

/** Whether a promise was kept; the value is undefined when it could not be measured. */
export interface Verdict {
  fault: string
  promise: string
  value: number | undefined
  met: boolean
}

const failed = ({ failed }: Figures) => failed

/** What Fairlead promises; `npm run chaos -- --check` fails when one is missed. */
export const targets: Target[] = [
  ...['kill', 'rolling', 'refused', 'flapping', 'frozen'].map((fault) => ({
    fault,
    promise: 'no request fails',
    value: failed,
    atMost: 0
  })),
  {
    fault: 'frozen',
    promise: 'no request waits for more than 1 s',
    value: ({ waitedOverSecond }) => waitedOverSecond,
    atMost: 0
  },
  {
    fault: 'frozen',
    promise: 'p99 is at most 1.5 times that of before',
    value: ({ p99Ratio }) => p99Ratio,
    atMost: 1.5
  },
  {
    fault: 'fast-500',
    promise: 'after the first second at most 2 % of requests fail',
    value: ({ settled }) => settled.failed / settled.requests,
    atMost: 0.02
  },
  {
    fault: 'slow',
    promise: 'after the first second at most 0.3 % of requests go to the slow backend',
    value: ({ faultyShare }) => faultyShare,
    atMost: 0.003
  },
  {
    fault: 'slow',
    promise: 'at least 85 % of the throughput is kept',
    value: ({ throughputKept }) => throughputKept,
    atLeast: 0.85
  }
]

/** Judges the targets of the faults that ran, and for each fault whether a peer had fewer failed requests. */
export function judge(experiments: Experiment[]): Verdict[] {
  const ours = experiments.filter(({ peer }) => peer === product)
  return ours.flatMap(({ fault, figures }) => [
    ...targets.filter((target) => target.fault === fault).map((target) => judgeTarget(target, figures)),
    ...judgeAgainstPeers(
      fault,
      figures,
      experiments.filter((other) => other.fault === fault && !ownNames.includes(other.peer))
    )
  ])
}

/** A verdict as a line of a Markdown list. */
export function describeVerdict({ fault, promise, value, met }: Verdict): string {
  const measured = value === undefined ? 'not measured' : String(Math.round(value * 10_000) / 10_000)
  return `- ${met ? 'met' : 'MISSED'}: ${fault}: ${promise} (${measured})`
}

function judgeTarget({ fault, promise, value: measure, atMost, atLeast }: Target, figures: Figures): Verdict {
  const value = measure(figures)
  const met = value !== undefined && value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity)
  return { fault, promise, value, met }
}

/** A proxy that died under the fault is no yardstick. */
function judgeAgainstPeers(fault: string, { failed }: Figures, others: Experiment[]): Verdict[] {
  const [best] = others
    .filter(({ died }) => !died)
    .sort((one, other) => one.figures.failed - other.figures.failed)
  if (!best) return []
  const fewest = best.figures.failed
  return [
    {
      fault,
      promise: `no more failed requests than the best peer, ${best.peer} with ${fewest}`,
      value: failed,
      met: failed <= fewest
    }
  ]
}
