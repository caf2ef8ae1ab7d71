import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'

import { type Child, Children } from '../../bench/children'

const shellWithChild = { command: '/bin/sh', args: ['-c', 'sleep 60 & echo $!; wait'] }

async function grandchildOf(child: Child): Promise<number> {
  while (child.output() === '') await sleep(10)
  return Number(child.output())
}

async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(10)
}

// A zombie counts as gone: in a container nobody may ever collect it.
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const onLinux = { skip: process.platform !== 'linux' }

test('stopping a process ends its children too', onLinux, async (t) => {
  const children = new Children()
  t.teardown(() => rmSync(children.folder, { recursive: true, force: true }))
  const child = children.start('shell', 'load', shellWithChild)
  const grandchild = await grandchildOf(child)
  await children.stop(child)
  t.ok(child.hasExited())
  await untilGone(grandchild)
})

test('when the bench itself ends, its processes and its folder go with it', onLinux, async (t) => {
  const script = `
    const { Children } = require(${JSON.stringify(path.join(__dirname, '../../bench/children.js'))})
    const children = new Children()
    const child = children.start('sleep', 'load', { command: 'sleep', args: ['60'] })
    console.log(JSON.stringify({ folder: children.folder, pid: child.pid }))
    throw new Error('anything')`
  const { stdout, status } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  const { folder, pid } = JSON.parse(stdout) as { folder: string; pid: number }
  t.equal(status, 1)
  t.notOk(existsSync(folder))
  await untilGone(pid)
})
