import type { Socket } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import { freePort, isPortFree } from '../../scenarios/processes.js'
import { eventually, sleep, test } from '../helper.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import type { Env } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { openTunnel, SWITCHING } from '../support/tunnel.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const LIVE = 'GET /__lb/live HTTP/1.1\r\nHost: x\r\n\r\n'
const HALF_A_HEAD = 'GET / HTTP/1.1\r\nHost: x\r\nX-Ha'
const HALF_A_BODY = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab'
const BACKENDS = { LB_BACKENDS: '127.0.0.1:1' }

type Start = (t: Test, args: readonly string[], env?: Env) => Child

const STARTS = [
  ['lb', lb],
  ['fastify start', fastifyStart]
] as const

/** A port that is to lose against the other. */
const OTHER = '1'
/** Ways to say which port it is. */
const WAYS = {
  PORT: (port: string) => [[], { PORT: port }],
  'FASTIFY_PORT before PORT': (port: string) => [[], { FASTIFY_PORT: port, PORT: OTHER }],
  '-p before both': (port: string) => [['-p', port], { FASTIFY_PORT: OTHER, PORT: OTHER }]
} satisfies Record<string, (port: string) => [args: string[], env: Env]>

/** A balancer that is told its port in one of these ways, before a backend. */
async function started(t: Test, [name, start]: readonly [string, Start], way: keyof typeof WAYS, env: Env) {
  const port = await freePort()
  const [args, ofWay] = WAYS[way](`${port}`)
  const child = start(t, args, { ...env, ...ofWay })
  t.equal(await child.listening(), port, `the port is that of ${name}: ${way}`)
  const { status } = await fetch(`http://127.0.0.1:${port}/__lb/live`, { headers: { connection: 'close' } })
  t.equal(status, 200)
  return { child, port }
}

async function endsWith(t: Test, child: Child, code: number): Promise<void> {
  t.equal(await child.untilEnded(), code)
  t.ok(child.log.length >= 2, 'every line of the log is JSON')
  for (const { level, time, msg } of child.log)
    t.same([typeof level, typeof time, typeof msg], ['number', 'number', 'string'])
}

/** The same with one request in flight. */
async function busy(t: Test, start: readonly [string, Start], way: keyof typeof WAYS, env: Env = {}) {
  const held: Socket[] = []
  const backend = await scripted(t, ({ fields }, socket) => {
    if (!fields.some(([name]) => name === 'Upgrade')) held.push(socket)
    else {
      socket.write(SWITCHING)
      socket.pipe(socket)
    }
  })
  const settings = { LB_BACKENDS: backend.address, LB_NO_HEALTH_CHECK: 'true', ...env }
  const { child, port } = await started(t, start, way, settings)
  const client = await RawClient.open(t, port)
  client.send(GET)
  await eventually(() => held.length === 1)
  return { child, port, client, backend }
}

const logged = (child: Child, text: RegExp) => child.log.find(({ msg }) => text.test(msg))

for (const start of STARTS) {
  const [name] = start
  test(`${name}: what is not done by the end of the drain is cut, tunnels too, and counted`, async (t) => {
    const { child, port, client, backend } = await busy(t, start, 'PORT', { LB_DRAIN_TIMEOUT: '1' })
    const tunnels = [await openTunnel(t, { port }), await openTunnel(t, { port })]
    const begun = performance.now()
    child.kill('SIGTERM')
    await Promise.all([client, ...tunnels].map((each) => each.untilClosed()))
    const took = performance.now() - begun
    t.ok(took > 950 && took < 10_000, `after ${took} ms`)
    t.equal(client.received.length, 0)
    await endsWith(t, child, 1)
    t.match(logged(child, /^Drain timeout/), { level: 40, msg: 'Drain timeout: cutting 3 requests', cut: 3 })
    await t.resolves(eventually(() => backend.sockets.size === 0))
  })

  test(`${name}: a second signal ends it at once`, async (t) => {
    const { child, client } = await busy(t, start, 'FASTIFY_PORT before PORT')
    child.kill('SIGTERM')
    await child.untilPrinted('Draining')
    const begun = performance.now()
    child.kill('SIGTERM')
    t.equal(await child.untilEnded(), 1)
    t.ok(performance.now() - begun < 10_000)
    await client.untilClosed()
  })

  test(`${name}: clients that stall are answered, and the drain ends with the last of them`, async (t) => {
    const backend = await scripted(t, () => {})
    const { child, port } = await started(t, start, '-p before both', {
      LB_BACKENDS: backend.address,
      LB_NO_HEALTH_CHECK: 'true',
      LB_REQUEST_HEAD_TIMEOUT: '1',
      LB_REQUEST_TIMEOUT: '1',
      LB_DRAIN_TIMEOUT: '20'
    })
    const clients = await Promise.all([HALF_A_HEAD, HALF_A_BODY].map(() => RawClient.open(t, port)))
    for (const [i, sent] of [HALF_A_HEAD, HALF_A_BODY].entries()) clients[i]!.send(sent)
    await sleep(100)
    child.kill('SIGTERM')
    for (const client of clients) t.equal(statusOf(await client.response()), 408)
    await endsWith(t, child, 0)
    t.notOk(logged(child, /^Drain timeout/))
  })
}

