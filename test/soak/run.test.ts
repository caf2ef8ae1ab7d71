import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'tap'

import { readOptions } from '../../soak/options.js'
import type { Outcome } from '../../soak/report.js'

const run = path.join(__dirname, '../../soak/run.js')

test('the options have defaults, and make sense', async (t) => {
  t.match(readOptions([]), { minutes: 10, connections: 64, seed: Number })
  t.not(readOptions([]).seed, readOptions([]).seed)
  t.match(readOptions(['--minutes', '0.5', '--connections', '8', '--seed', '3']), {
    minutes: 0.5,
    connections: 8,
    seed: 3
  })
  for (const wrong of [
    ['--minutes', '0'],
    ['--minutes', '-1'],
    ['--minutes', 'long'],
    ['--connections', '0'],
    ['--seed', '1.5']
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [run, ...wrong], { encoding: 'utf8' })
    t.equal(status, 1, wrong.join(' '))
    t.match(stderr, /^error: /)
  }
})

test('a run of seconds ends with counts that agree', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-soak-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const json = path.join(folder, 'figures.json')
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [run, '--minutes', '0.07', '--connections', '8', '--seed', '1', '--json', json],
    { encoding: 'utf8', timeout: 60_000 }
  )
  t.equal(status, 0, `${stderr}\n${stdout}`)
  t.match(stdout, /\| minute .*\n.*\n\| 0\.00 /)
  t.match(stdout, /- holds: requests: \d+\n/)
  t.notMatch(stdout, 'BROKEN')
  const { samples, clients, faults, checks } = JSON.parse(readFileSync(json, 'utf8')) as Outcome
  t.equal(samples.length, 20)
  t.ok(samples.every(({ rssMib, anonymousMib }) => rssMib > anonymousMib && anonymousMib > 10))
  t.ok(clients.ok! > 100, `${clients.ok} answered`)
  t.ok(Object.keys(faults).length > 0)
  t.ok(checks.length > 20)
})
