import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually, sleep, startBalancer, test } from '../helper.js'
import { OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

/** Bytes that one read takes, and that a client's side does not take at once while it waits. */
const BODY = Buffer.alloc(60_000, 'the end of the connection ')

/**
 * Has a backend send `head` and `BODY` while its client cannot take it, as the response before it is not there yet;
 * then the backend does as `leave` says, and the client gets its turn.
 */
async function whileClientWaits(t: Test, head: string, leave: (socket: Socket) => void) {
  // More than comes.
  const start = Buffer.from(head.includes('chunked') ? 'ffff\r\n' : '')
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.startsWith('GET /held')) held.push(socket)
    else socket.write(OK)
  })
  const balancer = await startBalancer(t, [backend])
  const client = await RawClient.open(t, balancer.port)
  client.send('GET /held/1 HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => held.length === 1)
  client.send('GET /held/2 HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => held.length === 2)
  held[1]!.write(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), start, BODY]))
  await sleep(30)
  leave(held[1]!)
  await sleep(30)
  t.equal(
    statusOf(await exchange(t, balancer.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')),
    200,
    'others do not notice'
  )
  held[0]!.write(OK)
  t.equal(statusOf(await client.response()), 200)
  return client
}

for (const [form, head] of [
  ['HTTP/1.0', 'HTTP/1.0 200 OK'],
  ['HTTP/1.1 without a length', 'HTTP/1.1 200 OK\r\nConnection: close'],
  ['HTTP/1.1 with a length', `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${BODY.length}`]
] as const) {
  test(`a backend that closes after a response to a client that waits: whole (${form})`, async (t) => {
    const client = await whileClientWaits(t, head, (socket) => socket.end())
    t.ok((await client.response()).body.equals(BODY))
  })
}

for (const [form, head] of [
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 60001'],
  ['HTTP/1.1, closing', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 60001'],
  ['HTTP/1.1, closing, chunked', 'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked'],
  ['HTTP/1.1', 'HTTP/1.1 200 OK\r\nContent-Length: 60001']
] as const) {
  for (const [how, leave] of [
    ['closes', (socket: Socket) => socket.end()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()]
  ] as const) {
    test(`a backend that ${how} amid a response to a client that waits: cut off (${form})`, async (t) => {
      const client = await whileClientWaits(t, head, leave)
      await client.untilClosed()
      await t.rejects(client.response())
    })
  }
}
