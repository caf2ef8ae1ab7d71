import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import type { Statistics } from '../../lib/observe/statistics.js'
import { atEnd, eventually, type LogRecord, sleep, test } from '../helper.js'
import { Child } from '../support/child.js'
import { Http2Client } from '../support/http2-client.js'
import { type Env, LB } from '../support/processes.js'
import { answering, OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const LIMIT = 64

function isKnown(t: Test): boolean {
  if (process.platform === 'linux') return true
  t.pass('the limit is known on Linux alone', { skip: true })
  return false
}

/** A balancer that may have no more than a few files open. */
async function few(t: Test, backends: string, env: Env = {}, limit = LIMIT) {
  const child = new Child(
    t,
    ['-c', `ulimit -n ${limit} && exec "$0" "$@"`, process.execPath, LB],
    { PORT: '0', ...(backends ? { LB_BACKENDS: backends } : {}), LB_STATS_INTERVAL: '0', ...env },
    { program: '/bin/sh' }
  )
  const port = await child.listening()
  return { child, port }
}

/** So many connections to a port that say nothing, as many of them as are let in. */
async function crowd(t: Test, port: number, count: number) {
  const sockets: Socket[] = []
  let closed = 0
  for (let i = 0; i < count; i++) {
    const socket = connect({ host: '127.0.0.1', port })
    socket.on('error', () => {}).on('close', () => closed++)
    sockets.push(socket)
  }
  const leave = () => {
    for (const socket of sockets) socket.destroy()
  }
  atEnd(t, leave)
  await eventually(() => closed >= count - LIMIT / 2, 10_000)
  return { leave, closed: () => closed }
}

const shortages = ({ child }: { child: Child }): LogRecord[] =>
  child.log.filter(({ msg }) => msg.startsWith('Out of '))

async function statsOf(t: Test, port: number): Promise<Statistics> {
  const { body } = await exchange(t, port, 'GET /__lb/stats HTTP/1.1\r\nHost: localhost\r\n\r\n')
  return JSON.parse(`${body}`)
}

const backendOf = (t: Test): Promise<RawBackend> => scripted(t, answering(OK))

test('clients that are too many for the file descriptors are refused, and that is said', async (t) => {
  if (!isKnown(t)) return
  const backend = await backendOf(t)
  const balancer = await few(t, backend.address, { LB_HEALTH_CHECK_PERIOD: '1' })
  const { child, port } = balancer
  t.match(
    child.log.find(({ msg }) => msg.startsWith('Only 64 file descriptors may be open')),
    { level: 40, limit: LIMIT, wanted: 5100, msg: /take 5100: raise the limit .*LimitNOFILE.*ulimit -n/ }
  )
  const early = await RawClient.open(t, port)
  early.send(GET)
  t.equal(statusOf(await early.response()), 200)
  const { leave, closed } = await crowd(t, port, 150)
  t.ok(closed() >= 100 && closed() < 150, `${closed()} of 150 are refused`)
  await eventually(() => shortages(balancer).length > 0)
  t.match(shortages(balancer)[0], {
    level: 50,
    resource: 'descriptors',
    limit: LIMIT,
    clients: 1,
    msg: 'Out of file descriptors (64 may be open): 1 client connection was refused; raise the limit (LimitNOFILE='
  })
  // Who is in is served as before, and checks go on.
  for (let i = 0; i < 5; i++) {
    early.send(GET)
    t.equal(statusOf(await early.response()), 200)
  }
  const checks = backend.connections
  await eventually(() => backend.connections > checks + 1, 5000)
  early.send('GET /__lb/stats HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const during: Statistics = JSON.parse(`${(await early.response()).body}`)
  t.equal(during.shortages.descriptorLimit, LIMIT)
  t.ok(during.shortages.descriptors >= closed() - 10)
  t.match(during.shortages.latest, { resource: 'descriptors' })
  t.match(during.backends, [{ state: 'healthy', failed: 0 }])
  leave()
  await eventually(async () => ((await statsOf(t, port).catch(() => undefined))?.connections.open ?? 9) < 5)
  t.equal(statusOf(await exchange(t, port, GET)), 200, 'it recovers by itself')
  const { body } = await exchange(t, port, 'GET /__lb/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const [, count] =
    /^fairlead_shortages_total\{resource="descriptors",use="clients"\} (\d+)$/m.exec(`${body}`) ?? []
  t.ok(Number(count) >= 100, `${count}`)
  t.equal(shortages(balancer).length, 1, 'it is said once a minute')
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
  const [, rest] = shortages(balancer)
  t.equal(1 + Number(rest?.clients), Number(count), 'the rest is said at the end')
})

test('requests that get no connection for want of descriptors are answered 503, and no backend is blamed', async (t) => {
  if (!isKnown(t)) return
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/hold')) held.push(socket)
    else socket.write(OK)
  })
  const other = await backendOf(t)
  const addresses = `${backend.address} ${other.address.replace('127.0.0.1', 'localhost')};backup`
  const balancer = await few(t, addresses, { LB_H2C: 'true', LB_HEALTH_CHECK_PERIOD: '1' })
  const { port, child } = balancer
  const client = await Http2Client.open(t, port)
  const codes: string[] = []
  const ask = async () => {
    const { status, body } = await client.get('/hold')
    codes.push(status === 200 ? 'ok' : JSON.parse(body).code)
  }
  const asked = Array.from({ length: 60 }, ask)
  await eventually(() => held.length + codes.length === asked.length, 10_000)
  t.ok(held.length > 20 && codes.length > 5, `${held.length} are asked, ${codes.length} are not`)
  t.same([...new Set(codes)], ['LB_OVERLOADED'])
  await eventually(() => shortages(balancer).length > 0)
  t.match(shortages(balancer)[0], {
    resource: 'descriptors',
    backends: 1,
    msg: /1 connection to a backend failed/
  })
  // No check can be made meanwhile, of names neither: what a check has left is taken at once.
  for (let i = 0; i < 24; i++) {
    asked.push(ask())
    await sleep(50)
  }
  for (const socket of held) socket.write(OK)
  await Promise.all(asked)
  const { body } = await client.ask({ ':path': '/__lb/stats', ':authority': 'localhost' })
  const { backends, shortages: counted }: Statistics = JSON.parse(body)
  t.same(
    backends.map(({ state, failed, ejections }) => [state, failed, ejections]),
    [
      ['healthy', 0, 0],
      ['healthy', 0, 0]
    ]
  )
  t.ok(counted.descriptors >= 5)
  t.notOk(child.log.some(({ msg }) => /UNHEALTHY|failed a request/.test(msg)))
  t.match(await client.get('/'), { status: 200 })
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
  const { checks, other: looks } = shortages(balancer).at(-1)!
  t.ok(Number(checks) >= 3 && Number(looks) >= 1, `${checks} checks, ${looks} looks`)
})

test('nothing that needs a file ends a process that can open none', async (t) => {
  if (!isKnown(t)) return
  const folder = t.testdir({ 'lb.yaml': '', 'access.log': '' })
  const config = path.join(folder, 'lb.yaml')
  const access = path.join(folder, 'access.log')
  const state = path.join(folder, 'state.json')
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/hold')) held.push(socket)
    else socket.write(OK)
  })
  const more = await backendOf(t)
  const listing = (...backends: RawBackend[]) =>
    writeFileSync(config, `backends: [${backends.map(({ address }) => `'${address}'`).join(', ')}]\n`)
  listing(backend)
  const { child, port } = await few(t, '', {
    LB_CONFIG: config,
    LB_H2C: 'true',
    LB_ACCESS_LOG: 'all',
    LB_ACCESS_LOG_FILE: access,
    LB_STATE_FILE: state,
    LB_ADMIN_TOKEN: 'a'.repeat(32)
  })
  const client = await Http2Client.open(t, port)
  const own = { ':authority': 'localhost', authorization: `Bearer ${'a'.repeat(32)}` }
  // Who asks for metrics has done so before.
  t.equal((await client.ask({ ':path': '/__lb/metrics', ...own })).status, 200)
  const asked = Array.from({ length: 60 }, () => client.get('/hold'))
  await eventually(() => held.length > 20 && /Out of/.test(child.output), 10_000)
  // Reloads, changes that are to be saved, a log that was rotated, metrics, the page.
  listing(backend, more)
  renameSync(access, `${access}.1`)
  child.kill('SIGHUP')
  await child.untilPrinted('is read again when files can be opened')
  for (const page of ['/__lb/', '/__lb/stats', '/__lb/metrics', '/__lb/ready'])
    t.equal((await client.ask({ ':path': page, ...own })).status, 200, page)
  const changed = await client.ask(
    { ':path': '/__lb/api/backends', ':method': 'POST', ...own, 'content-type': 'application/json' },
    JSON.stringify({ address: '127.0.0.1:9' })
  )
  t.ok(changed.status >= 200)
  await sleep(1200)
  t.equal(child.ended, undefined)
  for (const socket of held) socket.end(OK)
  await Promise.all(asked)
  t.match(await client.get('/'), { status: 200 })
  // All of it is made up for.
  await child.untilPrinted(/Backends were read again/, 10_000)
  await eventually(() => existsSync(state) && existsSync(access), 10_000)
  await eventually(() => readFileSync(access, 'utf8').includes('"target":"/"'), 10_000)
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
  t.notMatch(child.output, /uncaught|^\s+at /m)
})
