import type { Socket } from 'node:net'
import { type Balancer, eventually, startBalancer, test } from '../../helper.js'
import { scripted } from '../../support/raw-backend.js'
import { RawClient } from '../../support/raw-client.js'
import type { Message } from '../../support/wire.js'
import { inLanes } from '../mutations.js'

const CONNECTIONS = 24
const PATIENCE_MS = 10_000
/** In both ways; otherwise each first part once and in one of them, whatever follows it. */
const EVERY_CUT = process.env.FAIRLEAD_EVERY_CUT === 'true'

/** Requests that the lane reads if they come at once, each with one after it or without. */
const TAKEN = [
  'GET /a HTTP/1.1\r\nHost: x\r\n\r\n',
  'HEAD /a?b=c HTTP/1.1\r\nhost:x:80\r\n\r\n',
  'DELETE /a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'OPTIONS /a HTTP/1.1\r\nHost: x\r\nMax-Forwards: 2\r\n\r\n',
  'OPTIONS /a HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\nX:y \r\nX:\t\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\r\nX_Forwarded_For: y\r\nProxy: z\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\r\nVia: 1.1 y\r\nTE: trailers\r\nX: \xe9\r\n\r\n',
  'PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
  'PATCH /a HTTP/1.1\r\ncontent-length:010\r\nhost:x\r\n\r\n0123456789',
  'POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc'
]

/** Requests that are for Node's server, some of them broken. */
const UNTAKEN = [
  'GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nabPUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nc',
  'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;e\r\nab\r\n0\r\nT: u\r\n\r\n',
  '\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /a HTTP/1.0\r\nHost: x\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\r\nConnection: X\r\nX: y\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n',
  'GET /a HTTP/1.1\nHost: x\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: x\rX: y\r\n\r\n',
  'GET /a HTTP/1.1\r\nX: y\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\nab'
]

const PIPELINED_ANSWERS = new Map(UNTAKEN.slice(0, 2).map((text) => [text, 2]))
const simple = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

/** What backends got is in the answer, so that to compare answers is to compare both. */
function echoOf({ startLine, fields, body, trailers }: Message): string {
  const own = fields.filter(([name, value]) => !(name === 'X-Request-Id' && value !== 'mine'))
  const text = JSON.stringify([startLine, own, body.toString('latin1'), trailers])
  return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\nETag: "${text.length}"\r\n\r\n${text}`
}

/** An answer as its client sees it, but for the time. */
function shown({ startLine, fields, body }: Message) {
  const kept = fields.filter(([name]) => name.toLowerCase() !== 'date')
  return [startLine, kept, body.toString('latin1')]
}

/** A client that sends a request in two parts, between two others on the same connection. */
class CuttingClient {
  readonly answers: unknown[] = []
  readonly #client: RawClient
  readonly #balancer: Balancer
  #sent = 0

  constructor(client: RawClient, balancer: Balancer) {
    this.#client = client
    this.#balancer = balancer
  }

  async answer(head = false): Promise<void> {
    this.answers.push(await this.#client.response({ head, timeoutMs: PATIENCE_MS }).then(shown, String))
  }

  /** Sends bytes, and waits until the balancer has read them: what follows is another part. */
  async send(text: string): Promise<void> {
    const { socket } = this.#client
    if (!socket.writable) return
    this.#client.send(text)
    this.#sent += text.length
    const isRead = ({ remotePort, bytesRead }: Socket) =>
      remotePort === socket.localPort && bytesRead >= this.#sent
    await eventually(() => this.#client.closed || [...this.#balancer.connections].some(isRead), PATIENCE_MS)
  }

  async finish(text: string, rest: string) {
    await this.send(rest)
    for (let left = PIPELINED_ANSWERS.get(text) ?? 1; left > 0; left--)
      await this.answer(text.startsWith('HEAD'))
    await this.send(simple('/after'))
    await this.answer()
    const { answers } = this
    return { answers: answers.slice(1), more: this.#client.received.toString('latin1') }
  }

  leave(): void {
    this.#client.socket.destroy()
  }
}

test('a request that comes in two parts gets the same answer as one that comes at once', async (t) => {
  const held = new Map<string, () => void>()
  const backend = await scripted(t, (request, socket) => {
    const answer = () => void socket.write(echoOf(request), 'latin1')
    const [, id] = /\?held=(\d+)/.exec(request.startLine) ?? []
    if (id) held.set(id, answer)
    else answer()
  })
  const balancer = await startBalancer(t, [backend])
  let byNode = 0
  balancer.fastify.server.on('request', () => byNode++)

  /** Cuts a request that comes when the one before it has been answered. */
  const answersTo = async (text: string, cut: number) => {
    const client = new CuttingClient(await RawClient.open(t, balancer.port), balancer)
    await client.send(simple('/before'))
    await client.answer()
    if (cut > 0) await client.send(text.slice(0, cut))
    const result = await client.finish(text, text.slice(cut))
    client.leave()
    return result
  }
  /** Cuts one whose first part comes with the end of the body of the one before it. */
  const answersToEarly = async (text: string, cut: number, id: string) => {
    const client = new CuttingClient(await RawClient.open(t, balancer.port), balancer)
    await client.send(`POST /?held=${id} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na`)
    await client.send(`b${text.slice(0, cut)}`)
    await eventually(() => held.has(id), PATIENCE_MS)
    held.get(id)!()
    await client.answer()
    const result = await client.finish(text, text.slice(cut))
    client.leave()
    return result
  }

  const wanted = new Map<string, string>()
  for (const text of TAKEN) wanted.set(text, JSON.stringify(await answersTo(text, 0)))
  t.equal(byNode, 0, 'at once they are read by the lane')
  for (const text of UNTAKEN) wanted.set(text, JSON.stringify(await answersTo(text, 0)))
  t.ok(byNode > UNTAKEN.length / 2, 'others are not')

  const parts = new Map<string, { text: string; cut: number }>()
  for (const text of wanted.keys())
    for (let cut = 1; cut < text.length; cut++) {
      const part = EVERY_CUT ? `${cut} ${text}` : text.slice(0, cut)
      if (!parts.has(part)) parts.set(part, { text, cut })
    }
  const cuts = [...parts.values()].flatMap((part, i) =>
    EVERY_CUT
      ? [
          { ...part, isEarly: true },
          { ...part, isEarly: false }
        ]
      : [{ ...part, isEarly: i % 2 === 0 }]
  )
  byNode = 0
  await inLanes(CONNECTIONS, cuts.length, async (i) => {
    const { text, cut, isEarly } = cuts[i]!
    const got = JSON.stringify(await (isEarly ? answersToEarly(text, cut, `${i}`) : answersTo(text, cut)))
    const isSame = got === wanted.get(text)
    if (!isSame)
      t.equal(got, wanted.get(text), `${JSON.stringify(text)} cut at ${cut}${isEarly ? ', early' : ''}`)
    return isSame
  })
  t.ok(byNode > cuts.length, `${cuts.length} in two parts, and ${byNode} requests read by Node's server`)
})
