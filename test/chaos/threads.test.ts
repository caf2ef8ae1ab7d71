import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'tap'
import type { Experiment } from '../../chaos/experiment.js'
import { plainNode } from '../support/processes.js'

const run = path.join(__dirname, '../../chaos/run.js')

test('a balancer with two threads survives, too', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-chaos-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [json, html] = ['figures.json', 'plots.html'].map((name) => path.join(folder, name))
  const args = ['--only', 'fairlead', '--faults', 'kill,refused', '--quick', '--connections', '8']
  const { status, stderr } = spawnSync(...plainNode([run, ...args, '--json', json!, '--html', html!]), {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, LB_THREADS: '2' }
  })
  t.equal(status, 0, stderr)
  const { experiments } = JSON.parse(readFileSync(json!, 'utf8')) as { experiments: Experiment[] }
  t.equal(experiments.length, 2)
  for (const { figures, died } of experiments) {
    t.notOk(died)
    t.ok(figures.baseline.requests > 20, `${figures.baseline.requests} requests before the fault`)
    t.same(figures.failures, {})
  }
})
