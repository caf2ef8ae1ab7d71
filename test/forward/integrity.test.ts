import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, startBalancer, test } from '../helper.js'
import { pattern } from '../support/answer.js'
import { Http2Client } from '../support/http2-client.js'
import { seededRandom } from '../support/random.js'
import { type RawBackend, serving } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { ReceivedBytes } from '../support/received-bytes.js'
import { reset } from '../support/reset.js'
import { forHttp2 } from '../support/secure-ports.js'
import { fieldValue, type Message, readMessage, statusOf } from '../support/wire.js'

const SEED = Number(process.env.FAIRLEAD_TEST_SEED ?? 42)
const CLIENTS = 18
const REQUESTS = 4
const SIZES = [0, 1, 1000, 16_385, 65_536, 65_537, 200_000, 600_000]
const MANNERS = ['plain', 'plain', 'chunked', 'slow', 'leaving', 'cut'] as const
type Manner = (typeof MANNERS)[number]
/** Of those whose other requests share the connection. */
const STAYING = ['plain', 'cut'] as const
/** More than a connection holds while nobody reads it. */
const MUCH_BYTES = 4_000_000

/** A request and its answer, whose bytes are unlike those of all others. */
interface Errand {
  readonly id: string
  readonly manner: Manner
  readonly upload: Buffer
  readonly download: Buffer
}

const LENGTH = /^HTTP\/1\.1 200 OK\r\n.*?\r\n\r\n/s

/** Clients and backends of many kinds at the same time, who compare every byte that they get. */
class Crowd {
  readonly faults: string[] = []
  /** How many got all that they should. */
  whole = 0
  readonly #errands = new Map<string, Errand>()
  readonly #random = seededRandom(SEED)
  #next = 0

  make(manners: readonly Manner[] = MANNERS): Errand {
    const id = `errand${this.#next++}`
    const manner = this.#pick(manners)
    const size = (isMuch: boolean) => (isMuch ? MUCH_BYTES : this.#pick(SIZES))
    const upload = pattern(`${id}up`, size(manner === 'leaving'))
    const download = pattern(`${id}down`, size(manner === 'slow'))
    const errand = { id, manner, upload, download }
    this.#errands.set(id, errand)
    return errand
  }

  /** Reads requests with pauses, and answers them. */
  readonly serve = (socket: Socket): void => {
    let received = new ReceivedBytes()
    socket.on('data', (more: Buffer) => {
      if (this.#random() < 0.2) this.#rest(socket)
      const request = readMessage(received.add(more), { kind: 'request' })
      if (!request) return
      received = new ReceivedBytes()
      this.#answer(request, socket)
    })
  }

  #answer({ fields, body }: Message, socket: Socket): void {
    const { id, manner, upload, download } = this.#errands.get(fieldValue(fields, 'x-id')!)!
    this.compare(`upload of ${id}`, body, upload)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${download.length}\r\n\r\n`)
    const end = manner === 'cut' ? download.length >> 1 : download.length
    for (let at = 0; at < end; at += 50_000) socket.write(download.subarray(at, Math.min(end, at + 50_000)))
    // A connection whose answer is whole is another request's by then.
    if (end < download.length) setTimeout(() => reset(socket), 20)
  }

  async http1(t: Test, port: number): Promise<void> {
    let client: RawClient | undefined
    for (let i = 0; i < REQUESTS; i++) {
      client = client && !client.closed ? client : await RawClient.open(t, port)
      await this.#ask(client, this.make())
    }
    client?.socket.destroy()
  }

  async #ask(client: RawClient, { id, manner, upload, download }: Errand): Promise<void> {
    const isChunked = manner === 'chunked'
    const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${upload.length}`
    const head = Buffer.from(`PUT / HTTP/1.1\r\nHost: x\r\nX-Id: ${id}\r\n${framing}\r\n\r\n`)
    const half = upload.length >> 1
    const parts = [upload.subarray(0, half), upload.subarray(half)]
    const [first, last] = isChunked ? parts.map(inChunk) : parts
    client.send(Buffer.concat([head, first!]))
    await sleep(this.#random() * 5)
    if (manner === 'leaving') {
      client.socket.pause()
      await sleep(30)
      client.abort()
      await client.untilClosed()
      return
    }
    client.send(isChunked ? Buffer.concat([last!, Buffer.from('0\r\n\r\n')]) : last!)
    if (manner === 'slow') {
      client.socket.pause()
      await sleep(200)
      client.socket.resume()
    }
    const response = await client.response().catch(() => undefined)
    if (!response) {
      const text = client.received.toString('latin1')
      const body = client.received.subarray(LENGTH.exec(text)?.[0].length ?? text.length)
      if (manner !== 'cut') this.faults.push(`${id} is cut`)
      this.compare(`part of ${id}`, body, download.subarray(0, body.length))
    } else if (statusOf(response) === 200) {
      this.compare(`answer to ${id}`, response.body, download)
      this.whole++
    } else if (manner !== 'cut') this.faults.push(`${id}: ${response.startLine}`)
  }

  async http2(t: Test, port: number): Promise<void> {
    const { session } = await Http2Client.open(t, port)
    await Promise.all(
      Array.from({ length: REQUESTS }, async () => {
        const { id, manner, upload, download } = this.make(STAYING)
        const fields = { ':method': 'PUT', ':path': '/', ':authority': 'x', 'x-id': id }
        const stream = session.request(fields).on('error', () => {})
        const parts: Buffer[] = []
        stream.on('data', (bytes: Buffer) => void parts.push(bytes))
        stream.end(upload)
        await new Promise((resolve) => void stream.once('close', resolve))
        const body = Buffer.concat(parts)
        this.compare(`answer to ${id}`, body, manner === 'cut' ? download.subarray(0, body.length) : download)
        if (manner !== 'cut') this.whole++
      })
    )
    session.destroy()
  }

  compare(name: string, got: Buffer, wanted: Buffer): void {
    if (got.equals(wanted)) return
    let at = 0
    while (got[at] === wanted[at]) at++
    const near = got.toString('latin1', at, at + 40)
    this.faults.push(`${name}: ${got.length} of ${wanted.length} bytes, at ${at} ${JSON.stringify(near)}`)
  }

  #rest(socket: Socket): void {
    socket.pause()
    setTimeout(() => socket.resume(), this.#random() * 20)
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)]!
  }
}

function inChunk(part: Buffer): Buffer {
  if (part.length === 0) return part
  return Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
}

test('nobody gets a byte of another, whoever is slow, leaves or breaks meanwhile', async (t) => {
  t.comment(`seed ${SEED}`)
  const crowd = new Crowd()
  const backends: RawBackend[] = []
  for (let i = 0; i < 3; i++) backends.push(await serving(t, crowd.serve))
  const env = { ...forHttp2(), LB_NO_EJECTION: 'true', LB_RETRIES: '0' }
  const { port, stats } = await startBalancer(t, backends, env)
  const clients = Array.from({ length: CLIENTS }, (_, i) =>
    i % 6 === 0 ? crowd.http2(t, port) : crowd.http1(t, port)
  )
  await Promise.all(clients)
  t.same(crowd.faults, [])
  t.ok(crowd.whole > (CLIENTS * REQUESTS) / 3, `${crowd.whole} whole`)
  await eventually(() => stats().requests.inFlight === 0)
})
