import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import type { Test } from 'tap'
import type { TunnelHandler } from '../../../../lib/transport/backend-stream.js'
import { BEFORE_IDLE_MS, OK, scripted, serving } from '../../../support/raw-backend.js'
import { allEnded, answered, ask, EAGER, Ending, requestOf, stackFor } from '../../../support/stack.js'
import { eventually, sleep, test } from '../../../support/test.js'

// Connection

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

test('the end of each read is reported, but for the last', async (t) => {
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

test('onSent is called once, when all of the request was sent', async (t) => {
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

test('paused, it reads no more, until it is resumed', async (t) => {
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

test('resumed before the end of the read, it is not paused', async (t) => {
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

test('reads are large where the handler wants that, up to the end of the response', async (t) => {
  const size = 64 * READ_BYTES
  const { ending, socket, connection } = await asked(t)
  let largest = 0
  ending.onReadEnd = () => {
    connection.readsBulk = true
  }
  const { onData } = ending
  ending.onData = (chunk) => {
    onData.call(ending, chunk)
    largest = Math.max(largest, chunk.length)
  }
  socket.write(headOf(size))
  socket.write(Buffer.alloc(size))
  await eventually(() => ending.completed, 5000)
  t.ok(largest > READ_BYTES, `${largest} bytes at most`)
  t.notOk(connection.readsBulk)
})

test('destroyed in onSending, it sends nothing', async (t) => {
  const { stack, backend, ending, socket } = await asked(t)
  socket.write(OK)
  await eventually(allEnded([ending]))
  await sleep(10)
  const gone = new Ending()
  gone.onSending = (connection) => connection.destroy()
  stack.dispatch(requestOf(), gone)
  await eventually(() => backend.sockets.size === 0, BEFORE_IDLE_MS)
  t.same([gone.sent, gone.count], [0, 0])
  t.equal(backend.requests.length, 1)
})

test('the error of a failed connection is passed on once', async (t) => {
  const { ending, connection, backend, socket } = await asked(t)
  connection.fail(new Error('mine'))
  connection.fail(new Error('other'))
  socket.write(OK)
  await eventually(() => backend.sockets.size === 0, BEFORE_IDLE_MS)
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

test('after an upgrade the connection belongs to its tunnel handler', async (t) => {
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

test('which is called for drain, the end, and an error', async (t) => {
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

// Tunnels

const SWITCHING = 'HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const UPGRADE = {
  method: 'GET',
  head: 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  body: undefined,
  replayable: true,
  upgrade: 'x'
}
const GET = { ...UPGRADE, head: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', upgrade: undefined }

/** Who uses a tunnel, and counts how it ends. */
class CountingUser implements TunnelHandler {
  ends = 0
  onData(): void {}
  onReadEnd(): void {}
  onDrain(): void {}
  onEnd(): void {
    this.ends++
  }
  onError(): void {
    this.ends++
  }
}

/** Changes the protocol when the backend does. */
class Switching extends Ending {
  readonly user = new CountingUser()
  override onHead(...head: Parameters<Ending['onHead']>): void {
    super.onHead(...head)
    this.connection!.tunnel!.attach(this.user)
  }
}

test('no request waits for the connection of a tunnel', async (t) => {
  const backend = await scripted(t, ({ fields }, socket) => {
    if (fields.some(([name]) => name === 'Upgrade')) socket.write(SWITCHING)
  })
  const stack = stackFor(t, backend)
  const tunnels = Array.from({ length: EAGER }, () => new Switching())
  for (const tunnel of tunnels) stack.dispatch(UPGRADE, tunnel)
  await eventually(() => tunnels.every(({ told }) => told.length > 0))
  const next = new Ending()
  stack.dispatch(GET, next)
  t.equal(stack.opened, EAGER + 1, 'it is sent at once')
  await stack.destroy()
  t.same(
    tunnels.map(({ user }) => user.ends),
    tunnels.map(() => 1),
    'and they end with all others'
  )
  t.equal(next.count, 1)
})

// What may be left on a connection

/** A response that nobody has asked for. */
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
/** What is read from a connection at once. */

const bodies = (endings: readonly Ending[]) => endings.map(({ body }) => body)

/** What a backend sends for its requests in order, later ones over the same connection if that is used again. */
async function inTurn(t: Parameters<typeof scripted>[0], ...responses: string[]) {
  const sockets: Socket[] = []
  const backend = await scripted(t, (_request, socket) => {
    sockets.push(socket)
    socket.write(Buffer.from(responses.shift() ?? OK, 'latin1'))
  })
  return { backend, sockets }
}

test('bytes behind a response reach no other request', async (t) => {
  for (const more of [EVIL, 'x', '\r\n', '\n', '0\r\n\r\n', 'HTTP/1.1 ']) {
    const { backend } = await inTurn(t, OK + more)
    const stack = stackFor(t, backend)
    t.same(bodies([await answered(stack), await answered(stack)]), ['ok', 'ok'])
    t.equal(stack.opened, 2, JSON.stringify(more))
    await eventually(() => backend.sockets.size === 1, BEFORE_IDLE_MS)
  }
})

test('whatever the response is', async (t) => {
  for (const [method, response] of [
    ['HEAD', OK],
    ['HEAD', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${EVIL}`],
    ['GET', `HTTP/1.1 204 No\r\nContent-Length: 78\r\n\r\n${EVIL}`],
    ['GET', `HTTP/1.1 304 Same\r\nContent-Length: 78\r\n\r\n${EVIL}`],
    ['GET', `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${EVIL}`],
    ['GET', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${EVIL}`]
  ] as const) {
    const { backend } = await inTurn(t, response)
    const stack = stackFor(t, backend)
    const first = await answered(stack, { method })
    t.same(bodies([first, await answered(stack)]), [undefined, 'ok'], response)
    t.equal(stack.opened, 2, response)
  }
})

test('bytes behind a response that filled what is read at once reach no other request', async (t) => {
  const start = 'HTTP/1.1 200 OK\r\nContent-Length: 65494\r\n\r\n'
  const { backend } = await inTurn(t, start.padEnd(READ_BYTES, 'x') + EVIL)
  const stack = stackFor(t, backend)
  const first = ask(stack)
  let next: Ending | undefined
  first.onCall = () => {
    // In the turn in which the connection comes free.
    if (first.completed > 0) process.nextTick(() => (next = ask(stack)))
  }
  await eventually(() => next && next.count > 0)
  t.equal(first.bytes, READ_BYTES - start.length)
  t.equal(next!.body, 'ok')
})

test('bytes on an idle connection close it', async (t) => {
  for (const bytes of [EVIL, '\r\n', 'x', 'HTTP/1.1 408 Timeout\r\nConnection: close\r\n\r\n']) {
    const { backend, sockets } = await inTurn(t)
    const stack = stackFor(t, backend)
    const first = await answered(stack)
    sockets[0]!.write(bytes)
    await eventually(() => backend.sockets.size === 0, BEFORE_IDLE_MS)
    t.same(bodies([first, await answered(stack)]), ['ok', 'ok'])
    t.equal(stack.opened, 2, JSON.stringify(bytes))
    t.equal(first.count, 1)
  }
})

test('and so do bytes on one that no request was sent over yet', async (t) => {
  const backend = await serving(t, (socket) => void socket.write(EVIL))
  const stack = stackFor(t, backend)
  const gone = ask(stack)
  gone.aborted = true
  await eventually(() => backend.connections === 1 && backend.sockets.size === 0, BEFORE_IDLE_MS)
  t.same([gone.count, gone.calls], [0, 0])
})

test('an invalid response is one error, and closes its connection', async (t) => {
  for (const response of [
    'garbage',
    'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
    'HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok!',
    `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(20_000)}`
  ]) {
    const { backend } = await inTurn(t, response)
    const stack = stackFor(t, backend)
    const broken = await answered(stack)
    t.match(broken, { completed: 0, errors: [{ code: 'LB_BROKEN_RESPONSE' }] }, response.slice(0, 80))
    t.equal(broken.errors.length, 1)
    t.same(stack.internalErrors, [], 'which is the fault of the backend')
    t.equal((await answered(stack)).body, 'ok')
    await eventually(() => backend.sockets.size === 1, BEFORE_IDLE_MS)
  }
})

test('a response that is cut off is one error', async (t) => {
  for (const end of ['end', 'resetAndDestroy'] as const)
    for (const start of [
      '',
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 103 Early\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n'
    ]) {
      const backend = await scripted(t, (_request, socket) => {
        socket.write(start, () => setTimeout(() => socket[end](), 5))
      })
      const ending = await answered(stackFor(t, backend))
      await sleep(10)
      const code = end === 'end' ? 'LB_CONNECTION_CLOSED' : 'ECONNRESET'
      t.match(ending, { completed: 0, errors: [{ code }] }, `${end} after ${start}`)
      t.equal(ending.errors.length, 1)
    }
})

test('an error of our own code is reported, and fails its request alone', async (t) => {
  const stack = stackFor(t, await scripted(t, (_request, socket) => void socket.write(OK)))
  for (const method of ['onHead', 'onData', 'onEnd'] as const) {
    const bug = new TypeError(`a bug in ${method}`)
    const ending = new Ending()
    ending[method] = () => {
      throw bug
    }
    stack.dispatch(requestOf() as never, ending as never)
    await eventually(allEnded([ending]))
    t.same([ending.errors, stack.internalErrors.splice(0)], [[bug], [bug]], method)
    t.equal((await answered(stack)).completed, 1, 'the next one goes on a connection of its own')
  }
  t.equal(stack.opened, 4)
})

test('a response that ends with its connection is whole at its end, and broken by a reset', async (t) => {
  for (const end of ['end', 'resetAndDestroy'] as const) {
    const backend = await scripted(t, (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nok', () => setTimeout(() => socket[end](), 5))
    })
    const ending = await answered(stackFor(t, backend))
    await sleep(10)
    t.same([ending.body, ending.completed, ending.errors.length], end === 'end' ? ['ok', 1, 0] : ['ok', 0, 1])
  }
})

test('a connection whose request was answered before it was sent whole is not used again', async (t) => {
  const backend = await serving(t, (socket, { connections }) => {
    socket.once('data', () => socket.write(connections === 1 ? OK : EVIL))
  })
  const stack = stackFor(t, backend)
  const headers = { 'content-length': '10' }
  const body = Object.assign(new PassThrough(), { headers, rawTrailers: [] })
  const early = ask(stack, { method: 'POST', body: body as unknown as IncomingMessage, replayable: false })
  body.write('half')
  await eventually(allEnded([early]))
  t.same([early.body, early.completed, early.sent], ['ok', 1, 0])
  body.write('rest')
  t.equal((await answered(stack)).body, 'evil', 'the next one has a connection of its own')
  t.equal(stack.opened, 2)
  t.equal(body.readableLength, 4, 'the rest was left with the client')
})

test('none of many requests gets the response to another', async (t) => {
  const backend = await scripted(t, ({ startLine }, socket) => {
    const path = startLine.split(' ')[1]!
    const more = path.endsWith('7') ? EVIL : ''
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}${more}`)
  })
  const stack = stackFor(t, backend)
  const paths = Array.from({ length: 10 * EAGER }, (_, i) => `/${i}`)
  const endings = paths.map((path) => ask(stack, { head: `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n` }))
  await eventually(allEnded(endings))
  t.same(bodies(endings), paths)
})
