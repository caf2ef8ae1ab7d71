import { setImmediate } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { CellDirectory, type DirectoryChange } from '../../../../lib/base/cells/directory.js'
import { OWN_CELLS, SharedCells } from '../../../../lib/base/cells/shared-cells.js'

/** The cells of two threads, of which the second follows the first by messages. */
async function twoThreads() {
  const { port1, port2 } = new MessageChannel()
  t.teardown(() => port1.close())
  const directory = new CellDirectory()
  directory.onChange = (change) => port1.postMessage(change)
  const owner = new SharedCells({ count: 2, own: 0 }, directory)
  owner.named('first', 4)
  const followed = new CellDirectory(directory.all)
  port2.on('message', (change: DirectoryChange) => followed.follow(change))
  await setImmediate()
  return { owner, followed, follower: new SharedCells({ count: 2, own: 1 }, followed) }
}

const untilTold = async () => {
  for (let i = 0; i < 3; i++) await setImmediate()
}

t.test('cells have the same content in all threads, whenever they were created', async (t) => {
  const { owner, follower } = await twoThreads()
  const later = owner.within('pool').named('later', 4)
  await untilTold()
  for (const [name, cells] of [
    ['first', owner.named('first', 4)],
    ['pool/later', later]
  ] as const) {
    Atomics.add(cells, 2, 7)
    t.equal(Atomics.load(follower.named(name, 4), 2), 7, name)
  }
})

t.test('a thread that does not own them cannot create any', async (t) => {
  const { follower } = await twoThreads()
  t.throws(() => follower.named('other', 4), { message: 'There are no cells other' })
})

t.test('what is forgotten is gone in all threads, with all below it and nothing else', async (t) => {
  const { owner, followed } = await twoThreads()
  const pool = owner.within('pool-1')
  pool.named('a', 4)
  pool.within('b').named('c', 4)
  owner.named('pool-10', 4)
  await untilTold()
  t.same([...followed.all.keys()], ['first', 'pool-1/a', 'pool-1/b/c', 'pool-10'])
  pool.forget('b')
  await untilTold()
  t.same([...followed.all.keys()], ['first', 'pool-1/a', 'pool-10'])
  pool.forget()
  await untilTold()
  t.same([...followed.all.keys()], ['first', 'pool-10'])
})

t.test('one thread has cells of its own', async (t) => {
  const cells = OWN_CELLS.within('pool').named('a', 4)
  t.ok(cells.buffer instanceof ArrayBuffer)
  t.not(OWN_CELLS.within('pool').named('a', 4), cells)
  t.equal(cells.length, 4)
})
