import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** More than these share no work that would be worth it. */
export const MAX_THREADS = 64

/** Of the cores that the process may use, as many as its control group lets it have: quota and period of cgroups 2 and 1. */
const QUOTAS = [
  ['/sys/fs/cgroup/cpu.max'],
  ['/sys/fs/cgroup/cpu/cpu.cfs_quota_us', '/sys/fs/cgroup/cpu/cpu.cfs_period_us']
] as const

/** How many threads can run at once: one for each core that the process may use. */
export function availableThreads(read = (file: string) => readFileSync(file, 'utf8')): number {
  let cores = availableParallelism()
  for (const files of QUOTAS) {
    const quota = quotaIn(files, read)
    if (quota !== undefined) cores = Math.min(cores, Math.max(1, Math.ceil(quota)))
  }
  return Math.min(cores, MAX_THREADS)
}

/** Undefined where there is none, or no limit: `max`, or -1. */
function quotaIn(files: readonly string[], read: (file: string) => string): number | undefined {
  try {
    const [quotaUs, periodUs] = files.map(read).join(' ').trim().split(/\s+/).map(Number)
    return quotaUs! > 0 && periodUs! > 0 ? quotaUs! / periodUs! : undefined
  } catch {
    return undefined
  }
}
