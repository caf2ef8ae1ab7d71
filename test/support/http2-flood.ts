import { type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { FrameClient } from './frame-client.js'
import { heldMemory, heldSince } from './garbage.js'
import { get, headers, Type } from './http2-frames.js'
import { answering, OK, scripted } from './raw-backend.js'

const FRAMES = 8000
/** For another client's request, on a busy machine. */
const NORMAL_MS = 15_000
/** More than is kept of a client while it attacks. */
const HELD_LIMIT = 5_000_000
const FREED_MS = 8000

/** What a client sends in masses. */
export interface Flood {
  readonly name: string
  /** Sent over and over. */
  readonly part: (i: number) => Buffer
  readonly count?: number
  /** So many at a time, each time when the last were taken. */
  readonly batch?: number
  /** Sent before. */
  readonly first?: Buffer
  /** Whether the client must lose its session; else it may go on, as nothing of it costs more than its bytes. */
  readonly isEnded?: boolean
  /** It does not read what it is answered. */
  readonly isDeaf?: boolean
  /** So many of its requests may begin. */
  readonly arrive?: number
}

/** Another client, which must be answered as ever. Stops it, and returns how often it asked, and the longest that it had to wait. */
function bystander(session: FrameClient) {
  let longestMs = 0
  let asked = 0
  let isOver = false
  const ask = async () => {
    for (let id = 1; !isOver; id += 2) {
      asked++
      const startMs = performance.now()
      session.send(headers(id, get('/bystander')))
      const { status } = await session.over(id, 20_000)
      if (status !== 200) throw new Error(`answered ${status}`)
      longestMs = Math.max(longestMs, performance.now() - startMs)
      session.streams.delete(id)
      await sleep(20)
    }
  }
  const asking = ask()
  asking.catch(() => {})
  return async () => {
    isOver = true
    await asking
    return { longestMs, asked }
  }
}

const settled = (balancer: Balancer, open: number) =>
  eventually(
    () => inFlight(balancer).every((count) => count <= 1) && balancer.connections.size === open,
    FREED_MS
  )

/** Another client is served during a flood and after it, and nothing is left of who sends it. */
export function testFlood({
  name,
  part,
  first,
  count = FRAMES,
  batch,
  isEnded = false,
  isDeaf = false,
  arrive
}: Flood) {
  test(`a flood of ${name}`, async (t) => {
    const backend = await scripted(t, answering(OK))
    const balancer = await startBalancer(t, [backend], { LB_H2C: 'true' })
    const stop = bystander(await FrameClient.open(t, balancer.port))
    const before = await heldMemory()
    const offender = await FrameClient.open(t, balancer.port)
    await eventually(() => offender.counts[Type.settings]! > 0)
    if (isDeaf) offender.socket.pause()
    if (first) offender.send(first)
    await offender.flood(part, count, batch)
    if (isEnded)
      await t.resolves(
        eventually(() => offender.isOver, FREED_MS),
        'its session ends'
      )
    const held = await heldSince(before, HELD_LIMIT)
    t.ok(held < HELD_LIMIT, `${held} bytes are held`)
    offender.leave()
    await t.resolves(settled(balancer, 1), 'nothing is left of it')
    const { longestMs, asked } = await stop()
    t.ok(longestMs > 0 && longestMs < NORMAL_MS, `another client waited for ${longestMs} ms`)
    const arrived = balancer.stats().requests.total - asked
    if (arrive !== undefined) t.ok(arrived <= arrive, `${arrived} requests began`)
    t.notOk(balancer.log.some(({ level }) => level >= 40))
  })
}
