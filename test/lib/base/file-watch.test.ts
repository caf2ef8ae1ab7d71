import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileWatch } from '../../../lib/base/file-watch.js'
import { eventually, test } from '../../support/test.js'

test('a file that does not exist has not changed; one that appears or goes has', async (t) => {
  const file = path.join(t.testdir({}), 'settings')
  let changes = 0
  const watch = new FileWatch([file], () => changes++)
  t.teardown(() => watch.stop())
  // Longer than it waits after a change, and shorter than it takes to see the next one.
  await sleep(900)
  t.equal(changes, 0)
  writeFileSync(file, 'x')
  await eventually(() => changes === 1, 10_000)
  rmSync(file)
  await eventually(() => changes === 2, 10_000)
})

test('what has been read for another reason is not reported, what comes after it is', async (t) => {
  const file = path.join(t.testdir({ settings: 'a' }), 'settings')
  let changes = 0
  const watch = new FileWatch([file], () => changes++)
  t.teardown(() => watch.stop())
  // By then it knows what it is.
  await sleep(300)
  writeFileSync(file, 'b')
  watch.noteReading()
  await sleep(2500)
  t.equal(changes, 0)
  writeFileSync(file, 'c')
  await eventually(() => changes === 1, 10_000)
  // What it refers to may be there by now.
  watch.noteReading()
  writeFileSync(file, 'c')
  await eventually(() => changes === 2, 10_000)
})

test('a file that cannot be looked at is none, and harms nothing', async (t) => {
  const file = path.join(t.testdir({}), 'settings')
  symlinkSync('settings', file)
  let changes = 0
  const watch = new FileWatch([file], () => changes++)
  t.teardown(() => watch.stop())
  watch.noteReading()
  await sleep(300)
  rmSync(file)
  writeFileSync(file, 'x')
  await eventually(() => changes === 1, 10_000)
})
