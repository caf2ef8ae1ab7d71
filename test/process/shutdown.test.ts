import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, test } from '../helper.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import type { Env } from '../support/processes.js'
import { OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

type Start = (t: Test, args: readonly string[], env?: Env) => Child

/** A balancer with one request in flight. */
async function busy(t: Test, start: Start, env: Env = {}) {
  const held: Socket[] = []
  const backend = await scripted(t, (_request, socket) => void held.push(socket))
  const child = start(t, [], { PORT: '0', LB_BACKENDS: backend.address, LB_NO_HEALTH_CHECK: 'true', ...env })
  const port = await child.listening()
  const client = await RawClient.open(t, port)
  client.send(GET)
  await eventually(() => held.length === 1)
  return { child, port, client, held, backend }
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(false)).on('error', () => resolve(true))
    socket.on('connect', () => socket.destroy())
  })
}

const logged = (child: Child, text: RegExp) => child.log.find(({ msg }) => text.test(msg))

for (const [name, start, signal] of [
  ['lb', lb, 'SIGTERM'],
  ['lb', lb, 'SIGINT'],
  ['fastify start', fastifyStart, 'SIGTERM'],
  ['fastify start', fastifyStart, 'SIGINT']
] as const) {
  test(`${name}: ${signal} lets what is in flight finish, and nothing else in`, async (t) => {
    const { child, port, client, held } = await busy(t, start)
    const [unused, idle] = [await RawClient.open(t, port), await RawClient.open(t, port)]
    idle.send('GET /__lb/live HTTP/1.1\r\nHost: x\r\n\r\n')
    await idle.response()
    child.kill(signal)
    await eventually(() => isRefused(port))
    await Promise.all([idle.untilClosed(), unused.untilClosed()])
    t.notOk(idle.broken || unused.broken, 'connections without a request are closed in good order')
    // Longer than fastify-cli's own patience would be.
    await sleep(700)
    t.equal(child.ended, undefined)
    held[0]!.write(OK)
    const response = await client.response()
    t.equal(statusOf(response), 200)
    t.equal(response.body.toString(), 'ok')
    t.equal(fieldValue(response.fields, 'connection'), 'close')
    await client.untilClosed()
    t.equal(await child.untilEnded(), 0)
    t.match(logged(child, /^Draining/), {
      level: 30,
      msg: 'Draining: 1 requests in flight, at most 30 s',
      inFlight: 1
    })
    t.ok(logged(child, /^Drained/))
  })
}

test('a response that had begun goes on to its end, and its connection is closed after it', async (t) => {
  const { child, client, held } = await busy(t, lb)
  held[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
  await client.until((text) => text.endsWith('hello'))
  child.kill('SIGTERM')
  await child.untilPrinted('Draining')
  await sleep(200)
  held[0]!.write('there')
  t.equal((await client.response()).body.toString(), 'hellothere')
  await client.untilClosed()
  t.equal(await child.untilEnded(), 0)
})

for (const [name, start] of [
  ['lb', lb],
  ['fastify start', fastifyStart]
] as const) {
  test(`${name}: what is not done by the end of the drain is cut, and counted`, async (t) => {
    const { child, client } = await busy(t, start, { LB_DRAIN_TIMEOUT: '1' })
    const begun = performance.now()
    child.kill('SIGTERM')
    await client.untilClosed()
    const took = performance.now() - begun
    t.ok(took > 950 && took < 3000, `after ${took} ms`)
    t.equal(client.received.length, 0)
    t.equal(await child.untilEnded(), 1)
    t.match(logged(child, /^Drain timeout/), { level: 40, msg: 'Drain timeout: cutting 1 requests', cut: 1 })
  })

  test(`${name}: a second signal ends it at once`, async (t) => {
    const { child, client } = await busy(t, start)
    child.kill('SIGTERM')
    await child.untilPrinted('Draining')
    const begun = performance.now()
    child.kill('SIGTERM')
    t.equal(await child.untilEnded(), 1)
    t.ok(performance.now() - begun < 1000)
    await client.untilClosed()
  })
}

test('a signal that tells of a crash is left to the system', async (t) => {
  const child = lb(t, ['-p', '0', '-b', '127.0.0.1:1', '--no-health-check'])
  await child.listening()
  child.kill('SIGSEGV')
  t.equal(await child.untilEnded(), 'SIGSEGV')
})

test('an idle balancer ends at once', async (t) => {
  const child = lb(t, ['-p', '0', '-b', '127.0.0.1:1'])
  await child.listening()
  const begun = performance.now()
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
  t.ok(performance.now() - begun < 1000)
})

test('a balancer whose log nobody reads any more ends too', async (t) => {
  const child = lb(t, ['-p', '0', '-b', '127.0.0.1:1', '--no-health-check'])
  await child.listening()
  child.closeOutput()
  await sleep(100)
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
})
