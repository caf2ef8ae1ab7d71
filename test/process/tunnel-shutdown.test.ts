import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, test } from '../helper.js'
import { type Child, fastifyStart, lb } from '../support/child.js'
import type { Env } from '../support/processes.js'
import { OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { echo, openTunnel, switching, upgrade } from '../support/tunnel.js'
import { statusOf } from '../support/wire.js'

type Start = (t: Test, args: readonly string[], env?: Env) => Child

async function started(t: Test, start: Start, address: string, env: Env = {}) {
  const child = start(t, [], { PORT: '0', LB_BACKENDS: address, LB_NO_HEALTH_CHECK: 'true', ...env })
  return { child, port: await child.listening() }
}

const logged = (child: Child, text: RegExp) => child.log.find(({ msg }) => text.test(msg))

test('a tunnel may go on to its end during the drain', async (t) => {
  const backend = await switching(t, echo)
  const { child, port } = await started(t, lb, backend.address)
  const client = await openTunnel(t, { port })
  child.kill('SIGTERM')
  await child.untilPrinted('Draining')
  await sleep(300)
  client.send('still here')
  await client.until((text) => text === 'still here')
  t.equal(child.ended, undefined)
  client.socket.end()
  await client.untilClosed()
  t.notOk(client.broken)
  t.equal(await child.untilEnded(2000), 0)
  t.match(logged(child, /^Draining/), { inFlight: 1 })
  t.notOk(logged(child, /^Drain timeout/))
})

for (const [name, start] of [
  ['lb', lb],
  ['fastify start', fastifyStart]
] as const) {
  test(`${name}: a tunnel that goes on is cut at the end of the drain, and counted`, async (t) => {
    const backend = await switching(t, echo)
    const { child, port } = await started(t, start, backend.address, { LB_DRAIN_TIMEOUT: '1' })
    const clients = [await openTunnel(t, { port }), await openTunnel(t, { port })]
    const begun = performance.now()
    child.kill('SIGTERM')
    await Promise.all(clients.map((client) => client.untilClosed(3000)))
    const took = performance.now() - begun
    t.ok(took > 950 && took < 2500, `after ${took} ms`)
    t.equal(await child.untilEnded(), 1)
    t.match(logged(child, /^Drain timeout/), { level: 40, cut: 2 })
    await t.resolves(eventually(() => backend.sockets.size === 0))
  })
}

test('a change of protocol that is under way when the drain begins comes about', async (t) => {
  const held: Socket[] = []
  const backend = await scripted(t, (_request, socket) => void held.push(socket))
  const { child, port } = await started(t, lb, backend.address)
  const client = await RawClient.open(t, port)
  client.send(upgrade())
  await eventually(() => held.length === 1)
  child.kill('SIGTERM')
  await child.untilPrinted('Draining')
  held[0]!.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nhello')
  t.equal(statusOf(await client.response()), 101)
  await client.until((text) => text === 'hello')
  held[0]!.end('.')
  await client.untilClosed()
  t.equal(client.received.toString(), 'hello.')
  t.equal(await child.untilEnded(2000), 0)
})

test('a connection that was refused an upgrade before does not hold up the drain', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { child, port } = await started(t, lb, backend.address, { LB_DRAIN_TIMEOUT: '5' })
  const client = await RawClient.open(t, port)
  client.send(upgrade())
  t.equal(statusOf(await client.response()), 200)
  await sleep(50)
  child.kill('SIGTERM')
  await t.resolves(client.untilClosed(1000), 'it is idle')
  t.equal(await child.untilEnded(), 0)
})

test('clients that leave whatever they are told do not end the process', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const { child, port } = await started(t, lb, backend.address)
  for (const sent of [upgrade('/__lb/live'), upgrade(), 'CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n'])
    for (let i = 0; i < 40; i++) {
      const client = await RawClient.open(t, port).catch(() => undefined)
      client?.send(sent)
      if (i % 3 === 1) await new Promise((resolve) => setImmediate(resolve))
      if (i % 3 === 2) await sleep(1)
      client?.abort()
    }
  await sleep(50)
  t.equal(child.ended, undefined)
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(), 0)
})
