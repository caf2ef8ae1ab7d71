import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { atEnd, eventually, sleep, startBalancer, test } from '../helper.js'
import { call, TOKEN, WITH_TOKEN } from '../support/api.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import { EventListener } from '../support/event-stream.js'
import type { Env } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`
const PAGES = ['', 'page/app.js', 'live', 'ready', 'stats', 'api/', 'api/backends', 'api/openapi.json']

async function adminPortOf(child: Child): Promise<number> {
  const line = /Administration at http:\/\/[^"]*:(\d+)"/
  await child.untilPrinted(line)
  return Number(line.exec(child.output)![1])
}

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

for (const [name, start] of [
  ['lb', lb],
  ['fastify start', fastifyStart]
] as const) {
  test(`${name}: it is there during the drain, and closes with it`, async (t) => {
    const held: Socket[] = []
    const backend = await scripted(t, (_request, socket) => void held.push(socket))
    const env = { PORT: '0', LB_ADMIN_PORT: '0', LB_BACKENDS: backend.address, LB_NO_HEALTH_CHECK: 'true' }
    const child = start(t, [], env)
    const port = await child.listening()
    const adminPort = await adminPortOf(child)
    const [client, idle] = [await RawClient.open(t, port), await RawClient.open(t, adminPort)]
    idle.send(get('/__lb/live'))
    await idle.response()
    client.send(get('/'))
    await eventually(() => held.length === 1)
    child.kill('SIGTERM')
    await child.untilPrinted('Draining')
    t.equal(statusOf(await exchange(t, adminPort, get('/__lb/ready'))), 503)
    const stats = JSON.parse((await exchange(t, adminPort, get('/__lb/stats'))).body.toString())
    t.match(stats, { state: 'draining', requests: { inFlight: 1 } })
    held[0]!.write(OK)
    t.equal(statusOf(await client.response()), 200)
    t.equal(await child.untilEnded(), 0)
    await idle.untilClosed()
  })
}

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

test('what connects there and says nothing does not hold up the end', async (t) => {
  const child = lb(t, [], {
    PORT: '0',
    LB_ADMIN_PORT: '0',
    LB_BACKENDS: '127.0.0.1:1',
    LB_NO_HEALTH_CHECK: 'true'
  })
  await child.listening()
  await open(t, await adminPortOf(child))
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(5000), 0)
})

test('who stalls there is answered at the end', async (t) => {
  const child = lb(t, [], {
    PORT: '0',
    LB_ADMIN_PORT: '0',
    LB_ADMIN_TOKEN: TOKEN,
    LB_BACKENDS: '127.0.0.1:1',
    LB_NO_HEALTH_CHECK: 'true'
  })
  await child.listening()
  const put = `PUT /__lb/api/backends HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n`
  const body = 'Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{'
  const stalled: RawClient[] = []
  for (const sent of ['GET / HTTP/1.1\r\nX-Ha', `${put}${body}`]) {
    const client = await RawClient.open(t, await adminPortOf(child))
    client.send(sent)
    stalled.push(client)
  }
  await sleep(100)
  child.kill('SIGTERM')
  for (const client of stalled) t.equal(statusOf(await client.response()), 408)
  t.equal(await child.untilEnded(), 0)
})

async function open(t: Test, port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  atEnd(t, () => socket.destroy())
  await once(socket, 'connect')
}
