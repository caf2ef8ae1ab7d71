import type { Socket } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import type { Statistics } from '../../lib/observe/statistics.js'
import { eventually, startBalancer, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { Child, lb } from '../support/child.js'
import { type Env, ROOT } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { shown } from '../support/secure-balancer.js'
import type { StormOptions, StormReport } from '../support/storm-client.js'

const COUNT = 512
/** Few enough to be accepted within the second that a drain waits for them, on a busy machine too. */
const DRAINED = 200
const SETTLED_MS = 30_000

async function start(t: Test, backend: { readonly address: string }, env: Env = {}) {
  const child = lb(t, ['-p', '0', '-b', backend.address, '--no-health-check', '--stats-interval', '0'], env)
  const port = await child.listening()
  return { child, port, stats: () => statsOf(env.LB_TLS_CERT ? 'https' : 'http', port) }
}

/** The same in this process: the clients are in another one. */
async function startHere(t: Test, backend: { readonly address: string }, env: Env = {}) {
  const { port, fastify } = await startBalancer(t, [backend], env)
  return { port, close: () => fastify.close(), stats: () => statsOf('http', port) }
}

async function statsOf(scheme: string, port: number): Promise<Statistics> {
  const response = await fetch(`${scheme}://127.0.0.1:${port}/__lb/stats`, {
    headers: { connection: 'close' }
  })
  return (await response.json()) as Statistics
}

/** So many connections that come at once, from another process. */
function storm(t: Test, options: StormOptions) {
  const script = path.join(ROOT, 'dist/test/support/storm-client.js')
  const client = new Child(t, [script, JSON.stringify(options)])
  const report = async (): Promise<StormReport> => {
    await client.untilPrinted(/^\{.*\}$/m, SETTLED_MS)
    return JSON.parse(/^\{.*\}$/m.exec(client.output)![0])
  }
  const leave = async () => {
    client.kill('SIGKILL')
    await client.untilEnded()
  }
  return { report, leave, connected: () => client.untilPrinted('connected', SETTLED_MS) }
}

test('each of many connections that come at once is answered, and all are counted', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await start(t, backend)
  for (let round = 1; round <= 2; round++) {
    const { report, leave } = storm(t, { port, count: COUNT })
    t.same(await report(), { statuses: { 200: COUNT }, unanswered: 0 })
    const { connections, requests } = await stats()
    t.match(connections, { open: COUNT + 1, dropped: 0 })
    t.match(requests, { total: round * COUNT, failed: 0, rejected: { overload: 0 } })
    await leave()
    await eventually(async () => (await stats()).connections.open === 1, 10_000)
  }
  t.equal(backend.requests.length, 2 * COUNT)
})

test('what comes before HTTP is read of each of them', async (t) => {
  const backend = await scripted(t, answering(OK))
  const proxied = { LB_PROXY_PROTOCOL: 'true', LB_TRUSTED_PROXIES: '127.0.0.1' }
  const preface = 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n'
  for (const [env, options] of [
    [{ LB_H2C: 'true' }, {}],
    [proxied, { preface }],
    [{ ...proxied, LB_H2C: 'true' }, { preface }]
  ] as const) {
    const { port, close } = await startHere(t, backend, env)
    const { report, leave } = storm(t, { port, count: 100, ...options })
    t.same(await report(), { statuses: { 200: 100 }, unanswered: 0 })
    await leave()
    // At the end of a test a balancer is asked whether it is well, which goes without what comes first.
    await close()
  }
})

test('so is each handshake of TLS', async (t) => {
  const by = authority(t)
  if (!by) return
  const { port, child } = await start(t, await scripted(t, answering(OK)), shown(by.issue('localhost')))
  t.same(await storm(t, { port, count: 100, isSecure: true }).report(), {
    statuses: { 200: 100 },
    unanswered: 0
  })
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
})

test('requests beyond the limit are answered 503 while others come', async (t) => {
  const held: Socket[] = []
  const backend = await scripted(t, (_request, socket) => void held.push(socket))
  const { port, stats } = await startHere(t, backend, { LB_MAX_CONNECTIONS: '10' })
  const { report } = storm(t, { port, count: COUNT })
  await eventually(async () => (await stats()).requests.rejected.overload === COUNT - 10, SETTLED_MS)
  // Those that were let in may reach the backend behind the refusals.
  await eventually(() => held.length >= 10, SETTLED_MS)
  t.equal(held.length, 10)
  for (const socket of held) socket.write(OK)
  t.same(await report(), { statuses: { 200: 10, 503: COUNT - 10 }, unanswered: 0 })
})

test('connections beyond the limit are closed, and counted', async (t) => {
  const { port, stats } = await startHere(t, await scripted(t, answering(OK)), { LB_MAX_SOCKETS: '100' })
  const { report, leave } = storm(t, { port, count: COUNT })
  t.same(await report(), { statuses: { 200: 100 }, unanswered: COUNT - 100 })
  await leave()
  await eventually(async () => (await stats().catch(() => undefined))?.connections.open === 1, 10_000)
  t.ok((await stats()).connections.dropped >= COUNT - 100)
})

test('a drain answers all that were connected before it, held or in the queue', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, child } = await start(t, backend)
  const { report, connected } = storm(t, { port, count: DRAINED })
  await connected()
  child.kill('SIGTERM')
  t.same(await report(), { statuses: { 200: DRAINED }, unanswered: 0 })
  t.equal(await child.untilEnded(), 0)
  t.equal(backend.requests.length, DRAINED)
})
