import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'tap'
import type { Outcome } from '../../soak/report.js'
import { plainNode } from '../support/processes.js'

const run = path.join(__dirname, '../../soak/run.js')

for (const threads of [1, 2])
  test(`a run of seconds ends with counts that agree, with ${threads} threads`, {
    skip: process.platform !== 'linux'
  }, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-soak-test-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const json = path.join(folder, 'figures.json')
    const { status, stdout, stderr } = spawnSync(
      ...plainNode([run, '--minutes', '0.07', '--connections', '8', '--seed', '1', '--json', json]),
      { encoding: 'utf8', timeout: 60_000, env: { ...process.env, LB_THREADS: `${threads}` } }
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
