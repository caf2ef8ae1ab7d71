import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'tap'

import { readOptions } from '../../chaos/options.js'
import { quickPhases, wholePhases } from '../../chaos/phases.js'

const run = path.join(__dirname, '../../chaos/run.js')

test('without arguments every proxy meets every fault', async (t) => {
  const options = readOptions([])
  t.same(options.only, ['fairlead', 'defaults', 'nginx', 'haproxy', 'caddy', 'reply-from'])
  t.ok(
    ['kill', 'rolling', 'frozen', 'slow', 'fast-500', 'reset', 'refused', 'flapping', 'all-down'].every(
      (name) => options.faults.includes(name)
    )
  )
  t.match(options, { connections: 32, rate: undefined, check: false, timing: wholePhases })
})

test('every option is read', async (t) => {
  t.match(
    readOptions([
      '--only',
      'fairlead, nginx',
      '--faults',
      'kill',
      '--connections',
      '8',
      '--rate',
      '500',
      '--quick'
    ]),
    { only: ['fairlead', 'nginx'], faults: ['kill'], connections: 8, rate: 500, timing: quickPhases }
  )
  t.match(readOptions(['--check']), { check: true })
})

test('what makes no sense is refused', async (t) => {
  for (const wrong of [
    ['--only', 'apache'],
    ['--faults', 'kill,flood'],
    ['--connections', '0'],
    ['--rate', '1.5'],
    ['--rate', '20001'],
    ['--check', '--quick']
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [run, ...wrong], { encoding: 'utf8' })
    t.equal(status, 1, wrong.join(' '))
    t.match(stderr, /^error: /)
  }
})
