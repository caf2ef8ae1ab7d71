import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { BalancerCell } from '../../lib/pool/counters.js'
import { type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { FrameClient, opening } from '../support/frame-client.js'
import { heldMemory } from '../support/garbage.js'
import { data, type Fields, get, headers, request, reset } from '../support/http2-frames.js'
import { seededRandom } from '../support/random.js'
import { serving } from '../support/raw-backend.js'
import { forHttp2 } from '../support/secure-ports.js'

const H2C = forHttp2()
/** After so long nothing is left of a client that has gone; more on a busy machine. */
const IN_TIME_MS = 2000

const websocket = (path: string): Fields => [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':authority', 'x'],
  [':path', path]
]

/** Frames of all kinds of requests on three streams, from an id on. */
const three = (id: number) =>
  Buffer.concat([
    headers(id, get('/get')),
    headers(id + 2, request('POST', '/post'), { open: true }),
    data(id + 2, 'hello'),
    headers(id + 4, websocket('/ws'), { open: true }),
    data(id + 4, 'hello'),
    data(id + 2, 'hello', true)
  ])

const PARTS = [
  'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  '5\r\nhello\r\n',
  `2710\r\n${'x'.repeat(10_000)}\r\n`,
  '0\r\nTrailer: a\r\n\r\n'
]
const SWITCH = 'HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

/** A backend that answers in parts, as many as `count` says, each a moment after the one before. */
function inParts(t: Test, count: () => number) {
  return serving(t, (socket: Socket) => {
    socket.on('data', async (bytes) => {
      const isSwitched = bytes.includes('Upgrade: websocket')
      const parts = isSwitched ? [SWITCH, 'hello', 'hello'] : PARTS
      for (const part of parts.slice(0, count())) {
        if (socket.writable) socket.write(part)
        await sleep(1)
      }
    })
  })
}

async function checkFreed(t: Test, balancer: Balancer, name: string): Promise<void> {
  const { registry, connections, log } = balancer
  const left = () => [...inFlight(balancer), connections.size, registry.counters.get(BalancerCell.tunnels)]
  await eventually(() => left().every((count) => count === 0), IN_TIME_MS).catch(() => {})
  t.same(left(), [0, 0, 0, 0], `${name}: every slot is free`)
  const { requests, backends } = balancer.stats()
  t.same([requests.failed, backends[0]!.failed], [0, 0], 'nobody is blamed')
  t.notOk(log.some(({ level }) => level >= 40))
}

const LEAVINGS: Readonly<Record<string, (session: FrameClient) => void>> = {
  FIN: ({ socket }) => void socket.end(),
  RST: (session) => session.leave()
}

for (const [how, leave] of Object.entries(LEAVINGS)) {
  test(`a client leaves at any byte of its streams, by ${how}`, async (t) => {
    const balancer = await startBalancer(t, [await inParts(t, () => 3)], H2C)
    const bytes = Buffer.concat([opening(), three(1)])
    for (let from = 0; from < bytes.length; from += 100) {
      const offsets = Array.from({ length: Math.min(100, bytes.length - from) }, (_, i) => from + i)
      const sessions = await Promise.all(
        offsets.map((offset) => FrameClient.connect(balancer.port, { opening: bytes.subarray(0, offset) }))
      )
      for (const session of sessions) leave(session)
      await checkFreed(t, balancer, `${from} and on`)
    }
  })
}

test('ten thousand streams of clients that leave leave nothing behind', async (t) => {
  const random = seededRandom(7)
  const below = (bound: number) => Math.floor(random() * bound)
  const balancer = await startBalancer(t, [await inParts(t, () => below(PARTS.length + 1))], H2C)
  const crowd = async (streams: number) => {
    for (let left = streams; left > 0; left -= 3 * 30 * 4) {
      const sessions = await Promise.all(Array.from({ length: 4 }, () => FrameClient.connect(balancer.port)))
      for (const session of sessions) {
        session.send(...Array.from({ length: 30 }, (_, i) => three(1 + 6 * i)))
        if (below(2) === 0) await sleep(below(10))
        // Some of its streams first, some of them answered by then.
        for (let i = below(60); i > 0; i--) session.send(reset(1 + 2 * below(90)))
        if (below(2) === 0) await sleep(below(5))
        if (below(2) === 0) session.leave()
        else session.socket.end()
      }
    }
    await checkFreed(t, balancer, `${streams} streams`)
    return heldMemory()
  }
  const before = await crowd(5000)
  const after = await crowd(10_000)
  t.ok(after.heap < before.heap + 5_000_000, `heap: ${before.heap}, then ${after.heap} bytes`)
  t.ok(after.buffers < before.buffers + 5_000_000, `buffers: ${before.buffers}, then ${after.buffers} bytes`)
  t.ok(balancer.stats().requests.total > 5000)
})
