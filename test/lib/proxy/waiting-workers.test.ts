import { once } from 'node:events'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { Counters } from '../../../lib/base/cells/counters.js'
import { createCells, rowCells } from '../../../lib/base/cells/rows.js'
import { Turns, turnsCells } from '../../../lib/base/cells/turns.js'
import { BackendCell, BalancerCell } from '../../../lib/pool/cells.js'
import { createLog, SEEN, type WaitingThread } from '../../support/waiting-thread.js'

const MAX_WAIT_MS = 5

/** Workers with requests for one backend, and what they leave behind. */
function workers(count: number, load: Pick<WaitingThread, 'max' | 'requests' | 'concurrency'>) {
  const threads = { count: count + 1, own: 0 }
  const given = {
    ...load,
    row: createCells(rowCells(threads), threads),
    turns: createCells(turnsCells(threads), threads),
    ...createLog(count * load.requests * load.concurrency)
  }
  const all = Array.from(
    { length: count },
    (_, i) =>
      new Worker(path.join(__dirname, '../../support/waiting-thread.js'), {
        workerData: { ...given, threads: { ...threads, own: i + 1 } } satisfies WaitingThread
      })
  )
  const counters = new Counters(threads, given.row)
  return { ...given, all, counters, owner: new Turns(threads, given.turns) }
}

const logged = ({ seen, log }: Pick<WaitingThread, 'seen' | 'log'>) => [...log.subarray(0, seen[SEEN.logged])]

t.test(
  'threads never have more requests at a backend than it may have, and those wait in one line',
  async (t) => {
    const { all, seen, log, times, counters } = workers(3, { max: 1, requests: 400, concurrency: 4 })
    await Promise.all(all.map((worker) => once(worker, 'exit')))
    t.equal(seen[SEEN.most], 1)
    const turns = logged({ seen, log })
    t.ok(turns.length > 1000, `${turns.length} have waited`)
    t.same(
      turns,
      turns.toSorted((a, b) => a - b)
    )
    t.equal(counters.sum(BackendCell.active) + counters.sum(BalancerCell.queued), 0)
    const waits = [...times.subarray(2, 2 + seen[SEEN.handedOver]!)].map(Number).sort((a, b) => a - b)
    t.ok(waits.length > 100, `${waits.length} slots went to other threads`)
    // However busy the machine is, some are soon there.
    const soonMs = waits[Math.floor(waits.length / 10)]! / 1e6
    t.ok(soonMs < MAX_WAIT_MS, `${soonMs} ms`)
  }
)

t.test('when a thread ends, the others are served', async (t) => {
  const threads = workers(3, { max: 2, requests: 300, concurrency: 4 })
  const { all, seen, counters, owner } = threads
  while (seen[SEEN.logged]! < 100) await setTimeout(1)
  await all[0]!.terminate()
  counters.clearThread(1)
  owner.clearThread(1)
  await Promise.all(all.slice(1).map((worker) => once(worker, 'exit')))
  t.equal(counters.sum(BackendCell.active) + counters.sum(BalancerCell.queued), 0)
  t.ok(owner.isIdle)
})
