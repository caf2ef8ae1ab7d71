import {
  cpuPerMegabyte,
  cpuPerRequest,
  cpusBusy,
  difference,
  type Figures,
  medianOf,
  megabytesPerSecond,
  ratio,
  type Sample,
  type SettingResult
} from './figures'

/** One column of the table of a load. */
export interface Column {
  title: string
  cell(figures: Figures, result: SettingResult): string
}

type Measure = (sample: Sample) => number

/** The row of an open loop without a proxy, which other rows are compared with. */
export const direct = 'direct'

/** For a load whose cost is counted by request. */
export const requestColumns: Column[] = [
  { title: 'proxy', cell: (figures) => figures.peer },
  { title: 'requests/s', cell: (figures) => figures.requestsPerSecond.toFixed(0) },
  { title: 'p50 ms', cell: (figures) => figures.p50Milliseconds.toFixed(2) },
  { title: 'p99 ms', cell: (figures) => figures.p99Milliseconds.toFixed(2) },
  { title: 'failed', cell: (figures) => String(figures.failedRequests) },
  ofProxy('CPU µs/request', (figures) => figures.cpuMicrosecondsPerRequest.toFixed(1)),
  ofProxy('user', (figures) => figures.userMicrosecondsPerRequest.toFixed(1)),
  ofProxy('system', (figures) => figures.systemMicrosecondsPerRequest.toFixed(1)),
  ...baselines('CPU', cpuPerRequest, 'nginx', 'reply-from'),
  ofProxy('CPUs busy', busy),
  ofProxy('RSS MiB', (figures) => figures.residentMegabytes.toFixed(0))
]

/** For large bodies. Many are under way when a run ends: bytes are exact where whole requests are not. */
export const megabyteColumns: Column[] = [
  ...requestColumns.slice(0, 5),
  { title: 'MB/s', cell: (figures) => figures.megabytesPerSecond.toFixed(0) },
  ...baselines('MB/s', megabytesPerSecond, 'nginx'),
  ofProxy('CPU µs/MB', (figures) => figures.cpuMicrosecondsPerMegabyte.toFixed(0)),
  ...baselines('CPU', cpuPerMegabyte, 'nginx', 'reply-from'),
  ofProxy('CPUs busy', busy),
  ofProxy('RSS MiB', (figures) => figures.residentMegabytes.toFixed(0))
]

/** For HTTP/2 with small bodies. */
export const http2Columns: Column[] = [
  ...requestColumns.slice(0, 8),
  ...baselines('CPU', cpuPerRequest, 'nginx', 'before'),
  ofProxy('CPUs busy', busy),
  ofProxy('RSS MiB', (figures) => figures.residentMegabytes.toFixed(0))
]

/** For HTTP/2 with large ones, of which as many are under way as there are streams. */
export const http2MegabyteColumns: Column[] = [
  ...megabyteColumns.slice(0, 6),
  ...baselines('MB/s', megabytesPerSecond, 'nginx', 'before'),
  ofProxy('CPU µs/MB', (figures) => figures.cpuMicrosecondsPerMegabyte.toFixed(0)),
  ...baselines('CPU', cpuPerMegabyte, 'nginx', 'before'),
  ofProxy('CPUs busy', busy),
  ofProxy('RSS MiB', (figures) => figures.residentMegabytes.toFixed(0))
]

/** For streams that share a connection: what each got, as a part of the mean. */
export const fairColumns: Column[] = [
  { title: 'proxy', cell: (figures) => figures.peer },
  median('least ÷ mean', ({ report }) => report.shares!.least, 2),
  median('most ÷ mean', ({ report }) => report.shares!.most, 2),
  median('deviation ÷ mean', ({ report }) => report.shares!.deviation, 3),
  median('first byte p50 ms', ({ report }) => report.p50Microseconds / 1000, 0),
  median('first byte max ms', ({ report }) => report.maxMicroseconds / 1000, 0),
  { title: 'failed', cell: (figures) => String(figures.failedRequests) },
  { title: 'MB/s', cell: (figures) => figures.megabytesPerSecond.toFixed(0) },
  ...baselines('MB/s', megabytesPerSecond, 'nginx', 'before'),
  ofProxy('CPU µs/MB', (figures) => figures.cpuMicrosecondsPerMegabyte.toFixed(0)),
  ofProxy('CPUs busy', busy),
  ofProxy('RSS MiB', (figures) => figures.residentMegabytes.toFixed(0))
]

/** For connections that come at once. */
export const stormColumns: Column[] = [
  { title: 'proxy', cell: (figures) => figures.peer },
  ...(['p50', 'p99', 'max'] as const).map((part) =>
    median(`first ${part} ms`, ({ report }) => report.firstAnswerMs![part], 0)
  ),
  ...baselines('first p99', ({ report }) => report.firstAnswerMs!.p99, 'nginx'),
  median('client sent ms', ({ report }) => report.clientSentMs!, 0),
  median('all p99 ms', ({ report }) => report.p99Microseconds / 1000, 1),
  median('all max ms', ({ report }) => report.maxMicroseconds / 1000, 0),
  ...baselines('all p99', ({ report }) => report.p99Microseconds, 'nginx'),
  { title: 'failed', cell: (figures) => String(figures.failedRequests) },
  { title: 'requests/s', cell: (figures) => figures.requestsPerSecond.toFixed(0) },
  { title: 'CPUs busy', cell: busy },
  { title: 'RSS MiB', cell: (figures) => figures.residentMegabytes.toFixed(0) }
]

/** For a fixed rate. */
export const openColumns: Column[] = [
  { title: 'proxy', cell: (figures) => figures.peer },
  { title: 'requests/s', cell: (figures) => figures.requestsPerSecond.toFixed(0) },
  { title: 'p50 ms', cell: (figures) => figures.p50Milliseconds.toFixed(2) },
  { title: 'p99 ms', cell: (figures) => figures.p99Milliseconds.toFixed(2) },
  median('max ms', ({ report }) => report.maxMicroseconds / 1000, 1),
  added('added p50 ms', ({ report }) => report.p50Microseconds / 1000),
  added('added p99 ms', ({ report }) => report.p99Microseconds / 1000),
  { title: 'failed', cell: (figures) => String(figures.failedRequests) },
  median('client late p99 ms', ({ report }) => report.clientLagMs!, 2),
  ofProxy('CPU µs/request', (figures) => figures.cpuMicrosecondsPerRequest.toFixed(1)),
  ofProxy('CPUs busy', busy)
]

function median(title: string, measure: Measure, digits: number): Column {
  return { title, cell: ({ peer }, result) => medianOf(result, peer, measure).toFixed(digits) }
}

function baselines(what: string, measure: Measure, ...names: string[]): Column[] {
  return names.map((name) => ({
    title: `${what} ÷ ${name}`,
    cell: ({ peer }, result) => ratio(result, measure, peer, name)?.toFixed(2) ?? '–'
  }))
}

function added(title: string, measure: Measure): Column {
  return ofProxy(title, ({ peer }, result) => difference(result, measure, peer, direct)?.toFixed(2) ?? '–')
}

function ofProxy(title: string, cell: Column['cell']): Column {
  return { title, cell: (figures, result) => (figures.peer === direct ? '–' : cell(figures, result)) }
}

function busy({ peer }: Figures, result: SettingResult): string {
  return medianOf(result, peer, cpusBusy).toFixed(2)
}
