import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'tap'

import type { Experiment } from '../../chaos/experiment.js'

const run = path.join(__dirname, '../../chaos/run.js')

test('a quick run with one fault ends with figures and plots', {
  skip: process.platform !== 'linux'
}, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-chaos-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [json, html] = ['figures.json', 'plots.html'].map((name) => path.join(folder, name))
  const args = ['--only', 'defaults', '--faults', 'fast-500', '--quick', '--connections', '4']
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [run, ...args, '--json', json!, '--html', html!],
    { encoding: 'utf8', timeout: 60_000 }
  )
  t.equal(status, 0, stderr)
  t.match(stdout, /### fast-500: .*\n\n\| proxy .*\n.*\n\| defaults /)
  const { experiments } = JSON.parse(readFileSync(json!, 'utf8')) as { experiments: Experiment[] }
  t.equal(experiments.length, 1)
  const { figures, timeline, died } = experiments[0]!
  t.notOk(died)
  t.ok(figures.baseline.requests > 20, `${figures.baseline.requests} requests before the fault`)
  t.equal(figures.baseline.failed, 0)
  t.ok(figures.baseline.p50Ms >= 2, `p50 is ${figures.baseline.p50Ms} ms, and each backend takes 2`)
  // Nothing else fails, and the first of these cannot be foreseen.
  t.same(Object.keys(figures.failures), ['backend 5xx'])
  t.equal(timeline.answered.length, 4)
  t.match(readFileSync(html!, 'utf8'), '<svg ')
})
