import path from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { CellDirectory } from '../../../../lib/base/cells/directory.js'
import { SharedCells } from '../../../../lib/base/cells/shared-cells.js'
import { AcceptPace } from '../../../../lib/listener/accept/accept-pace.js'
import { eventually } from '../../../support/test.js'

const elapsed = (run: () => void) => {
  const startMs = performance.now()
  run()
  return performance.now() - startMs
}

function paceOf(open: readonly number[]) {
  const directory = new CellDirectory()
  const cells = new SharedCells({ count: open.length, own: 0 }, directory)
  return new AcceptPace(cells, (thread) => open[thread]!)
}

t.test('a thread that is not ahead of the others does not wait', async (t) => {
  for (const open of [
    [0, 0],
    [3, 2],
    [2, 9],
    [5, 4, 7]
  ]) {
    const pace = paceOf(open)
    t.ok(elapsed(() => pace.wait()) < 0.4, `${open}`)
  }
})

t.test('one that is ahead waits for half a millisecond, and then not again at once', async (t) => {
  const pace = paceOf([9, 40, 2])
  t.ok(elapsed(() => pace.wait()) >= 0.45)
  t.ok(elapsed(() => pace.wait()) < 0.4, 'nobody has come')
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.ok(elapsed(() => pace.wait()) >= 0.45)
})

t.test('it waits for as long as another thread accepts, until it is ahead no more', async (t) => {
  const directory = new CellDirectory()
  const cells = new SharedCells({ count: 2, own: 0 }, directory)
  const open = new Int32Array(new SharedArrayBuffer(8))
  open[0] = 40
  const pace = new AcceptPace(cells, (thread) => Atomics.load(open, thread))
  const file = path.join(__dirname, '../../../../lib/listener/accept/accept-pace.js')
  const script = `
    const { workerData: { accepted, open, file } } = require('worker_threads')
    const { AcceptPace } = require(file)
    const pace = new AcceptPace({ threads: { count: 2, own: 1 }, named: () => accepted }, () => 0)
    Atomics.store(open, 1, 1)
    while (Atomics.load(open, 1) < 39) {
      const untilMs = performance.now() + 0.1
      while (performance.now() < untilMs);
      Atomics.add(open, 1, 1)
      pace.record()
    }`
  const worker = new Worker(script, {
    eval: true,
    workerData: { accepted: directory.all.get('accepted'), open, file }
  })
  await eventually(() => Atomics.load(open, 1) > 0)
  // A wait that ends too soon is one in which the other thread had to wait for a processor.
  for (let i = 0; i < 200 && Atomics.load(open, 1) < 39; i++) {
    pace.wait()
    await new Promise((resolve) => setTimeout(resolve, 6))
  }
  t.equal(Atomics.load(open, 1), 39)
  t.ok(elapsed(() => pace.wait()) < 0.4)
  await worker.terminate()
})
