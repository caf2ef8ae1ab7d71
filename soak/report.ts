import { markdownTable } from '../bench/table.js'
import type { Tally } from '../chaos/load/samples.js'
import type { Check } from './reconcile.js'
import { isFlat, type Trend, trendOf } from './trend.js'
import type { Sample } from './watch.js'

/** Rises that count as no leak, in MiB per hour: of memory in use, and of resident memory. */
const smallRises = { used: 10, resident: 60 }
/** Before that, caches and compiled code still grow. */
const judgedFromMinutes = 3
const hourMs = 3_600_000
const minuteMs = 60_000
const rowCount = 20

/** The results of a run. */
export interface Outcome {
  facts: string[]
  minutes: number
  clients: Tally
  faults: Record<string, number>
  samples: Sample[]
  checks: Check[]
  memory: Trends
}

/** Over the second half of a run, in MiB per hour. */
export interface Trends {
  used: Trend | undefined
  resident: Trend | undefined
}

/** The trends of the memory. */
export function trendsOf(samples: readonly Sample[]): Trends {
  const middleMs = (samples.at(-1)?.atMs ?? 0) / 2
  const late = samples.filter(({ atMs }) => atMs >= middleMs)
  const trend = (size: 'usedMib' | 'rssMib') =>
    trendOf(late.map((sample) => [sample.atMs / hourMs, sample[size]]))
  return { used: trend('usedMib'), resident: trend('rssMib') }
}

/** Whether the memory is flat; a short run cannot tell. */
export function checkMemory({ used, resident }: Trends, minutes: number): Check[] {
  return [
    checkTrend('memory in use is flat', used, smallRises.used, minutes),
    checkTrend('resident memory is flat', resident, smallRises.resident, minutes)
  ]
}

function checkTrend(name: string, trend: Trend | undefined, small: number, minutes: number): Check {
  if (!trend) return { name, holds: minutes < judgedFromMinutes, figures: 'too few samples' }
  const rise = `${trend.slope.toFixed(1)} ± ${trend.standardError.toFixed(1)} MiB/h over the second half`
  if (minutes < judgedFromMinutes)
    return { name, holds: true, figures: `${rise}, not judged below ${judgedFromMinutes} minutes` }
  return { name, holds: isFlat(trend, small), figures: rise }
}

/** The report as Markdown. */
export function describe({ facts, clients, faults, samples, checks }: Outcome): string {
  const counts = (of: object) =>
    Object.entries(of)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  return [
    facts.map((fact) => `- ${fact}`).join('\n'),
    `- clients saw: ${counts(clients)}\n- faults: ${counts(faults)}`,
    markdownTable(
      [
        'minute',
        'in use MiB',
        'RSS MiB',
        'of no file',
        'requests',
        'in flight',
        'queued',
        'retrying',
        'connections'
      ],
      thinned(samples).map((sample) => [
        (sample.atMs / minuteMs).toFixed(2),
        sample.usedMib.toFixed(1),
        sample.rssMib.toFixed(1),
        sample.anonymousMib.toFixed(1),
        ...[sample.total, sample.inFlight, sample.queued, sample.retrying, sample.openConnections].map(String)
      ])
    ),
    checks
      .map(({ name, holds, figures }) => `- ${holds ? 'holds' : 'BROKEN'}: ${name}: ${figures}`)
      .join('\n')
  ].join('\n\n')
}

/** Samples at even distances, the last one among them. */
function thinned(samples: readonly Sample[]): Sample[] {
  const step = Math.max(1, Math.ceil(samples.length / rowCount))
  return samples.filter((_, index) => (samples.length - 1 - index) % step === 0)
}
