import { connect } from 'node:net'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, startBalancer, test } from '../helper.js'
import { answering, OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { echo, openTunnel, switching, upgrade } from '../support/tunnel.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** A balancer whose last connection has closed before it is looked at. */
async function bounded(t: Test, backend: RawBackend, env: Record<string, string>): Promise<Balancer> {
  const balancer = await startBalancer(t, [backend], env)
  atEnd(t, () => eventually(() => balancer.stats().connections.open === 0))
  return balancer
}

/** A connection from `address` with a request on it: whether it is served, and how to close it. */
async function ask(t: Test, port: number, address: string, sent = GET) {
  const socket = connect({ port, host: '127.0.0.1', localAddress: address })
  atEnd(t, () => socket.destroy())
  let text = ''
  let isClosed = false
  socket.on('data', (bytes) => {
    text += bytes
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  socket.write(sent)
  await eventually(() => text !== '' || isClosed)
  return { status: text.split(' ')[1], close: () => socket.destroy() }
}

test('one address may have so many connections open at once', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await bounded(t, backend, { LB_MAX_SOCKETS_PER_CLIENT: '2' })
  const first = await ask(t, port, '127.0.0.1')
  const statuses = [first.status, (await ask(t, port, '127.0.0.1')).status]
  for (let i = 0; i < 3; i++) statuses.push((await ask(t, port, '127.0.0.1')).status)
  t.same(statuses, ['200', '200', undefined, undefined, undefined])
  t.match(stats(), { connections: { open: 2, dropped: 3 }, requests: { total: 2 } })
  t.equal((await ask(t, port, '127.0.0.2')).status, '200', 'another address has its own')
  first.close()
  await eventually(() => stats().connections.open === 2)
  t.equal((await ask(t, port, '127.0.0.1')).status, '200', 'there is room again')
  t.equal((await ask(t, port, '127.0.0.1')).status, undefined, 'for one')
  t.equal((await ask(t, port, '127.0.0.1', GET.replace(' /', ' /__lb/live'))).status, undefined)
})

test('a tunnel is a connection as well, until it ends', async (t) => {
  const balancer = await bounded(t, await switching(t, echo), { LB_MAX_SOCKETS_PER_CLIENT: '1' })
  const { port, stats } = balancer
  const client = await openTunnel(t, balancer)
  t.equal((await ask(t, port, '127.0.0.1', upgrade())).status, undefined)
  t.equal((await ask(t, port, '127.0.0.2', upgrade())).status, '101')
  client.abort()
  await eventually(() => stats().connections.open === 1)
  t.equal((await ask(t, port, '127.0.0.1', upgrade())).status, '101')
})

test('by default there is no limit but that of all', async (t) => {
  const { port } = await bounded(t, await scripted(t, answering(OK)), { LB_MAX_SOCKETS: '50' })
  for (let i = 0; i < 50; i++) t.equal((await ask(t, port, '127.0.0.1')).status, '200')
  t.equal((await ask(t, port, '127.0.0.1')).status, undefined)
})
