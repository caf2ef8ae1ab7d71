import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net'
import type { Test } from 'tap'
import { acceptLight } from '../../../../lib/listener/accept/light-server.js'
import {
  isLightSocket,
  type LightReader,
  makeWhole,
  readLight
} from '../../../../lib/listener/accept/light-socket.js'
import { atEnd, eventually, test } from '../../../support/test.js'

const LARGE = 'x'.repeat(20_000_000)

/** What a reader was told. */
class Told implements LightReader {
  text = ''
  closed = 0
  whole = 0

  onRead(bytes: Buffer): void {
    this.text += bytes.toString('latin1')
  }

  onClosed(): void {
    this.closed++
  }

  onWhole(): void {
    this.whole++
  }
}

/** A server of light sockets; a connection, and its other end as it was accepted. */
async function pair(t: Test, server: Server = createServer({ allowHalfOpen: true, noDelay: true })) {
  acceptLight(server, () => true)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  atEnd(t, () => void server.close())
  const { port } = server.address() as AddressInfo
  const open = async () => {
    const connected = once(server, 'connection') as Promise<[Socket]>
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    atEnd(t, () => void client.destroy())
    const [socket] = await connected
    atEnd(t, () => void socket.destroy())
    return { client, socket }
  }
  return { server, open, ...(await open()) }
}

const connectionsOf = (server: Server) =>
  new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))

async function received(client: Socket): Promise<string> {
  let text = ''
  for await (const chunk of client.setEncoding('latin1')) text += chunk
  return text
}

test('a light socket is read and written without its streams, and counts until it is closed', async (t) => {
  const { server, client, socket } = await pair(t)
  t.ok(socket instanceof Socket)
  const told = new Told()
  t.ok(readLight(socket, told))
  client.write('question')
  await eventually(() => told.text === 'question')
  t.equal(socket.remotePort, client.localPort)
  t.ok(socket.write('answer', 'latin1'))
  await new Promise<void>((resolve) => socket.write('', 'latin1', () => resolve()))
  t.equal(socket.writableLength, 0)
  t.equal(await connectionsOf(server), 1)
  let closed = 0
  socket.on('close', () => closed++)
  socket.destroySoon()
  t.ok(socket.destroyed)
  t.equal(told.closed, 0, 'not within the call')
  t.equal(await received(client), 'answer')
  t.equal(told.closed + closed, 2)
  t.equal(await connectionsOf(server), 0)
  t.equal(told.whole, 0)
  t.ok(isLightSocket(socket))
  await new Promise((resolve) => server.close(resolve))
})

test('what the system does not take at once is written by the socket that it becomes', async (t) => {
  const { client, socket } = await pair(t)
  const told = new Told()
  readLight(socket, told)
  t.notOk(socket.write(LARGE, 'latin1'))
  t.equal(told.whole, 1)
  t.notOk(isLightSocket(socket))
  t.ok(socket.writableLength > 0)
  socket.end()
  t.equal(await received(client), LARGE)
})

test('asked for its streams, it is a socket like any other, whose server pauses others meanwhile', async (t) => {
  const { server, client, socket } = await pair(t)
  const told = new Told()
  readLight(socket, told)
  ;(server as Server & { pauseOnConnect: boolean }).pauseOnConnect = true
  client.write('first')
  await eventually(() => told.text === 'first')
  makeWhole(socket)
  socket.setEncoding('latin1')
  t.same([told.whole, isLightSocket(socket), socket.destroyed], [1, false, false])
  t.equal(await connectionsOf(server), 1)
  client.end('second')
  t.equal(await new Promise((resolve) => socket.once('data', resolve)), 'second')
  socket.end('over')
  t.equal(await received(client), 'over')
  await eventually(() => socket.destroyed)
  t.equal(await connectionsOf(server), 0)
})

for (const ask of ['pause', 'setTimeout', 'setKeepAlive', 'listeners'] as const) {
  test(`it becomes one by ${ask}, before it is read`, async (t) => {
    const { client, socket } = await pair(t)
    if (ask === 'listeners') socket.on('error', () => {})
    else if (ask === 'setTimeout') socket.setTimeout(5000)
    else socket[ask]()
    t.notOk(isLightSocket(socket))
    t.equal(socket.timeout, ask === 'setTimeout' ? 5000 : undefined)
    client.end('all')
    if (ask === 'pause') t.equal(socket.read(), null)
    t.equal(await received(socket), 'all')
  })
}

for (const leave of ['end', 'resetAndDestroy'] as const) {
  test(`it is closed when its client leaves by ${leave}`, async (t) => {
    const { server, client, socket } = await pair(t)
    const told = new Told()
    readLight(socket, told)
    client.write('all')
    await eventually(() => told.text === 'all')
    client[leave]()
    await eventually(() => told.closed === 1)
    t.ok(socket.destroyed)
    t.equal(told.whole, 0, 'without streams')
    t.equal(await connectionsOf(server), 0)
  })
}

test('a write to a client that has reset the connection closes it, and tells the error', async (t) => {
  const { client, socket } = await pair(t)
  client.resetAndDestroy()
  await once(client, 'close')
  const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
    const again = () => socket.write('x', 'latin1', (failed) => (failed ? resolve(failed) : again()))
    again()
  })
  t.match(error?.code, /^(EPIPE|ECONNRESET)$/)
  t.ok(socket.destroyed)
})

test('once it is closed, it is a closed socket to whoever asks', async (t) => {
  const { socket } = await pair(t)
  socket.destroy()
  await once(socket, 'close')
  t.notOk(socket.writable)
  t.notOk(socket.readable)
  t.ok(socket.destroyed)
  const error = await new Promise((resolve) => socket.write('x', resolve))
  t.match(error, { code: 'ERR_STREAM_DESTROYED' })
})

test('who is told by Node of each socket, and a server that has enough, get what they always have', async (t) => {
  const { server, open, socket } = await pair(t)
  t.ok(isLightSocket(socket))
  const onSocket = () => {}
  subscribe('net.server.socket', onSocket)
  const { socket: observed } = await open()
  unsubscribe('net.server.socket', onSocket)
  t.notOk(isLightSocket(observed))
  server.maxConnections = 2
  const dropped = once(server, 'drop')
  open().catch(() => {})
  t.match(await dropped, [{ remoteAddress: '127.0.0.1' }])
})
