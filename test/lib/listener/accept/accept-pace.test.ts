import path from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { CellDirectory } from '../../../../lib/base/cells/directory.js'
import { SharedCells } from '../../../../lib/base/cells/shared-cells.js'
import { AcceptPace } from '../../../../lib/listener/accept/accept-pace.js'

const elapsed = (run: () => void) => {
  const startMs = performance.now()
  run()
  return performance.now() - startMs
}

/** The paces of several threads with so many connections open. */
function pacesOf(open: readonly number[]) {
  const directory = new CellDirectory()
  const count = open.length
  return open.map(
    (_, own) => new AcceptPace(new SharedCells({ count, own }, directory), (thread) => open[thread]!)
  )
}

/** The pace of the first thread, which has accepted so many in this burst. */
function paceOf(open: readonly number[], accepted: number) {
  const [pace] = pacesOf(open) as [AcceptPace]
  for (let i = 0; i < accepted; i++) pace.record(i === 0)
  return pace
}

/** How long it waits, but for what else the machine does meanwhile. */
const leastElapsed = (make: () => AcceptPace) =>
  Math.min(...Array.from({ length: 5 }, make).map((pace) => elapsed(() => pace.wait())))

t.test('a thread that is not ahead of the others does not wait', async (t) => {
  for (const open of [
    [0, 0],
    [3, 2],
    [2, 9],
    [5, 4, 7],
    [46, 40]
  ])
    t.ok(leastElapsed(() => paceOf(open, 5)) < 1.5, `${open}`)
  t.ok(leastElapsed(() => paceOf([9, 2], 1)) < 1.5, 'nor for the first of a burst')
})

t.test('one that is ahead waits for two milliseconds, and then not again at once', async (t) => {
  const pace = paceOf([9, 40, 2], 3)
  const [first, second] = [elapsed(() => pace.wait()), elapsed(() => pace.wait())]
  t.ok(first >= 1.9)
  t.ok(second < 1.5, 'nobody has come')
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.ok(elapsed(() => pace.wait()) >= 1.9)
})

t.test('it does not wait while the others accept as many', async (t) => {
  const [pace, other] = pacesOf([9, 2]) as [AcceptPace, AcceptPace]
  for (let i = 0; i < 4; i++) {
    pace.record(i === 0)
    other.record(false)
  }
  t.ok(elapsed(() => pace.wait()) < 1.5)
  for (let i = 0; i < 2; i++) pace.record(false)
  t.ok(elapsed(() => pace.wait()) >= 1.9)
})

t.test('it is woken when another thread accepts', async (t) => {
  const directory = new CellDirectory()
  const cells = new SharedCells({ count: 2, own: 0 }, directory)
  const pace = new AcceptPace(cells, (thread) => (thread === 0 ? 40 : 1))
  const file = path.join(__dirname, '../../../../lib/listener/accept/accept-pace.js')
  const script = `
    const { workerData: { accepted, file } } = require('worker_threads')
    const { AcceptPace } = require(file)
    const pace = new AcceptPace({ threads: { count: 2, own: 1 }, named: () => accepted }, () => 0)
    for (;;) {
      const untilMs = performance.now() + 0.2
      while (performance.now() < untilMs);
      pace.record(false)
    }`
  const workerData = { accepted: directory.all.get('accepted'), file }
  const worker = new Worker(script, { eval: true, workerData })
  const waits: number[] = []
  for (let i = 0; i < 40; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    for (let j = 0; j < 9; j++) pace.record(j === 0)
    waits.push(elapsed(() => pace.wait()))
  }
  await worker.terminate()
  waits.sort((a, b) => a - b)
  t.ok(waits[10]! < 1.5, `a quarter of them within ${waits[10]} ms`)
})
