import { readFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { Successor } from '../../../lib/service/successor.js'
import { eventually } from '../../support/test.js'

const NODE = process.execPath
const env = { PATH: process.env.PATH! }
const AMPLE_MS = 30_000
const node = (script: string) => ({ program: NODE, args: ['-e', script], env })

const pidFile = (t: Test) => path.join(t.testdirName, 'pid')
/** A script that is told the name of a file. */
const shell = (script: string, t: Test) => ({
  program: '/bin/sh',
  args: ['-c', script, 'sh', path.join(t.testdir({ pid: '' }), 'pid')],
  env
})
const pidIn = (t: Test) => Number(readFileSync(pidFile(t), 'utf8'))

/** Whether a process runs: one that has ended, and that nobody has waited for, does not. */
function runs(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

t.test('a process that is ready is told that it has taken over', async (t) => {
  const script = `
    process.send({ kind: 'ready', pid: process.pid, version: process.env.LISTEN_FDNAMES })
    process.on('message', ({ kind }) => process.exit(kind === 'take over' ? 0 : 1))`
  const successor = new Successor(node(script), [], AMPLE_MS, 0)
  const { pid, version } = await successor.ready
  t.equal(version, '')
  t.ok(runs(pid))
  successor.takeOver()
  await eventually(() => !runs(pid))
})

t.test('why a process is not ready', async (t) => {
  const failed = `process.send({ kind: 'failed', reason: 'the port is taken' }, () => process.exit(1))`
  for (const [command, reason] of [
    [node(failed), 'the port is taken'],
    [node('process.exit(0)'), 'it ended before it was ready; what it has printed says why'],
    [
      node('process.kill(process.pid, "SIGKILL")'),
      'it ended before it was ready; what it has printed says why'
    ]
  ] as const)
    await t.rejects(new Successor(command, [], AMPLE_MS, 0).ready, { message: reason })
})

t.test('one that cannot even be started', async (t) => {
  const tooLong = { program: NODE, args: ['x'.repeat(3_000_000)], env }
  await t.rejects(new Successor(tooLong, [], AMPLE_MS, 0).ready, /E2BIG/)
})

t.test('one that is not ready in time is given up on', async (t) => {
  const successor = new Successor(shell('echo $$ > "$1"; exec sleep 60', t), [], 100, AMPLE_MS)
  await t.rejects(successor.ready, { message: 'it was not ready after 0.1 s' })
  await eventually(() => !runs(pidIn(t)))
})

t.test('one that is given up on is ended by force, if it does not end by itself', async (t) => {
  const successor = new Successor(shell('trap "" TERM; echo $$ > "$1"; exec sleep 60', t), [], AMPLE_MS, 100)
  await eventually(() => pidIn(t) > 0)
  successor.abort()
  await t.rejects(successor.ready, { message: /it ended before it was ready/ })
  await eventually(() => !runs(pidIn(t)))
})
