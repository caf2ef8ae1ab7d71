import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { atEnd, type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { seededRandom } from '../support/random.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

const CLIENTS = 250
const CONCURRENCY = 20
const SEED = Number(process.env.FAIRLEAD_TEST_SEED ?? 42)

/** What a backend does when a request asks for it. `id` is of the request, so that answers to others show. */
const DEEDS: Record<string, (socket: Socket, id: string) => void> = {
  length: (socket, id) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n${id}`),
  chunked: (socket, id) =>
    socket.write(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${id.length.toString(16)}\r\n${id}\r\n0\r\n\r\n`
    ),
  slowly: (socket, id) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n`)
    setTimeout(() => socket.write(id), 30)
  },
  much: (socket, id) =>
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n${id.padEnd(500_000)}`),
  'much, closing': (socket, id) => socket.end(`HTTP/1.0 200 OK\r\n\r\n${id.padEnd(300_000)}`),
  'much, then reset': (socket, id) => {
    socket.write(`HTTP/1.0 200 OK\r\nContent-Length: 900000\r\n\r\n${id.padEnd(400_000)}`)
    setTimeout(() => socket.resetAndDestroy(), 10)
  },
  late: (socket, id) => setTimeout(DEEDS.length!, 50, socket, id),
  error: (socket) => socket.write('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'),
  nothing: (socket) => socket.end('HTTP/1.0 304 Same\r\n\r\n'),
  never: () => {},
  reset: (socket) => socket.resetAndDestroy(),
  close: (socket) => socket.end(),
  garbage: (socket) => socket.write('\0\0\0\0'),
  cut: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'),
  'cut amid a chunk': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello')
    setTimeout(() => socket.resetAndDestroy(), 10)
  }
}

function serve(request: Message, socket: Socket): void {
  DEEDS[fieldValue(request.fields, 'x-do')!]!(socket, fieldValue(request.fields, 'x-id')!)
}

const MANNERS = ['patient', 'patient', 'sleepy', 'hasty', 'shy', 'halfway', 'pipelining'] as const

class Crowd {
  readonly statuses = new Map<number, number>()
  cut = 0
  readonly #t: Test
  readonly #balancer: Balancer
  readonly #random: () => number
  #next = 0

  constructor(t: Test, balancer: Balancer, random: () => number) {
    this.#t = t
    this.#balancer = balancer
    this.#random = random
  }

  async run(clients: number): Promise<void> {
    const worker = async () => {
      while (this.#next < clients) await this.#client(`id-${this.#next++}`)
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)]!
  }

