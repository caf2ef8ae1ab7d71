import { markdownTable } from '../bench/table.js'
import type { Tally } from '../chaos/load/samples.js'
import type { Check } from './accounts.js'
import { isFlat, type Trend, trendOf } from './trend.js'
import type { Sample } from './watch.js'

/** A rise of memory that is no leak worth the name, in MiB per hour. */
const smallRise = 60
/** Before that, caches and compiled code still grow. */
const judgedFromMinutes = 3
const hourMs = 3_600_000
const minuteMs = 60_000
const rowCount = 20

/** What a run came to. */
export interface Outcome {
  facts: string[]
  minutes: number
  clients: Tally
  troubles: Record<string, number>
  samples: Sample[]
  checks: Check[]
  /** Of the resident memory in the second half, in MiB per hour. */
  memory: Trend | undefined
}

/** The trend of the memory over the second half of a run. */
export function memoryTrend(samples: readonly Sample[]): Trend | undefined {
  const middleMs = (samples.at(-1)?.atMs ?? 0) / 2
  return trendOf(
    samples.filter(({ atMs }) => atMs >= middleMs).map(({ atMs, rssMib }) => [atMs / hourMs, rssMib] as const)
  )
}

/** Whether the memory is flat; a short run cannot tell. */
export function checkMemory(memory: Trend | undefined, minutes: number): Check {
  const name = 'memory is flat'
  if (!memory) return { name, holds: minutes < judgedFromMinutes, figures: 'too few samples' }
  const rise = `${memory.slope.toFixed(1)} ± ${memory.standardError.toFixed(1)} MiB/h over the second half`
  if (minutes < judgedFromMinutes)
    return { name, holds: true, figures: `${rise}, not judged below ${judgedFromMinutes} minutes` }
  return { name, holds: isFlat(memory, smallRise), figures: rise }
}

/** The report as Markdown. */
export function describe({ facts, clients, troubles, samples, checks }: Outcome): string {
  const counts = (of: object) =>
    Object.entries(of)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  return [
    facts.map((fact) => `- ${fact}`).join('\n'),
    `- clients saw: ${counts(clients)}\n- troubles: ${counts(troubles)}`,
    markdownTable(
      ['minute', 'RSS MiB', 'of no file', 'requests', 'in flight', 'queued', 'retrying', 'connections'],
      thinned(samples).map((sample) => [
        (sample.atMs / minuteMs).toFixed(2),
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
