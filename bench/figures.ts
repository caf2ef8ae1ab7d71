import type { CpuTime } from './accounting'
import type { Setting } from './options'
import { failedRequests, type WrkReport } from './wrk'

/** One run of one proxy: what wrk saw and what the proxy used meanwhile. */
export interface Sample {
  peer: string
  round: number
  report: WrkReport
  cpu: CpuTime
  /** Of the whole process tree, taken shortly before the load ends. */
  residentKilobytes: number
}

/** All runs under one load. */
export interface SettingResult {
  setting: Setting
  samples: Sample[]
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
  const byRound = new Map(samplesOf(result, baseline).map((sample) => [sample.round, measure(sample)]))
  const ratios = samplesOf(result, peer)
    .filter(({ round }) => byRound.has(round))
    .map((sample) => measure(sample) / byRound.get(sample.round)!)
  return ratios.length === 0 ? undefined : median(ratios)
}

/** User and system time for each completed request. */
export function cpuPerRequest({ cpu, report }: Sample): number {
  return cpuMicroseconds(cpu) / report.requests
}

/** User and system time for each megabyte; unlike requests, bytes count in full when the end cuts an answer off. */
export function cpuPerMegabyte({ cpu, report }: Sample): number {
  return cpuMicroseconds(cpu) / (report.bytes / 1e6)
}

/** Megabytes (of a million bytes) that the clients read in a second. */
export function megabytesPerSecond({ report }: Sample): number {
  return report.bytes / report.durationMicroseconds
}

function requestsPerSecond({ report }: Sample): number {
  return report.requests / (report.durationMicroseconds / 1e6)
}

function cpuMicroseconds({ userMicroseconds, systemMicroseconds }: CpuTime): number {
  return userMicroseconds + systemMicroseconds
}

function samplesOf({ samples }: SettingResult, peer: string): Sample[] {
  return samples.filter((sample) => sample.peer === peer)
}
