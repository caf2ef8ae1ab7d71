import { randomFillSync } from 'node:crypto'
import { Agent, createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { atEnd, startBalancer, test, withoutChance } from '../helper.js'
import { refusing } from '../support/raw-backend.js'

const SIZE = 5_000_000
const UPLOADS = 100
const CONCURRENCY = 5

const BODY = randomFillSync(Buffer.alloc(SIZE))

/** Compares a body with what was sent, chunk for chunk. */
async function isWhole(body: IncomingMessage): Promise<boolean> {
  let at = 0
  let same = true
  for await (const chunk of body as AsyncIterable<Buffer>) {
    same &&= chunk.equals(BODY.subarray(at, at + chunk.length))
    at += chunk.length
  }
  return same && at === SIZE
}

/** A backend that tells which uploads came whole. */
async function counting(t: Test) {
  const whole: string[] = []
  const server = createServer(async (req, res) => {
    if (await isWhole(req)) whole.push(req.url!)
    res.end('done')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, whole }
}

function upload(port: number, path: string, agent: Agent, chunked: boolean): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | number> = chunked ? {} : { 'Content-Length': SIZE }
    const req = request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers }, (res) => {
      res.resume().on('end', () => resolve(res.statusCode))
    })
    req.on('error', reject)
    req.write(BODY.subarray(0, SIZE / 2))
    req.end(BODY.subarray(SIZE / 2))
  })
}

test(`${UPLOADS} uploads arrive whole although the first choice refuses each of them`, async (t) => {
  withoutChance(t)
  const other = await counting(t)
  const { address } = await refusing(t)
  const { port, registry, stats } = await startBalancer(t, `${address};weight=256 ${other.address}`)
  const agent = new Agent({ keepAlive: true })
  atEnd(t, () => agent.destroy())
  // Always back in at once, so that each upload meets the refusal.
  registry.on('state', ({ backend }) => registry.setState(backend, 'healthy', 'test'))
  let next = 0
  const worker = async () => {
    while (next < UPLOADS) {
      const id = next++
      t.equal(await upload(port, `/${id}`, agent, id % 2 === 0), 200)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  t.equal(new Set(other.whole).size, UPLOADS)
  t.equal(other.whole.length, UPLOADS, 'each once')
  const [first, second] = stats().backends
  // While both are idle but for another refusal, the second has less to do.
  t.ok(first!.total >= UPLOADS - CONCURRENCY, `${first!.total} were refused`)
  t.match(first, { failed: first!.total, retries: first!.total, bytes: { sent: 0 } })
  t.match(second, { total: UPLOADS, failed: 0, bytes: { sent: UPLOADS * SIZE } })
  t.equal(stats().requests.failed, 0)
})
