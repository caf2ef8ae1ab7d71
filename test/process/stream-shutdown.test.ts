import type { Socket } from 'node:net'
import { eventually, sleep, test } from '../helper.js'
import { type Child, lb } from '../support/child.js'
import { EventListener, GET_EVENTS } from '../support/event-stream.js'
import { OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const ENV = { PORT: '0', LB_NO_HEALTH_CHECK: 'true', LB_DRAIN_TIMEOUT: '20', LB_STATS_INTERVAL: '0' }
const PROMPTLY_MS = 3000

async function adminPortOf(child: Child): Promise<number> {
  const line = /Administration at http:\/\/[^"]*:(\d+)"/
  await child.untilPrinted(line)
  return Number(line.exec(child.output)![1])
}

test('no drain waits for those who listen: they are told that it ends', async (t) => {
  const child = lb(t, [], { ...ENV, LB_BACKENDS: '127.0.0.1:1' })
  const port = await child.listening()
  const listeners = [await EventListener.open(t, port), await EventListener.open(t, port)]
  for (const listener of listeners) await listener.event(0)
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(PROMPTLY_MS), 0)
  for (const { client, events } of listeners) {
    await client.untilClosed()
    t.notOk(client.broken)
    t.equal(events.at(-1)!.name, 'end')
  }
  t.notMatch(child.output, 'Drain timeout')
})

test('nor for one who listens and does not read', async (t) => {
  const many = Array.from({ length: 4000 }, (_, i) => `127.0.0.1:${i + 1}`).join(' ')
  const child = lb(t, [], { ...ENV, LB_BACKENDS: many })
  const silent = await RawClient.open(t, await child.listening())
  silent.socket.pause()
  silent.send(GET_EVENTS)
  const reader = await EventListener.open(t, await child.listening())
  // More than the system holds between two sockets.
  await eventually(() => reader.client.socket.bytesRead > 16_000_000, 15_000)
  child.kill('SIGTERM')
  t.equal(await child.untilEnded(PROMPTLY_MS), 0)
})

test('on a port of its own the stream shows the drain to its end', async (t) => {
  const held: Socket[] = []
  const backend = await scripted(t, (_request, socket) => void held.push(socket))
  const child = lb(t, [], { ...ENV, LB_ADMIN_PORT: '0', LB_BACKENDS: backend.address })
  const client = await RawClient.open(t, await child.listening())
  const listener = await EventListener.open(t, await adminPortOf(child))
  client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => held.length === 1)
  child.kill('SIGTERM')
  await child.untilPrinted('Draining')
  const seen = listener.events.length
  const { data } = await listener.event(seen)
  t.match(data, { state: 'draining', requests: { inFlight: 1 } })
  held[0]!.write(OK)
  t.equal(statusOf(await client.response()), 200)
  t.equal(await child.untilEnded(PROMPTLY_MS), 0)
  await listener.client.untilClosed()
  t.equal(listener.events.at(-1)!.name, 'end')
})

test('clients of a port of its own that stall are answered when the drain is over, and held by none', async (t) => {
  const backend = await scripted(t, (_request, socket) => void socket.write(OK))
  const child = lb(t, [], {
    ...ENV,
    LB_ADMIN_PORT: '0',
    LB_ADMIN_TOKEN: 'long-enough-a-token',
    LB_BACKENDS: backend.address
  })
  await child.listening()
  const port = await adminPortOf(child)
  const stalls = [
    'GET /__lb/stats HTTP/1.1\r\nHost: x\r\nX-Ha',
    'POST /__lb/stats HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab'
  ]
  const idle = await RawClient.open(t, port)
  idle.send('GET /__lb/live HTTP/1.1\r\nHost: x\r\n\r\n')
  await idle.response()
  const fresh = await RawClient.open(t, port)
  const clients = await Promise.all(stalls.map(() => RawClient.open(t, port)))
  for (const [i, sent] of stalls.entries()) clients[i]!.send(sent)
  await sleep(1100)
  child.kill('SIGTERM')
  t.equal(statusOf(await clients[0]!.response()), 408)
  await Promise.all([idle, fresh, ...clients].map((client) => client.untilClosed(PROMPTLY_MS)))
  t.equal(await child.untilEnded(PROMPTLY_MS), 0)
})
