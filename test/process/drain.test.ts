import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, test } from '../helper.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import { EventListener } from '../support/event-stream.js'
import type { Env } from '../support/processes.js'
import { OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { everywhere } from '../support/secure-ports.js'
import { openTunnel, SWITCHING, upgrade } from '../support/tunnel.js'
import { fieldValue, statusOf } from '../support/wire.js'

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`
const REQUESTS = 200
/** So often do clients leave amid each thing that they may be told. */
const LEAVE_EACH = 40

type Start = (t: Test, args: readonly string[], env?: Env) => Child

/** Holds requests for `/held` by the rest of their target, speaks another protocol at `/tunnel`, and answers all else. */
async function holding(t: Test) {
  const held = new Map<string, Socket>()
  const backend = await scripted(t, ({ startLine }, socket) => {
    const [, target = ''] = startLine.split(' ')
    if (target === '/tunnel') {
      socket.write(SWITCHING)
      socket.pipe(socket)
    } else if (target.startsWith('/held')) held.set(target, socket)
    else socket.write(OK)
  })
  /** The connection of a request that is held, once it is. */
  const heldAt = async (target: string) => {
    await eventually(() => held.has(target))
    return held.get(target)!
  }
  return { backend, heldAt }
}

async function started(t: Test, start: Start, env: Env = {}) {
  const { backend, heldAt } = await holding(t)
  const child = start(t, [], { PORT: '0', LB_BACKENDS: backend.address, LB_NO_HEALTH_CHECK: 'true', ...env })
  return { child, port: await child.listening(), backend, heldAt }
}

async function adminPortOf(child: Child): Promise<number> {
  const line = /Administration at http:\/\/[^"]*:(\d+)"/
  await child.untilPrinted(line)
  return Number(line.exec(child.output)![1])
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(false)).on('error', () => resolve(true))
    socket.on('connect', () => socket.destroy())
  })
}

/** A client with a request under way at the backend. */
async function opened(t: Test, port: number, bytes: string): Promise<RawClient> {
  const client = await RawClient.open(t, port)
  client.send(bytes)
  return client
}

const logged = (child: Child, text: RegExp) => child.log.find(({ msg }) => text.test(msg))

for (const [name, start, signal] of [
  ['lb', lb, 'SIGTERM'],
  ['lb', lb, 'SIGINT'],
  ['fastify start', fastifyStart, 'SIGTERM'],
  ['fastify start', fastifyStart, 'SIGINT']
] as const) {
  test(`${name}: ${signal} lets what is in flight finish, and nothing else in`, async (t) => {
    const { child, port, heldAt } = await started(t, start, {
      LB_ADMIN_PORT: '0',
      LB_ACCESS_LOG: 'all',
      LB_STATS_INTERVAL: '0'
    })
    const adminPort = await adminPortOf(child)
    for (let i = 0; i < REQUESTS; i++) await exchange(t, port, get(`/${i}`))
    await t.test('clients that leave whatever they are told do not end the process', async (sub) => {
      for (const sent of [upgrade('/__lb/live'), upgrade(), 'CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n'])
        for (let i = 0; i < LEAVE_EACH; i++) {
          const client = await RawClient.open(t, port).catch(() => undefined)
          client?.send(sent)
          if (i % 3 === 1) await new Promise((resolve) => setImmediate(resolve))
          if (i % 3 === 2) await sleep(1)
          client?.abort()
        }
      await sleep(50)
      sub.equal(child.ended, undefined)
    })

    const client = await opened(t, port, get('/held'))
    const begun = await opened(t, port, get('/held/begun'))
    const changing = await opened(t, port, upgrade('/held/change'))
    const tunnel = await openTunnel(t, { port }, '', '/tunnel')
    const [toClient, toBegun, toChanging] = await Promise.all(
      ['/held', '/held/begun', '/held/change'].map(heldAt)
    )
    toBegun!.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
    await begun.until((text) => text.endsWith('hello'))
    const [unused, idle] = [await RawClient.open(t, port), await opened(t, port, get('/'))]
    await idle.response()
    const refused = await opened(t, port, upgrade())
    t.equal(statusOf(await refused.response()), 200, 'it does not change its protocol')
    const idleAdmin = await opened(t, adminPort, get('/__lb/live'))
    await idleAdmin.response()
    const listener = await EventListener.open(t, adminPort)
    await eventually(async () => {
      const stats = JSON.parse((await exchange(t, adminPort, get('/__lb/stats'))).body.toString())
      return stats.requests.inFlight === 4
    })

    child.kill(signal)
    await eventually(() => isRefused(port))
    await Promise.all([idle.untilClosed(), unused.untilClosed()])
    t.notOk(idle.broken || unused.broken, 'connections without a request are closed in good order')
    await t.resolves(refused.untilClosed(), 'one that was refused an upgrade before is idle')

    await t.test('a port of its own for the administration is there during the drain', async (sub) => {
      sub.equal(statusOf(await exchange(t, adminPort, get('/__lb/ready'))), 503)
      const stats = JSON.parse((await exchange(t, adminPort, get('/__lb/stats'))).body.toString())
      sub.match(stats, { state: 'draining', requests: { inFlight: 4 } })
      const { data } = await listener.event(listener.events.length)
      sub.match(data, { state: 'draining', requests: { inFlight: 4 } })
    })
    // Longer than fastify-cli's own patience would be.
    await sleep(700)
    t.equal(child.ended, undefined)

    await t.test(
      'a response that had begun goes on to its end, and its connection is closed after it',
      async (sub) => {
        toBegun!.write('there')
        sub.equal((await begun.response()).body.toString(), 'hellothere')
        await begun.untilClosed()
      }
    )
    await t.test('a change of protocol that is under way when the drain begins comes about', async (sub) => {
      toChanging!.write(`${SWITCHING}hello`)
      sub.equal(statusOf(await changing.response()), 101)
      await changing.until((text) => text === 'hello')
      toChanging!.end('.')
      await changing.untilClosed()
      sub.equal(changing.received.toString(), 'hello.')
    })
    await t.test('a tunnel may go on to its end during the drain', async (sub) => {
      tunnel.send('still here')
      await tunnel.until((text) => text === 'still here')
      sub.equal(child.ended, undefined)
      tunnel.socket.end()
      await tunnel.untilClosed()
      sub.notOk(tunnel.broken)
    })
    toClient!.write(OK)
    const response = await client.response()
    t.equal(statusOf(response), 200)
    t.equal(response.body.toString(), 'ok')
    t.equal(fieldValue(response.fields, 'connection'), 'close')
    await client.untilClosed()
    t.equal(await child.untilEnded(), 0)
    await Promise.all([idleAdmin.untilClosed(), listener.client.untilClosed()])
    t.equal(listener.events.at(-1)!.name, 'end')
    t.match(logged(child, /^Draining/), {
      level: 30,
      msg: 'Draining: 4 requests in flight, at most 30 s',
      inFlight: 4
    })
    t.ok(logged(child, /^Drained/))
    t.notOk(logged(child, /^Drain timeout/))

    await t.test(
      'it prints a line for each request, to the last, among those of its own log',
      async (sub) => {
        const targets = child.log.filter(({ msg }) => msg === 'request').map(({ target }) => target)
        const wanted = Array.from({ length: REQUESTS }, (_, i) => `/${i}`)
        // Each thread writes its own.
        if (everywhere.threads)
          sub.same(
            [...wanted, '/held'].filter((target) => !targets.includes(target)),
            []
          )
        else {
          sub.same(targets.slice(0, REQUESTS), wanted)
          sub.equal(targets.at(-1), '/held')
        }
      }
    )
  })
}
