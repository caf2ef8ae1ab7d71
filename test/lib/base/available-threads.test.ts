import { availableParallelism } from 'node:os'
import t from 'tap'
import { availableThreads } from '../../../lib/base/available-threads.js'

/** Files of control groups, by their names. */
const reading = (files: Record<string, string>) => (file: string) => {
  const content = files[file]
  if (content === undefined) throw Object.assign(new Error(file), { code: 'ENOENT' })
  return content
}
const V2 = '/sys/fs/cgroup/cpu.max'
const [QUOTA, PERIOD] = ['/sys/fs/cgroup/cpu/cpu.cfs_quota_us', '/sys/fs/cgroup/cpu/cpu.cfs_period_us']

t.test('as many as there are cores, but for what a control group allows', async (t) => {
  const cores = availableParallelism()
  t.equal(availableThreads(reading({})), cores)
  t.equal(availableThreads(reading({ [V2]: 'max 100000\n' })), cores)
  t.equal(availableThreads(reading({ [V2]: '100000 100000\n' })), 1)
  t.equal(availableThreads(reading({ [V2]: '50000 100000\n' })), 1, 'never none')
  t.equal(availableThreads(reading({ [V2]: '150000 100000\n' })), Math.min(cores, 2), 'a part of a core')
  t.equal(availableThreads(reading({ [V2]: '6400000 100000\n' })), Math.min(cores, 64))
  t.equal(availableThreads(reading({ [QUOTA]: '-1\n', [PERIOD]: '100000\n' })), cores)
  t.equal(availableThreads(reading({ [QUOTA]: '100000\n', [PERIOD]: '100000\n' })), 1)
  t.equal(availableThreads(), availableThreads(), 'of this machine')
})
