import { setImmediate, setTimeout } from 'node:timers/promises'
import { isMainThread, workerData } from 'node:worker_threads'
import { Counters } from '../../lib/base/cells/counters.js'
import type { Threads } from '../../lib/base/cells/rows.js'
import { Turns } from '../../lib/base/cells/turns.js'
import { BackendCell } from '../../lib/pool/cells.js'
import { SharedWaitingQueue } from '../../lib/proxy/retry/shared-waiting-queue.js'
import type { Queued } from '../../lib/proxy/retry/waiting-queue.js'

/** What threads that wait for slots of one backend are given, and leave behind. */
export interface WaitingThread {
  readonly threads: Threads
  readonly row: Int32Array
  readonly turns: Int32Array
  /** Those that hold a slot now, the most there ever were, and how many turns are logged. */
  readonly seen: Int32Array
  /** The turns of those that waited, as they were served. */
  readonly log: Int32Array
  /** When a slot was last released, and what passed until another thread had it; in nanoseconds. */
  readonly times: BigInt64Array
  readonly max: number
  readonly requests: number
  readonly concurrency: number
}

export const SEEN = { holding: 0, most: 1, logged: 2, handedOver: 3 } as const

/** What so many requests need. */
export function createLog(requests: number): Pick<WaitingThread, 'seen' | 'log' | 'times'> {
  return {
    seen: new Int32Array(new SharedArrayBuffer(16)),
    log: new Int32Array(new SharedArrayBuffer(4 * requests)),
    times: new BigInt64Array(new SharedArrayBuffer(8 * (2 + requests)))
  }
}

class NotedTurns extends Turns {
  latest = 0

  override take(): number {
    this.latest = super.take()
    return this.latest
  }
}

async function run({ threads, row, turns: cells, seen, log, times, ...load }: WaitingThread): Promise<void> {
  const counters = new Counters(threads, row)
  const turns = new NotedTurns(threads, cells)
  const queue = new SharedWaitingQueue(counters, { size: 1_000_000, timeoutMs: 60_000 }, turns, () => {})
  queue.start()

  const acquire = (turn: number) => {
    if (!counters.acquire(BackendCell.active, load.max)) return false
    const holding = Atomics.add(seen, SEEN.holding, 1) + 1
    if (holding > Atomics.load(seen, SEEN.most)) Atomics.store(seen, SEEN.most, holding)
    if (turn !== 0) Atomics.store(log, Atomics.add(seen, SEEN.logged, 1), turn)
    return true
  }
  const wait = () =>
    new Promise<void>((resolve) => {
      let turn = 0
      const waiting: Queued = {
        acceptsAny: true,
        onQueueTimeout() {},
        proceed() {
          if (!acquire(turn || turns.latest)) return false
          const releasedAt = Atomics.load(times, 0)
          const by = Number(Atomics.load(times, 1))
          if (by !== threads.own && releasedAt !== 0n)
            Atomics.store(
              times,
              2 + Atomics.add(seen, SEEN.handedOver, 1),
              process.hrtime.bigint() - releasedAt
            )
          queue.remove(waiting)
          resolve()
          return true
        }
      }
      queue.add(waiting, 0)
      turn = turns.latest
    })
  const request = async () => {
    if (queue.isBlocked || !acquire(0)) await wait()
    await setImmediate()
    Atomics.sub(seen, SEEN.holding, 1)
    Atomics.store(times, 1, BigInt(threads.own))
    Atomics.store(times, 0, process.hrtime.bigint())
    counters.change(BackendCell.active, -1)
    if (!queue.isEmpty) queue.serve()
  }
  const client = async () => {
    for (let left = load.requests; left > 0; left--) {
      await request()
      if (left % 16 === 0) await setTimeout(1)
    }
  }
  // Waiting to be woken keeps no thread alive; a balancer has its listening socket.
  const alive = setInterval(() => {}, 60_000)
  await Promise.all(Array.from({ length: load.concurrency }, client))
  clearInterval(alive)
  queue.stop()
}

if (!isMainThread) void run(workerData as WaitingThread)
