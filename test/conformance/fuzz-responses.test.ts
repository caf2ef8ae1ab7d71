import { eventually, sleep, test } from '../helper.js'
import { RawClient } from '../support/raw-client.js'
import { type Message, readMessage, statusOf } from '../support/wire.js'
import { openStage } from './harness.js'
import { idOf, idsIn, inLanes, MESSAGES, Mutator, SEED, sendParts } from './mutations.js'
import { faultsOf } from './strictness.js'

const LANES = 24
/** More than the response timeout. */
const BOUND_MS = 5000

const TEMPLATES: readonly ((id: string) => string)[] = [
  (id) => `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\nContent-Length: 11\r\n\r\nhello world`,
  (id) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Id: ${id}\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX: y\r\n\r\n`,
  (id) =>
    `HTTP/1.1 103 Early Hints\r\nX-Id: ${id}\r\n\r\nHTTP/1.1 200 OK\r\nX-Id: ${id}\r\nContent-Length: 2\r\n\r\nok`,
  (id) => `HTTP/1.1 204 No Content\r\nX-Id: ${id}\r\n\r\n`,
  (id) => `HTTP/1.1 304 Not Modified\r\nX-Id: ${id}\r\nETag: "x"\r\nContent-Length: 5\r\n\r\n`,
  (id) => `HTTP/1.0 200 OK\r\nX-Id: ${id}\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok`,
  (id) =>
    `HTTP/1.1 404 Not Found\r\nSet-Cookie: a=b\r\nX-Id: ${id}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
]

/** Reads responses until a final one, or what is there at the end of the connection. */
async function finalResponse(client: RawClient): Promise<Message | 'cut'> {
  for (;;) {
    const response = await client.response({ timeoutMs: BOUND_MS }).catch((error) => error as Error)
    if (response instanceof Error) {
      if (client.closed) return 'cut'
      throw response
    }
    const faults = faultsOf(response, 'response')
    if (faults.length > 0) throw new Error(`not a response: ${faults}`)
    if (!(statusOf(response) < 200)) return response
  }
}

test(`whatever backends send, clients get responses (${MESSAGES} messages, seed ${SEED})`, async (t) => {
  const stage = await openStage(t, { LB_RESPONSE_TIMEOUT: '1' })
  const sent = new Map<string, string>()
  const faults: string[] = []
  const counts = { whole: 0, refused: 0, cut: 0 }

  stage.act = async ({ startLine }, socket) => {
    const id = idsIn(startLine)[0]!
    const mutator = new Mutator(Number.parseInt(id.slice(1), 10))
    const isPlain = startLine.includes('/plain')
    const text = isPlain
      ? `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\nContent-Length: ${id.length}\r\n\r\n${id}`
      : mutator.mutate(mutator.pick(TEMPLATES)(id))
    if (isPlain) return void socket.write(text)
    sent.set(id, text)
    await sendParts((bytes) => void (socket.writable && socket.write(bytes)), mutator.split(text))
    // A length that is too large, or no end: it is over at some time.
    if (mutator.below(4) > 0) setTimeout(() => socket.end(), 50)
  }

  const check = async (i: number) => {
    const id = idOf(i)
    const client = await RawClient.open(t, stage.balancer.port)
    try {
      client.send(`GET /${id} HTTP/1.1\r\nHost: x\r\n\r\n`)
      await eventually(() => client.received.length > 0 || client.closed, BOUND_MS)
      // A body without end is for the client to give up.
      const given = await Promise.race([finalResponse(client), sleep(1000).then(() => 'waiting' as const)])
      if (given === 'waiting') {
        readMessage(client.received, { kind: 'response' })
        return
      }
      if (given === 'cut') {
        counts.cut++
        return
      }
      counts[statusOf(given) >= 500 ? 'refused' : 'whole']++
      const foreign = idsIn(JSON.stringify([given.startLine, given.fields, given.trailers])).filter(
        (other) => other !== id
      )
      if (foreign.length > 0) throw new Error(`parts of ${foreign}`)
      if (client.received.length > 0) throw new Error(`more than a response: ${client.received}`)
      if (client.closed) return
      const next = idOf(MESSAGES + i)
      client.send(`GET /plain/${next} HTTP/1.1\r\nHost: x\r\n\r\n`)
      const plain = await finalResponse(client)
      if (plain === 'cut') return
      if (`${plain.body}` !== next && statusOf(plain) !== 502)
        throw new Error(`the next one got ${plain.body}`)
    } catch (error) {
      faults.push(`${error} after ${JSON.stringify(sent.get(id))}, seed ${SEED}`)
    } finally {
      client.socket.destroy()
    }
  }
  await inLanes(LANES, MESSAGES, async (i) => {
    await check(i)
    return faults.length < 5
  })
  t.same(faults, [])
  t.same(stage.faults, [])
  for (const [kind, count] of Object.entries(counts)) t.ok(count > 0, `${count} ${kind}`)
  await stage.settle()
  t.ok(await stage.isWell())
})
