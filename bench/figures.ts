import type { CpuTime } from './accounting'
import { failedRequests, type LoadReport } from './load-report'
import type { Setting } from './setting'

/** One run of one proxy: what the client saw and what the proxy used meanwhile. */
export interface Sample {
  peer: string
  round: number
  report: LoadReport
  cpu: CpuTime
  /** Of the whole process tree, taken shortly before the load ends. */
  residentKilobytes: number
}

/** All runs under one load. */
export interface SettingResult {
  setting: Setting
  samples: Sample[]
  /** Requests a second that an open loop sent. */
  rate?: number
}

/** The medians of one proxy under one load. */
export interface Figures {
  peer: string
  requestsPerSecond: number
  megabytesPerSecond: number
  p50Milliseconds: number
  p99Milliseconds: number
  /** Over all rounds, not a median. */
  failedRequests: number
  cpuMicrosecondsPerRequest: number
  userMicrosecondsPerRequest: number
  systemMicrosecondsPerRequest: number
  cpuMicrosecondsPerMegabyte: number
  residentMegabytes: number
}

/** The middle of the values, or the mean of the two in the middle; NaN for none. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The medians of one proxy, or undefined if it did not run. */
export function figuresOf(result: SettingResult, peer: string): Figures | undefined {
  const samples = samplesOf(result, peer)
  if (samples.length === 0) return undefined
  const middle = (measure: (sample: Sample) => number) => median(samples.map(measure))
  return {
    peer,
    requestsPerSecond: middle(requestsPerSecond),
    megabytesPerSecond: middle(megabytesPerSecond),
    p50Milliseconds: middle(({ report }) => report.p50Microseconds / 1000),
    p99Milliseconds: middle(({ report }) => report.p99Microseconds / 1000),
    failedRequests: samples.reduce((total, { report }) => total + failedRequests(report), 0),
    cpuMicrosecondsPerRequest: middle(cpuPerRequest),
    userMicrosecondsPerRequest: middle(({ cpu, report }) => cpu.userMicroseconds / report.requests),
    systemMicrosecondsPerRequest: middle(({ cpu, report }) => cpu.systemMicroseconds / report.requests),
    cpuMicrosecondsPerMegabyte: middle(cpuPerMegabyte),
    residentMegabytes: middle(({ residentKilobytes }) => residentKilobytes / 1024)
  }
}

/** The median of anything else over the rounds of one proxy. */
export function medianOf(result: SettingResult, peer: string, measure: (sample: Sample) => number): number {
  return median(samplesOf(result, peer).map(measure))
}

/**
 * How many times as much of something one proxy has as another. The ratio is taken within each round, where the noise
 * of the machine hit both alike, and then the median of those. Undefined if they have no round in common.
 */
export function ratio(
  result: SettingResult,
  measure: (sample: Sample) => number,
  peer: string,
  baseline: string
): number | undefined {
  return compare(result, peer, baseline, (sample, other) => measure(sample) / measure(other))
}

/** How much more of something one proxy has than another, by round as for a ratio. */
export function difference(
  result: SettingResult,
  measure: (sample: Sample) => number,
  peer: string,
  baseline: string
): number | undefined {
  return compare(result, peer, baseline, (sample, other) => measure(sample) - measure(other))
}

/** User and system time for each completed request. */
export function cpuPerRequest({ cpu, report }: Sample): number {
  return cpuMicroseconds(cpu) / report.requests
}

/** User and system time for each megabyte; unlike requests, bytes count in full when the end cuts an answer off. */
export function cpuPerMegabyte({ cpu, report }: Sample): number {
  return cpuMicroseconds(cpu) / (report.bytes / 1e6)
}

/** How many CPUs the proxy kept busy: near 1, it was the limit, and otherwise the client or the backends were. */
export function cpusBusy({ cpu, report }: Sample): number {
  return cpuMicroseconds(cpu) / report.durationMicroseconds
}

/** Megabytes (of a million bytes) of bodies that passed in a second. */
export function megabytesPerSecond({ report }: Sample): number {
  return report.bytes / report.durationMicroseconds
}

function requestsPerSecond({ report }: Sample): number {
  return report.requests / (report.durationMicroseconds / 1e6)
}

function cpuMicroseconds({ userMicroseconds, systemMicroseconds }: CpuTime): number {
  return userMicroseconds + systemMicroseconds
}

function compare(
  result: SettingResult,
  peer: string,
  baseline: string,
  by: (sample: Sample, other: Sample) => number
): number | undefined {
  const others = new Map(samplesOf(result, baseline).map((sample) => [sample.round, sample]))
  const values = samplesOf(result, peer).flatMap((sample) => {
    const other = others.get(sample.round)
    return other ? [by(sample, other)] : []
  })
  return values.length === 0 ? undefined : median(values)
}

function samplesOf({ samples }: SettingResult, peer: string): Sample[] {
  return samples.filter((sample) => sample.peer === peer)
}