  async #client(id: string): Promise<void> {
    const client = await RawClient.open(this.#t, this.#balancer.port).catch(() => undefined)
    if (!client) return
    const manner = this.#pick(MANNERS)
    const [first, last] = this.#request(id)
    client.send(manner === 'pipelining' ? first + last + this.#request(id).join('') : first)
    if (manner === 'shy') client.abort()
    if (manner === 'halfway') await sleep(this.#random() * 20)
    if (manner === 'halfway' || manner === 'shy') {
      client.socket.destroy()
      return
    }
    if (manner === 'patient' || manner === 'sleepy') client.send(last)
    if (manner === 'sleepy') {
      client.socket.pause()
      await sleep(this.#random() * 50)
      client.socket.resume()
    }
    if (manner === 'hasty') {
      client.send(last)
      await client.until((text) => text !== '', this.#random() * 60).catch(() => {})
      client.abort()
      return
    }
    await this.#read(client, id)
    if (manner === 'pipelining' && this.#random() < 0.5) await this.#read(client, id)
    client.socket.destroy()
  }

  /** A request in two parts. */
  #request(id: string): [string, string] {
    const deed = this.#pick(Object.keys(DEEDS))
    const fields = `Host: x\r\nX-Id: ${id}\r\nX-Do: ${deed}\r\n`
    const form = this.#pick(['GET', 'GET', 'POST', 'PUT'] as const)
    if (form === 'GET') return [`GET / HTTP/1.1\r\n${fields}`, '\r\n']
    if (form === 'POST') return [`POST / HTTP/1.1\r\n${fields}Content-Length: 10\r\n\r\nhello`, 'there']
    return [`PUT / HTTP/1.1\r\n${fields}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, '0\r\n\r\n']
  }

  async #read(client: RawClient, id: string): Promise<void> {
    const response = await client.response({ timeoutMs: 5000 }).catch((error: Error) => error)
    if (response instanceof Error) {
      this.#t.ok(client.closed, 'no answer only where the connection was cut')
      this.cut++
      return
    }
    const status = statusOf(response)
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    if (status === 200) this.#t.equal(response.body.toString().trimEnd(), id, 'the answer to this request')
  }
}

async function stage(t: Test, seed: number) {
  t.comment(`seed ${seed}`)
  const backends = [await scripted(t, serve), await scripted(t, serve), await scripted(t, serve)]
  const balancer = await startBalancer(t, backends, {
    LB_MAX_CONNECTIONS: '14',
    LB_MAX_SOCKETS: '1000',
    LB_RESPONSE_TIMEOUT: '0.15',
    LB_DRAIN_TIMEOUT: '0.2'
  })
  return { balancer, backends, crowd: new Crowd(t, balancer, seededRandom(seed)) }
}

const settled = (balancer: Balancer) => () => inFlight(balancer).every((count) => count === 0)

test('nothing is left behind, whatever clients and backends do', async (t) => {
  const { balancer, backends, crowd } = await stage(t, SEED)
  let over = false
  const restarts = (async () => {
    while (!over) {
      await sleep(60)
      await backends[2]!.stop()
      await sleep(30)
      await backends[2]!.listen()
    }
  })()
  await crowd.run(CLIENTS)
  over = true
  await restarts
  await eventually(settled(balancer))
  t.comment(Object.fromEntries(crowd.statuses), `cut: ${crowd.cut}`)
  for (const status of crowd.statuses.keys()) {
    t.ok([200, 304, 500, 502, 503, 504].includes(status), `status ${status}`)
  }
  t.ok(crowd.statuses.get(200)! > 5 && crowd.cut > 0, 'there was good and bad')
  const { requests, backends: shown } = balancer.stats()
  const sum = (of: (backend: (typeof shown)[number]) => number) =>
    shown.reduce((total, one) => total + of(one), 0)
  const attempts = requests.total - requests.rejected.overload - requests.rejected.noBackend
  t.equal(
    sum(({ total }) => total),
    attempts + sum(({ retries }) => retries),
    'every attempt is a request or a retry'
  )
})

test('nothing is left behind by a shutdown amid it', async (t) => {
  const { balancer, crowd } = await stage(t, SEED + 1)
  const before = process.listeners('exit')
  const run = crowd.run(CLIENTS)
  await sleep(150)
  t.ok(balancer.registry.inFlight > 0)
  await balancer.fastify.close()
  // The drain timeout has its say in the exit code, which is not that of the test.
  for (const listener of process.listeners('exit'))
    if (!before.includes(listener)) process.off('exit', listener)
  await eventually(settled(balancer))
  await run
})

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const CHANGES = 50
const CHECKED = { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_PERIOD: '0.5', ...WITH_TOKEN }

/** A backend that answers requests, and echoes what comes over WebSockets. */
async function echoing(t: Test): Promise<string> {
  const http = createServer((_req, res) => res.end('ok'))
  const sockets = new WebSocketServer({ server: http })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  atEnd(t, () => {
    for (const socket of sockets.clients) socket.terminate()
    http.close()
    http.closeAllConnections()
  })
  return `127.0.0.1:${(http.address() as AddressInfo).port}`
}

/** Clients that ask again and again, until they are told to stop: then it says how often each status came. */
function load(t: Test, port: number): () => Promise<Record<number, number>> {
  const statuses: Record<number, number> = {}
  let isOver = false
  const clients = Array.from({ length: 8 }, async () => {
    const client = await RawClient.open(t, port)
    while (!isOver) {
      client.send(GET)
      const status = statusOf(await client.response())
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  })
  return async () => {
    isOver = true
    await Promise.all(clients)
    return statuses
  }
}

test(`${CHANGES} changes under load: no request fails, and what is unchanged keeps its WebSocket`, async (t) => {
  const steady = await echoing(t)
  const others = await Promise.all(Array.from({ length: 4 }, () => scripted(t, answering(OK))))
  const { port, registry } = await startBalancer(t, steady, CHECKED)
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
  atEnd(t, () => socket.terminate())
  await once(socket, 'open')
  const [kept] = registry.backends
  const stop = load(t, port)
  for (let i = 0; i < CHANGES; i++) {
    const { address } = others[i % others.length]!
    const [other] = registry.backends.filter((backend) => backend !== kept)
    const path = `/backends/${other?.address}`
    const answer = !registry.backendAt(address)
      ? await call(port, 'POST', '/backends', { body: { address, weight: 1 + (i % 9) } })
      : i % 5 === 0
        ? await call(port, 'PUT', '/backends', { body: [{ address: steady }, { address, weight: 2 }] })
        : i % 5 === 1
          ? await call(port, 'DELETE', path)
          : i % 5 === 2
            ? await call(port, 'PATCH', path, { body: { weight: 1 + (i % 7), max: 50 } })
            : i % 5 === 3
              ? await call(port, 'PATCH', path, { body: { draining: true } })
              : await call(port, 'PATCH', path, { body: { draining: false, health: 'auto' } })
    t.ok(answer.status < 300, JSON.stringify(answer.json))
  }
  const statuses = await stop()
  t.same(Object.keys(statuses), ['200'])
  t.ok(statuses[200]! > CHANGES, `${statuses[200]} requests`)
  t.equal(registry.backends[0], kept)
  socket.send('still here')
  const [data] = await once(socket, 'message')
  t.equal(String(data), 'still here')
  socket.close()
  await once(socket, 'close')
})

test('a list of others altogether takes over without a gap', async (t) => {
  const slow = (_request: unknown, socket: { write(bytes: string): unknown }) =>
    void setTimeout(() => socket.write(OK), 20)
  const [before, after] = [await scripted(t, answering(OK)), await scripted(t, slow)]
  const { port, registry } = await startBalancer(t, [before], CHECKED)
  const stop = load(t, port)
  for (const { address } of [after, before, after]) {
    t.equal((await call(port, 'PUT', '/backends', { body: [{ address }] })).status, 200)
    await eventually(() => registry.backends.length === 1 && registry.backends[0]!.address === address)
  }
  t.same(Object.keys(await stop()), ['200'])
})
