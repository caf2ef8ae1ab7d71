import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { atEnd, eventually, startBalancer, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

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
