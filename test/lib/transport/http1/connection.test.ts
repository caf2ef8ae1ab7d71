import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import type { Test } from 'tap'
import type { TunnelHandler } from '../../../../lib/transport/backend-stream.js'
import { eventually, sleep, test } from '../../../helper.js'
import { OK, scripted } from '../../../support/raw-backend.js'
import { allEnded, ask, Ending, requestOf, stackFor } from '../../../support/stack.js'

const READ_BYTES = 65_536
const headOf = (length: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`

/** A request that waits for its response, and the backend's side of its connection. */
async function asked(t: Test, request: Parameters<typeof ask>[1] = {}) {
  let socket: Socket | undefined
  const backend = await scripted(t, (_request, from) => {
    socket = from
  })
  const stack = stackFor(t, backend)
  const ending = ask(stack, request)
  await eventually(() => socket)
  return { stack, backend, ending, socket: socket!, connection: ending.connection! }
}

test('the end of each read is told, but for the last', async (t) => {
  const { ending, socket } = await asked(t)
  const calls: string[] = []
  ending.onReadEnd = () => calls.push('read')
  ending.onCall = () => calls.push(ending.told.at(-1)![0])
  socket.write('HTTP/1.1 ')
  await eventually(() => calls.length === 1)
  socket.write(`103 Early\r\n\r\n${headOf(4)}ok`)
  await eventually(() => calls.length === 5)
  socket.write('ok')
  await eventually(() => ending.completed)
  t.same(calls, ['read', 'interim', 'head', 'data', 'read', 'data', 'end'])
})

test('that a request was sent is told once, when all of it was', async (t) => {
  const headers = { 'content-length': '10' }
  const stream = Object.assign(new PassThrough(), { headers, rawTrailers: [] })
  const backend = await scripted(t, ({ body }, socket) => void socket.write(headOf(body.length) + body))
  const head = 'POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n'
  const ending = ask(stackFor(t, backend), {
    method: 'POST',
    head,
    body: stream as unknown as IncomingMessage
  })
  stream.write('01234')
  await eventually(() => backend.connections === 1)
  await sleep(20)
  t.equal(ending.sent, 0)
  stream.end('56789')
  await eventually(allEnded([ending]))
  t.same([ending.sent, ending.body], [1, '0123456789'])
})

test('on hold it reads no more than it has, until it is released', async (t) => {
  const size = 8 * 1024 * 1024
  const { ending, socket, connection } = await asked(t)
  ending.onReadEnd = () => connection.pause()
  socket.write(headOf(size))
  socket.write(Buffer.alloc(size))
  await eventually(() => ending.calls > 0)
  await sleep(50)
  const { bytes } = ending
  t.ok(bytes <= READ_BYTES, `${bytes} bytes in one read`)
  t.ok(socket.writableLength > 0, 'the backend cannot send on')
  connection.resume()
  await eventually(() => ending.bytes > bytes)
  await sleep(50)
  t.ok(ending.bytes < size, 'it is held again')
  ending.onReadEnd = () => {}
  connection.resume()
  await eventually(() => ending.completed)
  t.equal(ending.bytes, size)
})

test('released before the read is over it is not held', async (t) => {
  const { ending, socket, connection } = await asked(t)
  ending.onReadEnd = () => {
    connection.pause()
    connection.resume()
  }
  socket.write(`${headOf(4)}ok`)
  await eventually(() => ending.bytes === 2)
  socket.write('ok')
  await eventually(() => ending.completed)
  t.equal(ending.body, 'okok')
})

test('what is read is borrowed where other reads go as well, and left alone where it is kept', async (t) => {
  const size = 64 * READ_BYTES
  const { ending, socket, connection } = await asked(t)
  const kept: Buffer[] = []
  const { onData } = ending
  let borrowed = 0
  ending.onData = (chunk) => {
    onData.call(ending, chunk)
    if (connection.reusesBuffer) borrowed += chunk.length
    else kept.push(chunk)
  }
  ending.onReadEnd = () => connection.retainBuffer()
  const body = Buffer.from(
    Array.from({ length: size / 8 }, (_, i) => i.toString(36).padStart(8, '.')).join('')
  )
  socket.write(headOf(size))
  socket.write(body)
  await eventually(() => ending.completed, 5000)
  t.ok(borrowed > 0)
  t.equal(borrowed + kept.reduce((sum, chunk) => sum + chunk.length, 0), size)
  // The last one was told with the end, and may be in use again.
  const wrong = kept.slice(0, -1).filter((chunk) => body.indexOf(chunk) === -1)
  t.ok(kept.length > 2, `${kept.length} chunks`)
  t.equal(wrong.length, 0)
})

test('given up when it is about to send, it sends nothing', async (t) => {
  const { stack, backend, ending, socket } = await asked(t)
  socket.write(OK)
  await eventually(allEnded([ending]))
  await sleep(10)
  const gone = new Ending()
  gone.onSending = (connection) => connection.destroy()
  stack.dispatch(requestOf(), gone)
  await eventually(() => backend.sockets.size === 0)
  t.same([gone.sent, gone.count], [0, 0])
  t.equal(backend.requests.length, 1)
})

test('failed, it tells why, once', async (t) => {
  const { ending, connection, backend, socket } = await asked(t)
  connection.fail(new Error('mine'))
  connection.fail(new Error('other'))
  socket.write(OK)
  await eventually(() => backend.sockets.size === 0)
  t.match(ending.errors, [{ message: 'mine' }])
  t.same([ending.errors.length, ending.calls], [1, 0])
})

/** Who uses a connection after a change of protocol. */
class User implements TunnelHandler {
  text = ''
  drains = 0
  ended = 0
  readonly errors: Error[] = []

  onData(chunk: Buffer): void {
    this.text += chunk.toString('latin1')
  }

  onEnd(): void {
    this.ended++
  }

  onError(error: Error): void {
    this.errors.push(error)
  }

  onDrain(): void {
    this.drains++
  }

  onReadEnd(): void {}
}

async function changed(t: Test) {
  const all = await asked(t, { upgrade: 'x', head: 'GET / HTTP/1.1\r\nConnection: upgrade\r\n\r\n' })
  const user = new User()
  const tunnel = all.connection.tunnel!
  all.ending.onCall = () => tunnel.attach(user)
  all.socket.write('HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\nhello')
  await eventually(() => user.text === 'hello')
  const received: string[] = []
  all.socket.removeAllListeners('data').on('data', (bytes) => received.push(bytes.toString('latin1')))
  return { ...all, user, received, tunnel }
}

test('after a change of protocol the connection is its user’s', async (t) => {
  const { ending, user, socket, tunnel, received } = await changed(t)
  t.equal(tunnel.write(Buffer.from('\0hi')), true)
  await eventually(() => received.join('') === '\0hi')
  socket.write(OK)
  await eventually(() => user.text === `hello${OK}`)
  let isEnded = false
  socket.on('end', () => {
    isEnded = true
  })
  tunnel.endSending()
  await eventually(() => isEnded && user.ended === 1)
  t.same([ending.calls, ending.completed], [1, 0])
})

test('and hears of room, of the end, and of an error', async (t) => {
  const { user, socket, tunnel, stack } = await changed(t)
  socket.pause()
  let isTaken = true
  for (let i = 0; isTaken && i < 1000; i++) isTaken = tunnel.write(Buffer.alloc(100_000))
  t.equal(isTaken, false)
  t.equal(user.drains, 0)
  socket.resume()
  await eventually(() => user.drains > 0)
  socket.end('bye')
  await eventually(() => user.ended)
  t.same([user.text, user.errors], ['hellobye', []])
  t.equal(stack.opened, 1)
  const other = await changed(t)
  other.socket.resetAndDestroy()
  await eventually(() => other.user.errors.length > 0)
  t.match(other.user, { ended: 0, errors: [{ code: 'ECONNRESET' }] })
})
