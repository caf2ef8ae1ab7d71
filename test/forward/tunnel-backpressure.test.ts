import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Test } from 'tap'
import { eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { pour, stalled } from '../support/pour.js'
import { openTunnel, switching } from '../support/tunnel.js'

const CHUNK = Buffer.alloc(50_000, 'slow readers')
const CHUNKS = 500
/** The kernel holds some on each of the two connections. */
const KERNEL_LIMIT = 20_000_000
const HELD_LIMIT = 1_000_000

const DIGEST = (() => {
  const hash = createHash('sha1')
  for (let i = 0; i < CHUNKS; i++) hash.update(CHUNK)
  return hash.digest('hex')
})()

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Bytes of all buffers in use: those of the ends of a tunnel are one and the same chunk. */
async function buffersInUse(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage()
    await sleep(20)
  }
  return process.memoryUsage().arrayBuffers
}

/** Reads on to the end. */
function digestOf(socket: Socket): Promise<string> {
  const hash = createHash('sha1')
  return new Promise((resolve) => {
    socket.removeAllListeners('data')
    socket.on('data', (bytes) => hash.update(bytes)).on('end', () => resolve(hash.digest('hex')))
    socket.resume()
  })
}

/** A tunnel, with both its ends, which read nothing. */
async function stretched(t: Test) {
  let backend!: Socket
  const balancer = await startBalancer(t, [
    await switching(t, (socket) => {
      backend = socket.pause()
    })
  ])
  const { socket: client } = await openTunnel(t, balancer)
  client.allowHalfOpen = true
  client.pause()
  return { balancer, client, backend }
}

for (const [slow, fast] of [
  ['client', 'backend'],
  ['backend', 'client']
] as const) {
  test(`a ${slow} that does not read stops the ${fast}, and nothing is lost`, async (t) => {
    const { balancer, ...ends } = await stretched(t)
    const before = await buffersInUse()
    pour(ends[fast], CHUNK, CHUNKS, () => ends[fast].end())
    const written = await stalled([ends[fast]])
    const held = (await await buffersInUse()) - before
    t.ok(written > HELD_LIMIT && written < KERNEL_LIMIT, `the ${fast} got rid of ${written} bytes`)
    t.ok(held < HELD_LIMIT, `${held} bytes are held`)
    t.same(inFlight(balancer), [1, 1])
    t.equal(await digestOf(ends[slow]), DIGEST)
    ends[slow].end()
  })
}

test('both directions wait, and go on, each on its own', async (t) => {
  const { client, backend } = await stretched(t)
  const before = await buffersInUse()
  pour(client, CHUNK, CHUNKS, () => client.end())
  pour(backend, CHUNK, CHUNKS)
  await Promise.all([stalled([client]), stalled([backend])])
  const held = (await await buffersInUse()) - before
  t.ok(held < 2 * HELD_LIMIT, `${held} bytes are held`)
  client.removeAllListeners('data')
  client.resume()
  const read = client.bytesRead
  await eventually(() => client.bytesRead > read + 10_000_000)
  t.equal(backend.readableFlowing, false)
  t.equal(await digestOf(backend), DIGEST, 'to the backend, whatever the other direction does')
  backend.end()
})