test('requests that are cut before they came whole are failures too, and idle connections are none', async (t) => {
  for (const [sent, code, connections] of [
    [[HALF_A_HEAD, 'PUT /__lb/api/backends HTTP/1.1\r\nHost: x\r\nContent-Le'], 1, 2],
    [['', LIVE], 0, 0]
  ] as const) {
    const child = lb(t, ['-p', '0', '-b', '127.0.0.1:1', '--no-health-check', '--drain-timeout', '0.08'])
    const port = await child.listening()
    const clients = await Promise.all(sent.map(() => RawClient.open(t, port)))
    for (const [i, client] of clients.entries()) client.send(sent[i]!)
    await sleep(100)
    child.kill('SIGTERM')
    for (const client of clients) await t.resolves(client.untilClosed())
    t.equal(await child.untilEnded(), code)
    t.match(logged(child, /^Drain timeout/), { cut: 0, connections })
  }
})

test('requests on connections that nobody has accepted yet are answered', async (t) => {
  const backend = await scripted(t, answering(OK))
  const child = lb(t, ['-p', '0', '-b', backend.address, '--no-health-check'])
  const port = await child.listening()
  child.kill('SIGSTOP')
  const clients: RawClient[] = []
  for (let i = 0; i < 40; i++) {
    const client = await RawClient.open(t, port)
    client.send(GET)
    clients.push(client)
  }
  child.kill('SIGTERM')
  child.kill('SIGCONT')
  for (const client of clients) t.equal(statusOf(await client.response()), 200)
  t.equal(await child.untilEnded(), 0)
})

test('a signal that tells of a crash is left to the system', async (t) => {
  const child = lb(t, ['-p', '0', '-b', '127.0.0.1:1', '--no-health-check'])
  await child.listening()
  child.kill('SIGSEGV')
  t.equal(await child.untilEnded(), 'SIGSEGV')
})

test('a balancer whose log nobody reads any more ends too', async (t) => {
  const child = lb(t, ['-p', '0', '-b', '127.0.0.1:1', '--no-health-check'])
  await child.listening()
  child.closeOutput()
  await sleep(100)
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
})

test('the port is 80 where none is given', async (t) => {
  const children = process.getuid?.() === 0 && (await isPortFree(80)) ? [lb, fastifyStart] : []
  if (children.length === 0) t.comment('port 80 is not to be had here')
  for (const start of children) {
    const child = start(t, [], BACKENDS)
    t.equal(await child.listening(), 80)
    child.kill('SIGTERM')
    await child.untilEnded()
  }
})

for (const [name, start] of STARTS)
  test(`${name}: port 0 lets the system choose; of one in use a line says so, and the process ends with 1`, async (t) => {
    const idle = start(t, [], { ...BACKENDS, PORT: '0' })
    const port = await idle.listening()
    t.ok(port > 1024)
    const child = start(t, ['-p', `${port}`], BACKENDS)
    t.equal(await child.untilEnded(), 1)
    const lines = child.output.split('\n').filter((line) => line.includes('EADDRINUSE'))
    t.equal(lines.length, 1)
    t.match(lines[0], `address already in use :::${port}`)

    const begun = performance.now()
    idle.kill('SIGTERM')
    t.equal(await idle.untilEnded(), 0)
    t.ok(performance.now() - begun < 4000, 'an idle balancer ends at once')
  })

test('the system chooses the port where a file says 0', async (t) => {
  const file = path.join(t.testdir({ 'lb.yaml': 'port: 0\nbackends: 127.0.0.1:1\n' }), 'lb.yaml')
  const child = lb(t, ['--config', file])
  // Neither the default of the balancer nor that of fastify-cli.
  const port = await child.listening()
  t.not(port, 80)
  t.not(port, 3000)
})
