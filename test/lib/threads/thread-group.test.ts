import path from 'node:path'
import t, { type Test } from 'tap'
import { CellDirectory } from '../../../lib/base/cells/directory.js'
import { SharedCells } from '../../../lib/base/cells/shared-cells.js'
import { DrainTerms } from '../../../lib/listener/drain/drain-terms.js'
import type { FollowedState } from '../../../lib/threads/messages.js'
import { ThreadGroup } from '../../../lib/threads/thread-group.js'
import { eventually } from '../../support/test.js'

const STATE: FollowedState = { given: { env: {}, text: undefined }, pools: [], routes: new Map() }

/** A group whose followers run a script. */
function groupOf(t: Test, script: string, count = 3) {
  const lines: string[] = []
  const log = (_fields: object, message: string) => void lines.push(message)
  const folder = t.testdir({
    'follower.js': `const { parentPort, workerData } = require('worker_threads')\n${script}`
  })
  const directory = new CellDirectory()
  const deaths: number[] = []
  const closed: number[] = []
  let fd = 7
  const duplicate = async () => {
    const own = fd++
    return { fd: own, close: () => void closed.push(own) }
  }
  const group = new ThreadGroup({
    entry: path.join(folder, 'follower.js'),
    cells: new SharedCells({ count, own: 0 }, directory),
    allCells: () => directory.all,
    drainTerms: new DrainTerms({ drainTimeoutMs: 300, upgradeDrainTimeoutMs: 300 }),
    log: { trace: log, debug: log, info: log, warn: log, error: log, fatal: log },
    logLevel: 'info',
    started: STATE.given,
    state: () => STATE,
    listening: duplicate,
    onAdminPort: (port) => port.close(),
    onReport: (report) => void lines.push(JSON.stringify(report)),
    onDeath: (thread) => {
      deaths.push(thread)
      return thread
    }
  })
  return { group, lines, deaths, closed }
}

const LISTENS = `Atomics.store(workerData.hasListened, 0, 1)`

const CLOSES = `parentPort.on('message', ({ kind }) => {
  if (kind === 'close') { parentPort.postMessage({ kind: 'closed', hasCut: HAS_CUT }); process.exit() }
})`

t.test('followers get what they need, are heard, and close when they are told', async (t) => {
  const { group, lines, deaths } = groupOf(
    t,
    `${LISTENS}
     parentPort.postMessage({ kind: 'log', line: JSON.stringify({ level: 30, time: 1, msg: 'at ' + workerData.fd + ' as ' + workerData.threads.own }) })
     ${CLOSES.replace('HAS_CUT', 'workerData.threads.own === 2')}`
  )
  await group.start()
  await eventually(() => lines.length === 2)
  t.same(lines.sort(), ['at 7 as 1', 'at 8 as 2'])
  t.equal(await group.close(), true, 'one has cut requests off')
  t.same(deaths.sort(), [1, 2])
})

t.test('what one still had when its drain was over was not cut off', async (t) => {
  const { group, lines, deaths } = groupOf(
    t,
    `${LISTENS}
     parentPort.postMessage({ kind: 'log', line: JSON.stringify({ level: 30, time: 1, msg: 'listens' }) })
     ${CLOSES.replace('HAS_CUT', 'false')}`,
    2
  )
  await group.start()
  await eventually(() => lines.length === 1)
  t.equal(await group.close(), false)
  t.same(deaths, [1])
})

t.test('one that dies at once is started again, later each time, and not after the end', async (t) => {
  const { group, lines, deaths } = groupOf(t, `throw new Error('at the start')`, 2)
  const startMs = performance.now()
  await group.start()
  await eventually(() => deaths.length === 4)
  t.ok(performance.now() - startMs >= 100 + 200 + 400, 'after 0.1, 0.2 and 0.4 s')
  t.match(lines[0], /^Thread 2 has died \(at the start\), with 1 requests/)
  await group.close()
  const { length } = deaths
  await new Promise((resolve) => setTimeout(resolve, 1000))
  t.equal(deaths.length, length)
})

t.test('the descriptor of one that ends before it has listened is closed, and no other', async (t) => {
  const { group, deaths, closed } = groupOf(
    t,
    `if (workerData.fd > 8) ${LISTENS}
     throw new Error('at the start')`,
    2
  )
  await group.start()
  await eventually(() => deaths.length === 3)
  t.same(closed, [7, 8])
  await group.close()
})

t.test('one that dies while it drains is reported, and not replaced', async (t) => {
  const { group, lines, deaths } = groupOf(
    t,
    `${LISTENS}
     parentPort.on('message', () => { throw new Error('at the end') })
     parentPort.postMessage({ kind: 'log', line: JSON.stringify({ level: 30, time: 1, msg: 'listens' }) })`,
    2
  )
  await group.start()
  await eventually(() => lines.length === 1)
  t.equal(await group.close(), true)
  t.same(lines.slice(1), ['Thread 2 has died (at the end), with 1 requests'])
  t.same(deaths, [1])
})

t.test('one that does not listen yet is ended at once, and its descriptor closed', async (t) => {
  const { group, deaths, closed, lines } = groupOf(t, `setInterval(() => {}, 1000)`, 2)
  await group.start()
  const startMs = performance.now()
  await group.close()
  t.ok(performance.now() - startMs < 2000, 'before the time for the drain')
  t.same([deaths, closed, lines], [[1], [7], []])
})

t.test('one that does not close is ended, after the time for the drain', async (t) => {
  const { group, lines, deaths } = groupOf(
    t,
    `${LISTENS}; setInterval(() => {}, 1000)
     parentPort.postMessage({ kind: 'log', line: JSON.stringify({ level: 30, time: 1, msg: 'listens' }) })`,
    2
  )
  await group.start()
  await eventually(() => lines.length === 1)
  const startMs = performance.now()
  t.equal(await group.close(), true, 'what it had was cut off')
  t.ok(performance.now() - startMs >= 2300)
  t.same(lines.slice(1), ['Thread 2 has died (It did not close in time), with 1 requests'])
  t.same(deaths, [1])
})
