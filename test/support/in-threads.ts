import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { Env } from './processes.js'
import { everywhere } from './secure-ports.js'
import { test } from './test.js'
import { ThreadedBalancer } from './threaded-balancer.js'

/** By their settings. */
const running = new Map<string, Promise<ThreadedBalancer>>()

/** A balancer with several threads, for this test until its end. */
export async function threadedBalancer(
  t: Test,
  serve: (socket: Socket) => void,
  env: Env
): Promise<ThreadedBalancer> {
  const key = JSON.stringify(env)
  let started = running.get(key)
  if (!started) {
    started = ThreadedBalancer.start(env)
    running.set(key, started)
  }
  const balancer = await started
  await balancer.lend(t, serve)
  return balancer
}

/** Runs the tests of other files over again, with two threads in the balancers that they start as processes. */
export function inThreads(...files: readonly string[]): void {
  everywhere.threads = 2
  for (const file of files) require(`../${file}.test.js`)
  test('both threads had connections, and all ends well', async (t) => {
    const found = [0, 0]
    for (const started of running.values()) {
      const balancer = await started
      for (const [thread, count] of balancer.found.entries()) found[thread]! += count
      t.equal(await balancer.end(), 0)
      t.same(
        balancer.log.filter(({ level }) => level >= 50),
        []
      )
    }
    t.ok(running.size === 0 || Math.min(...found) > 0, `${found}`)
    running.clear()
  })
}
