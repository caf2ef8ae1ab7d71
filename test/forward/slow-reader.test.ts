import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse
} from 'node:http'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { atEnd, inFlight, startBalancer, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { heldMemory } from '../support/garbage.js'
import { listen } from '../support/listen.js'
import { pour, stalled } from '../support/pour.js'

/** Of no size that memory comes in, so that what is out of order shows. */
const PIECE = pattern('slow', 49_999)
const PIECES = 1000
const SIZE = PIECE.length * PIECES
/** The kernel holds some on each of the two connections, at each end. */
const KERNEL_LIMIT = 30_000_000
const HELD_LIMIT = 1_000_000

/** Both ends of what is sent through the balancer, of which one writes and the other does not read yet. */
interface Transfer {
  readonly writer: Writable
  /** Of who writes. */
  readonly socket: Socket
  readonly reader: Readable
  /** With which an upload is answered. */
  readonly status?: Promise<number>
}

type Begin = (server: Server, ask: (options: object) => ClientRequest) => Promise<Transfer>

const download =
  (begin: (res: ServerResponse) => void): Begin =>
  async (server, ask) => {
    const asked = once(server, 'request')
    const req = ask({}).end()
    const responded = once(req, 'response')
    const [, res] = (await asked) as [IncomingMessage, ServerResponse]
    begin(res)
    res.flushHeaders()
    const [reader] = (await responded) as [IncomingMessage]
    return { writer: res, socket: res.socket!, reader }
  }

const upload =
  (headers: Record<string, string | number>): Begin =>
  async (server, ask) => {
    const asked = once(server, 'request')
    const writer = ask({ method: 'POST', headers })
    writer.flushHeaders()
    const [reader, res] = (await asked) as [IncomingMessage, ServerResponse]
    reader.once('end', () => res.end())
    const status = once(writer, 'response').then(([response]) => response.resume().statusCode)
    return { writer, socket: writer.socket!, reader, status }
  }

const tunnel =
  (isUp: boolean): Begin =>
  async (server, ask) => {
    const asked = once(server, 'upgrade')
    const req = ask({ headers: { Connection: 'Upgrade', Upgrade: 'bulk' } }).end()
    const switched = once(req, 'upgrade')
    const [, backend] = (await asked) as [IncomingMessage, Socket]
    backend.write('HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: bulk\r\n\r\n')
    const [, client] = (await switched) as [IncomingMessage, Socket]
    return isUp
      ? { writer: client, socket: client, reader: backend }
      : { writer: backend, socket: backend, reader: client }
  }

const TRANSFERS: Record<string, Begin> = {
  'a response of a length': download((res) => res.setHeader('Content-Length', SIZE)),
  'a response in chunks': download(() => {}),
  'a response that ends with its connection': download((res) => {
    res.useChunkedEncodingByDefault = false
    res.setHeader('Connection', 'close')
  }),
  'an upload of a length': upload({ 'Content-Length': SIZE }),
  'an upload in chunks': upload({ 'Transfer-Encoding': 'chunked' }),
  'a tunnel to the client': tunnel(false),
  'a tunnel to the backend': tunnel(true)
}

const WHOLE = (() => {
  const hash = createHash('sha1')
  for (let i = 0; i < PIECES; i++) hash.update(PIECE)
  return hash.digest('hex')
})()

for (const [what, begin] of Object.entries(TRANSFERS)) {
  test(`of ${what} that nobody reads little is held, and nothing is lost`, async (t) => {
    const server = createServer()
    const balancer = await startBalancer(t, [{ address: await listen(t, server) }])
    const clients: Socket[] = []
    balancer.fastify.server.on('connection', (socket: Socket) => clients.push(socket))
    const ask = (options: object) => {
      const req = request({ host: '127.0.0.1', port: balancer.port, agent: false, ...options })
      atEnd(t, () => req.destroy())
      return req.on('error', () => {})
    }
    const before = await heldMemory()
    const { writer, socket, reader, status } = await begin(server, ask)
    // A tunnel of which one end has finished stands until the other end closes it: not all versions of Node do so here.
    atEnd(t, () => reader.destroy())
    pour(writer, PIECE, PIECES, () => writer.end())
    const taken = await stalled([socket])
    t.ok(taken < KERNEL_LIMIT, `${taken} bytes were taken`)
    const held = clients.reduce(
      (sum, { writableLength, readableLength }) => sum + writableLength + readableLength,
      0
    )
    t.ok(held < HELD_LIMIT, `${held} bytes wait on the client's connection`)
    const { buffers } = await heldMemory()
    t.ok(buffers - before.buffers < HELD_LIMIT, `${buffers - before.buffers} bytes are held in all`)
    t.same(inFlight(balancer), [1, 1])
    const hash = createHash('sha1')
    let size = 0
    for await (const chunk of reader as AsyncIterable<Buffer>) {
      size += chunk.length
      hash.update(chunk)
    }
    t.equal(size, SIZE)
    t.equal(hash.digest('hex'), WHOLE, 'all of it arrives, byte for byte')
    if (status) t.equal(await status, 200)
  })
}
