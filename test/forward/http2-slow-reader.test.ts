import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { atEnd, eventually, sleep, startBalancer, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { heldMemory } from '../support/garbage.js'
import { answering, http2Backend } from '../support/http2-backend.js'
import { pour } from '../support/pour.js'
import { exchange } from '../support/raw-client.js'

/** Of no size that memory comes in, so that what is out of order shows. */
const PIECE = pattern('slow', 49_999)
const PIECES = 1000
const SIZE = PIECE.length * PIECES
const HELD_LIMIT = 1_000_000

const WHOLE = (() => {
  const hash = createHash('sha1')
  for (let i = 0; i < PIECES; i++) hash.update(PIECE)
  return hash.digest('hex')
})()

async function hashOf(body: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha1')
  for await (const chunk of body) hash.update(chunk)
  return hash.digest('hex')
}

/** Resolves when a count has not changed for a while. */
async function settled(count: () => number): Promise<number> {
  let before = -1
  await eventually(async () => {
    const now = count()
    const isSame = now === before
    before = now
    await sleep(150)
    return isSame && now > 0
  }, 10_000)
  return before
}

for (const fields of [{}, { 'content-length': `${SIZE}` }] as Record<string, string>[]) {
  test(`of a response that nobody reads little is held, while others pass (${Object.keys(fields)})`, async (t) => {
    const backend = await http2Backend(t, ({ stream, headers }) => {
      if (headers[':path'] === '/quick') {
        answering(Buffer.alloc(1_000_000, 'q'))({ stream, headers, raw: [] })
        return
      }
      stream.respond({ ':status': 200, ...fields })
      pour(stream, PIECE, PIECES, () => stream.end())
    })
    const balancer = await startBalancer(t, [backend])
    const clients: Socket[] = []
    balancer.fastify.server.on('connection', (socket: Socket) => clients.push(socket))
    await exchange(t, balancer.port, 'GET /quick HTTP/1.1\r\nHost: x\r\n\r\n')
    const before = await heldMemory()
    const req = request({ host: '127.0.0.1', port: balancer.port, agent: false }).end()
    atEnd(t, () => req.destroy())
    const [res] = await once(req, 'response')
    const [, slow] = clients
    const taken = await settled(() => slow!.bytesWritten - slow!.writableLength)
    t.ok(taken < 30_000_000, `${taken} bytes were taken`)
    t.ok(slow!.writableLength < HELD_LIMIT, `${slow!.writableLength} bytes wait on the client's connection`)
    const { buffers } = await heldMemory()
    t.ok(buffers - before.buffers < HELD_LIMIT, `${buffers - before.buffers} bytes are held in all`)
    for (let i = 0; i < 20; i++) {
      const { body } = await exchange(t, balancer.port, 'GET /quick HTTP/1.1\r\nHost: x\r\n\r\n')
      t.equal(body.length, 1_000_000)
    }
    t.equal(backend.connections, 1, 'over the same connection')
    t.equal(await hashOf(res), WHOLE, 'all of it arrives, byte for byte')
  })
}

for (const headers of [{ 'Content-Length': SIZE }, { 'Transfer-Encoding': 'chunked' }] as Record<
  string,
  string | number
>[]) {
  test(`of an upload that a backend does not read little is held (${Object.keys(headers)})`, async (t) => {
    const backend = await http2Backend(t, () => {})
    const balancer = await startBalancer(t, [backend])
    await sleep(50)
    const before = await heldMemory()
    const req = request({ host: '127.0.0.1', port: balancer.port, agent: false, method: 'POST', headers })
    atEnd(t, () => req.destroy())
    req.on('error', () => {})
    const responded = once(req, 'response')
    pour(req, PIECE, PIECES, () => req.end())
    await eventually(() => backend.requests.length === 1)
    const { socket } = req
    const taken = await settled(() => socket!.bytesWritten - socket!.writableLength)
    t.ok(taken < 30_000_000, `${taken} bytes were taken`)
    const { buffers } = await heldMemory()
    t.ok(buffers - before.buffers < HELD_LIMIT, `${buffers - before.buffers} bytes are held in all`)
    const [asked] = backend.requests
    t.equal(await hashOf(asked!.stream), WHOLE)
    answering()(asked!)
    const [res] = await responded
    t.equal(res.statusCode, 200)
    res.resume()
  })
}
