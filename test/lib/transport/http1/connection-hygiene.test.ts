import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { eventually, sleep, test } from '../../../helper.js'
import { OK, scripted, serving } from '../../../support/raw-backend.js'
import { allEnded, answered, ask, EAGER, type Ending, stackFor } from '../../../support/stack.js'

/** A response that nobody has asked for. */
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
/** What is read from a connection at once. */
const READ_BYTES = 65_536

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
    await eventually(() => backend.sockets.size === 1)
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
    await eventually(() => backend.sockets.size === 0)
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
  await eventually(() => backend.connections === 1 && backend.sockets.size === 0)
  t.same([gone.count, gone.calls], [0, 0])
})

test('a broken response is one error, and takes its connection along', async (t) => {
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
    t.equal((await answered(stack)).body, 'ok')
    await eventually(() => backend.sockets.size === 1)
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

test('of many requests none gets what belongs to another', async (t) => {
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
