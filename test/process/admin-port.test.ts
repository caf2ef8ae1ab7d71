import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { call, TOKEN, WITH_TOKEN } from '../support/api.js'
import { fastifyStart, lb } from '../support/child.js'
import { EventListener, GET_EVENTS, giveMuchToTell, TALKED_OF } from '../support/event-stream.js'
import type { Env } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`
const PAGES = ['', 'page/app.js', 'live', 'ready', 'stats', 'api/', 'api/backends', 'api/openapi.json']

/** A drain is over by then that waits for nobody, on a machine that is busy too. */
const PROMPTLY_MS = 5000

test('all of /__lb/ is on a port of its own, and nothing of it on the other', async (t) => {
  const backend = await scripted(t, answering(OK))
  const env = { LB_ADMIN_PORT: '0', ...WITH_TOKEN }
  const { port, adminPort, registry } = await startBalancer(t, `${backend.address} a.example:80`, env)
  t.not(adminPort, port)
  for (const page of [...PAGES, 'events', 'nosuch', 'api/backends/a.example%3A80']) {
    const there = await exchange(t, port, get(`/__lb/${page}`))
    t.same(
      [statusOf(there), JSON.parse(there.body.toString()).message],
      [404, 'There is no such page'],
      `${page} on the main port`
    )
  }
  for (const page of PAGES) t.equal(statusOf(await exchange(t, adminPort, get(`/__lb/${page}`))), 200, page)
  for (const target of ['/', '/x', '/__lb', '*', 'http://x/'])
    t.equal(statusOf(await exchange(t, adminPort, get(target))), 404, `${target} is for no backend there`)
  t.equal(backend.requests.length, 0)
  t.match((await EventListener.open(t, adminPort)).head, '200 OK')
  t.equal((await call(port, 'DELETE', '/backends/a.example:80')).status, 404)
  t.match(await call(adminPort, 'PATCH', '/backends/a.example:80', { body: { weight: 5 } }), { status: 200 })
  t.equal(registry.backends[1]!.weight, 5)
  t.match(await call(adminPort, 'POST', '/backends', { body: '{' }), {
    status: 400,
    json: { code: 'LB_BROKEN_JSON' }
  })
  t.match(await call(adminPort, 'POST', '/backends', { body: `"${'x'.repeat(300_000)}"` }), { status: 413 })
  t.equal(statusOf(await exchange(t, port, get('/'))), 200)
})

test('there too, others than LB_ADMIN_ALLOW see only whether it lives', async (t) => {
  const env = { LB_ADMIN_PORT: '0', LB_ADMIN_ALLOW: '10.0.0.0/8', ...WITH_TOKEN }
  const { adminPort } = await startBalancer(t, 'a.example:80', env)
  for (const page of [...PAGES, 'events'])
    t.equal(
      statusOf(await exchange(t, adminPort, get(`/__lb/${page}`))),
      page === 'live' || page === 'ready' ? 200 : 404,
      page
    )
  t.equal((await call(adminPort, 'DELETE', '/backends/a.example:80')).status, 404)
})

test('a balancer that cannot listen there ends', async (t) => {
  const taken = createServer().listen(0)
  await once(taken, 'listening')
  atEnd(t, () => taken.close())
  const env: Env = {
    PORT: '0',
    LB_ADMIN_PORT: String((taken.address() as AddressInfo).port),
    LB_BACKENDS: '127.0.0.1:1'
  }
  for (const start of [lb, fastifyStart]) {
    const child = start(t, [], env)
    t.equal(await child.untilEnded(20_000), 1)
    t.match(child.output, /The administration cannot listen: listen EADDRINUSE/)
  }
})

/** A balancer that has begun to close; ends when it has. */
async function closing(t: Test, { fastify }: Balancer): Promise<void> {
  await t.resolves(timely(fastify.close()), 'the end is held up by nobody')
}

async function timely(done: Promise<unknown>): Promise<void> {
  let isDone = false
  void done.then(() => {
    isDone = true
  })
  await eventually(() => isDone, PROMPTLY_MS)
}

const ENV = { LB_DRAIN_TIMEOUT: '20' }

test('what connects there and says nothing, or stalls, does not hold up the end: it is answered', async (t) => {
  const balancer = await startBalancer(t, '127.0.0.1:1', { ...ENV, LB_ADMIN_PORT: '0', ...WITH_TOKEN })
  const { adminPort } = balancer
  const put = `PUT /__lb/api/backends HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n`
  const body = 'Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{'
  const stalls = ['GET / HTTP/1.1\r\nX-Ha', 'GET /__lb/stats HTTP/1.1\r\nHost: x\r\nX-Ha', `${put}${body}`]
  const idle = await RawClient.open(t, adminPort)
  idle.send(get('/__lb/live'))
  await idle.response()
  const fresh = await RawClient.open(t, adminPort)
  const early = 'POST /__lb/stats HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab'
  const stalled = await Promise.all([...stalls, early].map(() => RawClient.open(t, adminPort)))
  for (const [i, sent] of [...stalls, early].entries()) stalled[i]!.send(sent)
  await sleep(1100)
  const closed = closing(t, balancer)
  for (const client of stalled.slice(0, stalls.length)) t.equal(statusOf(await client.response()), 408)
  await Promise.all([idle, fresh, ...stalled].map((client) => client.untilClosed(PROMPTLY_MS)))
  await closed
})

test('no drain waits for those who listen: they are told that it ends', async (t) => {
  const balancer = await startBalancer(t, '127.0.0.1:1', ENV)
  const { port } = balancer
  const listeners = [await EventListener.open(t, port), await EventListener.open(t, port)]
  for (const listener of listeners) await listener.event(0)
  await closing(t, balancer)
  for (const { client, events } of listeners) {
    await client.untilClosed()
    t.notOk(client.broken)
    t.equal(events.at(-1)!.name, 'end')
  }
  t.notOk(balancer.log.some(({ msg }) => msg.startsWith('Drain timeout')))
})

test('nor for one who listens and does not read', async (t) => {
  const balancer = await startBalancer(t, TALKED_OF, ENV)
  giveMuchToTell(balancer.registry)
  const silent = await RawClient.open(t, balancer.port)
  silent.socket.pause()
  silent.send(GET_EVENTS)
  await eventually(() => [...balancer.connections].some(({ writableLength }) => writableLength > 0), 30_000)
  await closing(t, balancer)
})
