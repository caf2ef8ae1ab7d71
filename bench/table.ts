import { cpuPerMegabyte, cpuPerRequest, type Figures, figuresOf, ratio, type SettingResult } from './figures'

const megabyte = 1024 ** 2

interface Column {
  title: string
  cell(figures: Figures, result: SettingResult): string
}

const cpuPerRequestColumns: Column[] = [
  { title: 'CPU µs/request', cell: (figures) => figures.cpuMicrosecondsPerRequest.toFixed(1) },
  { title: 'user', cell: (figures) => figures.userMicrosecondsPerRequest.toFixed(1) },
  { title: 'system', cell: (figures) => figures.systemMicrosecondsPerRequest.toFixed(1) }
]

// Of large bodies many are under way when a run ends: bytes are exact where whole requests are not.
const cpuPerMegabyteColumns: Column[] = [
  { title: 'MB/s', cell: (figures) => figures.megabytesPerSecond.toFixed(0) },
  { title: 'CPU µs/MB', cell: (figures) => figures.cpuMicrosecondsPerMegabyte.toFixed(0) }
]

/** The figures of one load under a heading, as a Markdown table. */
export function describeResult(result: SettingResult, peers: string[]): string {
  const { connections, bodyBytes } = result.setting
  const columns = columnsFor(result)
  const rows = peers
    .map((peer) => figuresOf(result, peer))
    .filter((figures) => figures !== undefined)
    .map((figures) => columns.map(({ cell }) => cell(figures, result)))
  const table = markdownTable(
    columns.map(({ title }) => title),
    rows
  )
  return `### ${connections} connections, bodies of ${describeBytes(bodyBytes)}\n\n${table}`
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

function columnsFor({ setting }: SettingResult): Column[] {
  const large = setting.bodyBytes >= megabyte
  const cost = large ? cpuPerMegabyte : cpuPerRequest
  return [
    { title: 'proxy', cell: (figures) => figures.peer },
    { title: 'requests/s', cell: (figures) => figures.requestsPerSecond.toFixed(0) },
    { title: 'p50 ms', cell: (figures) => figures.p50Milliseconds.toFixed(2) },
    { title: 'p99 ms', cell: (figures) => figures.p99Milliseconds.toFixed(2) },
    { title: 'failed', cell: (figures) => String(figures.failedRequests) },
    ...(large ? cpuPerMegabyteColumns : cpuPerRequestColumns),
    ...['nginx', 'reply-from'].map((baseline) => ({
      title: `CPU ÷ ${baseline}`,
      cell: (figures: Figures, result: SettingResult) =>
        ratio(result, cost, figures.peer, baseline)?.toFixed(2) ?? '–'
    })),
    { title: 'RSS MiB', cell: (figures) => figures.residentMegabytes.toFixed(0) }
  ]
}
