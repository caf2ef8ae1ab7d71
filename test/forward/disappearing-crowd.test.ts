import { BalancerCell } from '../../lib/pool/cells.js'
import { eventually, sleep, test } from '../helper.js'
import { makeAnswer } from '../support/answer.js'
import { heldMemory } from '../support/garbage.js'
import { LEAVINGS, leaveable, numbered, numbers, REQUESTS } from '../support/leaving.js'
import { seededRandom } from '../support/random.js'

const ANSWER = makeAnswer({ id: 'a', framing: 'chunked', size: 3000, trailerCount: 1 }).bytes
const BATCH = 200
/** All of a batch want the processor at once. */
const PATIENCE_MS = 20_000
/** Less than 250 bytes a client: an exchange that is left over takes more. */
const TOLERANCE = 2_500_000

test('ten thousand clients that disappear leave nothing behind', async (t) => {
  const random = seededRandom(20)
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <T>(list: readonly T[]) => list[below(list.length)]!
  const { balancer, arrived, send, checkFreed } = await leaveable(t, (_i, socket) => {
    socket.write(ANSWER.subarray(0, below(ANSWER.length + 1)))
  })
  const late: string[] = []
  const disappear = async (i: number) => {
    const [head, rest] = pick(Object.values(REQUESTS))
    const bytes = numbered(head + rest, i)
    const offset = below(2) ? below(bytes.length) : head.length + below(rest.length + 1)
    const how = pick(Object.keys(LEAVINGS) as (keyof typeof LEAVINGS)[])
    const client = await send(bytes.slice(0, offset))
    if (below(2)) await sleep(below(10))
    LEAVINGS[how](client)
    await eventually(() => client.destroyed, PATIENCE_MS).catch(() =>
      late.push(`${how} at ${offset} of ${bytes}`)
    )
  }
  const crowd = async (count: number) => {
    for (let i = 0; i < count && late.length === 0; i += BATCH)
      await Promise.all(numbers(BATCH).map(disappear))
    t.same(late, [], 'their connections are closed in time')
    // The backend has answered some of them.
    arrived.clear()
    await checkFreed(`${count} clients`)
    const { requests, backends, connections } = balancer.stats()
    t.equal(balancer.registry.counters.sum(BalancerCell.tunnels), 0)
    t.match([connections.dropped, backends[0]!.retries], [0, 0])
    // Those that are reset before they are accepted ask for nothing.
    t.ok(requests.total > count / 5, `${requests.total} requests`)
    return await heldMemory()
  }
  const before = await crowd(2000)
  if (late.length > 0) return
  const after = await crowd(10_000)
  t.ok(after.heap < before.heap + TOLERANCE, `heap: ${before.heap}, then ${after.heap} bytes`)
  t.ok(after.buffers < before.buffers + TOLERANCE, `buffers: ${before.buffers}, then ${after.buffers} bytes`)
})
