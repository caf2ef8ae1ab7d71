/** Milliseconds at which half, 99 % and all of the latencies lie. */
export interface Latencies {
  p50: number
  p99: number
  max: number
}

/** What streams got of the bytes, as parts of the mean of all. */
export interface Shares {
  least: number
  most: number
  /** The standard deviation. */
  deviation: number
}

/** What the client saw of one run. */
export interface LoadReport {
  requests: number
  /** Everything that passed, bodies cut off by the end of the run included. */
  bytes: number
  durationMicroseconds: number
  p50Microseconds: number
  p99Microseconds: number
  maxMicroseconds: number
  /** By kind; `status` counts answers from 400 up. */
  failures: { connect: number; read: number; write: number; timeout: number; status: number }
  /** Of a storm: from a connection's start to its first answer. */
  firstAnswerMs?: Latencies
  /** Of a storm: from its start until the client had sent the first request of every connection. */
  clientSentMs?: number
  /** Of an open loop: how late the client itself sent 1 % of the requests, a free connection at hand. */
  clientLagMs?: number
  /** Of streams that share connections. */
  shares?: Shares
}

/** Requests without a good answer. */
export function failedRequests({ failures }: Pick<LoadReport, 'failures'>): number {
  return Object.values(failures).reduce((total, count) => total + count, 0)
}

/** Finds the report among the lines that a client printed. */
export function parseLoadReport(client: string, output: string): LoadReport {
  const line = output.split('\n').findLast((candidate) => candidate.startsWith('{"requests":'))
  if (!line) throw new Error(`${client} gave no report:\n${output.trim()}`)
  return JSON.parse(line) as LoadReport
}
