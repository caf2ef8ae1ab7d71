import { markdownTable } from '../bench/table.js'
import type { Experiment } from './experiment.js'
import type { Fault } from './faults.js'
import type { Figures } from './figures.js'
import { outcomes } from './load/samples.js'

interface Column {
  title: string
  cell(figures: Figures): string
}

const columns: Column[] = [
  { title: 'requests', cell: ({ requests }) => String(requests) },
  { title: 'failed', cell: ({ failed }) => String(failed) },
  { title: 'failed later', cell: ({ settled }) => percent(settled.failed, settled.requests) },
  { title: '> 1 s', cell: ({ waitedOverSecond }) => String(waitedOverSecond) },
  { title: 'p50 ms', cell: ({ fault }) => milliseconds(fault.p50Ms) },
  { title: 'p99 ms', cell: ({ fault }) => milliseconds(fault.p99Ms) },
  { title: 'max ms', cell: ({ fault }) => milliseconds(fault.maxMs) },
  { title: 'p99 ÷ before', cell: ({ p99Ratio }) => p99Ratio.toFixed(2) },
  { title: 'kept', cell: ({ throughputKept }) => `${(100 * throughputKept).toFixed(0)} %` },
  {
    title: 'to faulty',
    cell: ({ faultyShare }) => (faultyShare === undefined ? '–' : percent(faultyShare, 1))
  },
  { title: 'last given s', cell: ({ lastGivenMs }) => seconds(lastGivenMs) },
  { title: 'last failure s', cell: ({ lastFailureMs }) => seconds(lastFailureMs) },
  { title: 'first back s', cell: ({ firstReturnMs }) => seconds(firstReturnMs) },
  { title: 'fair share s', cell: ({ fairReturnMs }) => seconds(fairReturnMs) }
]

/** The experiments of one fault under a heading, as a Markdown table, and the kinds of failures below it. */
export function describeFault(fault: Fault, experiments: Experiment[]): string {
  const rows = experiments.map(({ peer, figures }) => [peer, ...columns.map(({ cell }) => cell(figures))])
  const table = markdownTable(['proxy', ...columns.map(({ title }) => title)], rows)
  const notes = experiments.map(describeFailures).filter((note) => note !== '')
  return [`### ${fault.name}: ${fault.summary}`, table, ...(notes.length > 0 ? [notes.join('\n')] : [])].join(
    '\n\n'
  )
}

function describeFailures({ peer, died, figures }: Experiment): string {
  const kinds = outcomes.flatMap((kind) => {
    const count = figures.failures[kind] ?? 0
    return count > 0 ? [`${count} ${kind}`] : []
  })
  if (died) kinds.unshift('the proxy itself ended')
  return kinds.length > 0 ? `- ${peer}: ${kinds.join(', ')}` : ''
}

function percent(part: number, whole: number): string {
  if (part === 0 || whole === 0) return '0 %'
  return `${((100 * part) / whole).toFixed(2)} %`
}

function milliseconds(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0)
}

function seconds(valueMs: number | undefined): string {
  return valueMs === undefined ? '–' : (valueMs / 1000).toFixed(2)
}
