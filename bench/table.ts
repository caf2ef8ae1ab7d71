import { figuresOf, type SettingResult } from './figures'
import { workloadNamed } from './workloads'

const megabyte = 1024 ** 2

/** The figures of one load under a heading, as a Markdown table. */
export function describeResult(result: SettingResult, peers: string[]): string {
  const workload = workloadNamed(result.setting.workload)
  const columns = workload.columns(result.setting)
  const rows = peers
    .map((peer) => figuresOf(result, peer))
    .filter((figures) => figures !== undefined)
    .map((figures) => columns.map(({ cell }) => cell(figures, result)))
  const table = markdownTable(
    columns.map(({ title }) => title),
    rows
  )
  return `### ${headingOf(result)}\n\n${table}`
}

/** Columns as wide as their widest cell: the first to the left, figures to the right. */
export function markdownTable(titles: string[], rows: string[][]): string {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length))
  )
  const align = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
  const line = (cells: string[]) => `| ${cells.map(align).join(' | ')} |`
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(titles), line(rule), ...rows.map(line)].join('\n')
}

/** `33 bytes`, `100k` or `10m`, as the options are written. */
export function describeBytes(bytes: number): string {
  if (bytes % megabyte === 0) return `${bytes / megabyte}m`
  return bytes % 1024 === 0 ? `${bytes / 1024}k` : `${bytes} bytes`
}

function headingOf({ setting, rate }: SettingResult): string {
  const { workload, connections, streams, bodyBytes, tls } = setting
  const bodies = `${workloadNamed(workload).uploads ? 'uploads' : 'bodies'} of ${describeBytes(bodyBytes)}`
  const perConnection = streams === undefined ? '' : ` × ${streams} streams`
  const parts = [`${workload}: ${connections} connections${perConnection}`, bodies]
  if (tls && !workload.endsWith('tls')) parts.push('TLS')
  if (rate !== undefined) parts.push(`${rate} requests/s`)
  return parts.join(', ')
}
