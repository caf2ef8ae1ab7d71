import { cpuPerRequest, figuresOf, megabytesPerSecond, ratio, type SettingResult } from './figures'
import type { Setting } from './setting'

const plain = { workload: 'keepalive', tls: false } as const
const few: Setting = { ...plain, connections: 64, bodyBytes: 33 }
const many: Setting = { ...plain, connections: 512, bodyBytes: 33 }
const large: Setting = { ...plain, connections: 64, bodyBytes: 10 * 1024 ** 2 }

/** The loads that the targets speak of. */
export const targetSettings: Setting[] = [few, many, large]

/** The proxies that the targets compare. */
export const targetPeers = ['fairlead', 'reply-from', 'nginx']

/** One promise about the cost of the hop. */
export interface Target {
  promise: string
  /** Undefined when what it compares did not run. */
  value(results: SettingResult[]): number | undefined
  atMost?: number
  atLeast?: number
}

/** Whether one target was met. */
export interface Verdict {
  promise: string
  value: number | undefined
  met: boolean
}

/** What Fairlead promises; `npm run bench -- --check` fails when one is missed. */
export const targets: Target[] = [
  {
    promise: 'CPU per request at 64 connections, against nginx: at most 2.7',
    value: (results) => ratioAt(results, few, cpuPerRequest, 'nginx'),
    atMost: 2.7
  },
  {
    promise: 'CPU per request at 64 connections, against stock reply-from: at most 0.65',
    value: (results) => ratioAt(results, few, cpuPerRequest, 'reply-from'),
    atMost: 0.65
  },
  {
    promise: 'CPU per request at 512 connections, against nginx: at most 3.2',
    value: (results) => ratioAt(results, many, cpuPerRequest, 'nginx'),
    atMost: 3.2
  },
  {
    promise: 'Throughput with bodies of 10m, against nginx: at least 0.7',
    value: (results) => ratioAt(results, large, megabytesPerSecond, 'nginx'),
    atLeast: 0.7
  },
  {
    promise: 'Failed requests under any of these loads: 0',
    value: failedRequestsOfFairlead,
    atMost: 0
  }
]

/** Judges all targets. One that could not be measured is not met. */
export function judge(results: SettingResult[]): Verdict[] {
  return targets.map(({ promise, value: measure, atMost = Infinity, atLeast = -Infinity }) => {
    const value = measure(results)
    return { promise, value, met: value !== undefined && value <= atMost && value >= atLeast }
  })
}

/** A verdict as a line of a Markdown list. */
export function describeVerdict({ promise, value, met }: Verdict): string {
  const measured = value === undefined ? 'not measured' : String(Math.round(value * 1000) / 1000)
  return `- ${met ? 'met' : 'MISSED'}: ${promise} (${measured})`
}

function ratioAt(
  results: SettingResult[],
  setting: Setting,
  measure: typeof cpuPerRequest,
  baseline: string
): number | undefined {
  const result = results.find(
    (candidate) =>
      candidate.setting.connections === setting.connections &&
      candidate.setting.bodyBytes === setting.bodyBytes
  )
  return result && ratio(result, measure, 'fairlead', baseline)
}

function failedRequestsOfFairlead(results: SettingResult[]): number | undefined {
  const counts = results.map((result) => figuresOf(result, 'fairlead')?.failedRequests)
  return counts.reduce(
    (total, count) => (total === undefined || count === undefined ? undefined : total + count),
    0
  )
}
