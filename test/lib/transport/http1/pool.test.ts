import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Http1Pool } from '../../../../lib/transport/http1/pool.js'
import { fullBacklog } from '../../../support/full-backlog.js'
import { seededRandom } from '../../../support/random.js'
import { answering, BEFORE_IDLE_MS, OK, refusing, scripted } from '../../../support/raw-backend.js'
import {
  allEnded,
  answered,
  ask,
  askFor,
  EAGER,
  Ending,
  holding,
  requestOf,
  stackFor
} from '../../../support/stack.js'
import { eventually, sleep, test } from '../../../support/test.js'

// Connection stack

/** Turns of the event loop that a request waits at the most. */
const PATIENCE_TURNS = 16

test('the handler is called from the sending of a request to its end', async (t) => {
  const response =
    'HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\r\n'
  const backend = await scripted(t, answering(response))
  const ending = await answered(stackFor(t, backend), { head: 'GET /caf\xe9 HTTP/1.1\r\nX: \xff\r\n\r\n' })
  t.match(backend.requests, [{ startLine: 'GET /caf\xe9 HTTP/1.1', fields: [['X', '\xff']] }])
  t.same(ending.told, [
    ['interim', 'HTTP/1.1 103 Early\r\n'],
    ['head', 'HTTP/1.1 200 OK\r\n'],
    ['data', 'ok'],
    ['end', 'X', '1']
  ])
  t.same([ending.sent, ending.errors], [1, []])
})

test('so many requests are sent at once; more wait, and go when the event loop is idle', async (t) => {
  const { backend, held } = await holding(t)
  const stack = stackFor(t, backend)
  askFor(stack, EAGER + 40)
  t.equal(stack.opened, EAGER)
  await turn()
  t.equal(stack.opened, EAGER, 'this turn had work to do')
  const opened = [EAGER]
  while (opened.at(-1)! < EAGER + 40 && opened.length <= PATIENCE_TURNS) {
    await turn()
    opened.push(stack.opened)
  }
  t.ok(opened[1]! > EAGER, 'the next has not')
  t.ok(opened.length > 3, `a few at each turn: ${opened}`)
  t.equal(opened.at(-1), EAGER + 40, 'until all are sent')
  await eventually(() => held.length === EAGER + 40)
})

test('while the event loop is busy they wait, but not for ever', async (t) => {
  const nobody = new Ending()
  nobody.aborted = true
  for (const keepBusy of [
    (other: Http1Pool) => void other.dispatch(requestOf(), nobody),
    (other: Http1Pool) => other.onActivity()
  ]) {
    const { backend, held } = await holding(t)
    const [stack, other] = [stackFor(t, backend), stackFor(t, backend)]
    askFor(stack, EAGER + 8)
    let turns = 0
    for (; stack.opened === EAGER && turns < 5 * PATIENCE_TURNS; turns++) {
      keepBusy(other)
      await turn()
    }
    t.equal(turns, PATIENCE_TURNS, `${keepBusy}`)
    t.equal(stack.opened, EAGER + 8, 'then all of them go')
    await eventually(() => held.length === EAGER + 8)
  }
})

test('a waiting request is sent on a connection that becomes idle', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const warm = askFor(stack, EAGER)
  await eventually(() => held.length === EAGER)
  answer()
  await eventually(allEnded(warm))
  const busy = askFor(stack, EAGER)
  const more: Ending[] = []
  // As the answers come in, in the same turn of the loop, so do requests.
  for (const ending of busy) ending.onCall = () => void (ending.completed > 0 && more.push(ask(stack)))
  await eventually(() => held.length === EAGER)
  answer()
  await eventually(() => more.length === EAGER && held.length === EAGER)
  answer()
  await eventually(allEnded(more))
  t.ok(backend.connections < 2 * EAGER, `${backend.connections} connections`)
})

test('dispatch() accepts every request, whether it waits or not', async (t) => {
  const { backend } = await holding(t)
  const stack = stackFor(t, backend)
  const isTaken = Array.from({ length: EAGER + 1 }, () => stack.dispatch(requestOf(), new Ending()))
  t.ok(isTaken.every((taken) => taken))
})

test('an aborted request is not sent, and delays no other', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const busy = askFor(stack, EAGER)
  const gone = askFor(stack, 5)
  const there = askFor(stack, 5)
  for (const ending of gone) ending.aborted = true
  await eventually(() => held.length === EAGER + 5)
  answer()
  await eventually(allEnded([...busy, ...there]))
  await sleep(20)
  t.equal(backend.requests.length, EAGER + 5)
  t.ok(gone.every(({ count, sent }) => count === 0 && sent === 0))
  t.equal(stack.opened, EAGER + 5, 'nor is a connection opened for it')
})

test('a request aborted while it connects is not sent, and the next one uses the connection', async (t) => {
  const backend = await scripted(t, answering(OK))
  const stack = stackFor(t, backend)
  const gone = ask(stack)
  gone.aborted = true
  await eventually(() => backend.connections === 1)
  await sleep(20)
  t.same([gone.sent, gone.count, backend.requests.length], [0, 0, 0])
  await answered(stack)
  t.equal(backend.connections, 1)
})

test('a backend that comes back is reached again', async (t) => {
  const backend = await refusing(t)
  const stack = stackFor(t, backend)
  const lost = askFor(stack, EAGER + 20)
  await eventually(allEnded(lost))
  t.ok(lost.every(({ count, completed }) => count === 1 && completed === 0))
  await backend.listen()
  askFor(stack, EAGER)
  t.equal(stack.opened, 2 * EAGER + 20, 'none that was lost counts as busy')
  await eventually(() => backend.requests.length === EAGER || backend.connections === EAGER)
})

// Ends of a stack

/** Sooner than a connection expires. */
const SOON_MS = BEFORE_IDLE_MS

test('a refused connection is one error of its request, which was not sent', async (t) => {
  const stack = stackFor(t, await refusing(t))
  const endings = askFor(stack, EAGER + 20)
  await eventually(allEnded(endings))
  await sleep(20)
  for (const { errors, completed, connection, sent } of endings) {
    if (errors.length === 1 && errors[0]!.code === 'ECONNREFUSED' && completed + sent === 0 && !connection)
      continue
    t.match({ errors, completed, connection, sent }, { errors: [{ code: 'ECONNREFUSED' }], completed: 0 })
  }
  t.equal(stack.opened, EAGER + 20)
})

test('a connection that takes too long is one error, and is not waited for', async (t) => {
  const backend = await fullBacklog(t)
  const stack = stackFor(t, backend, 100)
  const startMs = performance.now()
  const ending = await answered(stack)
  const tookMs = performance.now() - startMs
  t.match(ending, { errors: [{ code: 'LB_CONNECT_TIMEOUT' }], completed: 0, sent: 0 })
  t.ok(tookMs >= 90 && tookMs < 8000, `${tookMs} ms`)
  backend.release()
  await sleep(100)
  t.equal(ending.count, 1)
  t.same(backend.received, [])
})

test('an established connection is not closed by the connect timeout', async (t) => {
  const { backend, held, answer } = await holding(t)
  const ending = ask(stackFor(t, backend, 50))
  await eventually(() => held.length === 1)
  await sleep(100)
  answer()
  await eventually(allEnded([ending]))
  t.same([ending.completed, ending.errors], [1, []])
})

test('destroy fails all requests with one error each, and nothing is sent after it', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const idle = ask(stack)
  await eventually(() => held.length === 1)
  answer()
  await eventually(allEnded([idle]))
  const busy = askFor(stack, EAGER)
  await eventually(() => held.length === EAGER)
  const waiting = askFor(stack, 20)
  await stack.destroy()
  const all = [...busy, ...waiting]
  t.ok(allEnded(all)(), 'all have ended when it has')
  await eventually(() => backend.sockets.size === 0)
  await sleep(30)
  t.ok(all.every(({ errors: [error], count }) => count === 1 && error!.code === 'LB_CONNECTION_CLOSED'))
  t.equal(idle.count, 1)
  t.equal(backend.requests.length, EAGER + 1)
})

test('destroy fails what is not connected yet', async (t) => {
  const backend = await scripted(t, answering(OK))
  const stack = stackFor(t, backend)
  const endings = askFor(stack, EAGER + 20)
  await stack.destroy(new Error('mine'))
  await sleep(30)
  t.ok(endings.every(({ errors, count, sent }) => count === 1 && sent === 0 && errors[0]!.message === 'mine'))
  t.equal(backend.requests.length, 0)
})

test('close waits for all requests, waiting ones included', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const idle = askFor(stack, 3)
  await eventually(() => held.length === 3)
  answer()
  await eventually(allEnded(idle))
  const all = askFor(stack, EAGER + 20)
  let isClosed = false
  const closing = stack.close().then(() => {
    isClosed = true
  })
  await eventually(() => held.length === EAGER + 20)
  t.notOk(isClosed)
  answer()
  await Promise.race([closing, sleep(SOON_MS)])
  t.ok(isClosed)
  t.ok(all.every(({ body, count }) => body === 'ok' && count === 1))
  await eventually(() => backend.sockets.size === 0, SOON_MS)
})

test('close leaves no idle connection', async (t) => {
  const backend = await scripted(t, answering(OK))
  const stack = stackFor(t, backend)
  await answered(stack)
  await Promise.race([stack.close(), sleep(SOON_MS)])
  await eventually(() => backend.sockets.size === 0, SOON_MS)
  const unused = stackFor(t, backend)
  await unused.close()
  t.equal(unused.opened, 0)
})

test('close resolves when the requests under way have failed', async (t) => {
  const { backend, held } = await holding(t)
  const stack = stackFor(t, backend)
  const endings = askFor(stack, 3)
  await eventually(() => held.length === 3)
  const closing = stack.close()
  for (const socket of held) socket.resetAndDestroy()
  await closing
  t.ok(endings.every(({ errors, count }) => count === 1 && errors.length === 1))
})

test('close resolves after a later destroy, too', async (t) => {
  const { backend, held } = await holding(t)
  const stack = stackFor(t, backend)
  const ending = ask(stack)
  await eventually(() => held.length === 1)
  let isClosed = false
  stack.close().then(() => {
    isClosed = true
  })
  await stack.destroy()
  t.equal(ending.errors.length, 1)
  await eventually(() => isClosed, SOON_MS).catch(() => {})
  t.ok(isClosed)
})

test('two calls of close both resolve', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const ending = ask(stack)
  await eventually(() => held.length === 1)
  let closed = 0
  const count = () => {
    closed++
  }
  stack.close().then(count)
  stack.close(count)
  await sleep(20)
  t.equal(closed, 0)
  answer()
  await eventually(() => closed === 2, SOON_MS).catch(() => {})
  t.equal(closed, 2)
  t.ok(allEnded([ending])())
  stack.close(count)
  await eventually(() => closed === 3, SOON_MS).catch(() => {})
  t.equal(closed, 3, 'and for one who asks later')
})

test('the callbacks of close and destroy are called', async (t) => {
  const backend = await scripted(t, answering(OK))
  for (const end of ['close', 'destroy'] as const) {
    const stack = stackFor(t, backend)
    await new Promise<void>((resolve) => {
      stack[end](resolve)
    })
  }
  const stack = stackFor(t, backend)
  const ending = ask(stack)
  await new Promise<void>((resolve) => {
    stack.destroy(new Error('mine'), resolve)
  })
  t.match(ending.errors, [{ message: 'mine' }])
})

test('requests that wait for a backend that dies fail', async (t) => {
  const { backend, held } = await holding(t)
  const stack = stackFor(t, backend)
  const busy = askFor(stack, EAGER)
  await eventually(() => held.length === EAGER)
  const waiting = askFor(stack, 20)
  await backend.stop()
  await eventually(allEnded([...busy, ...waiting]))
  await sleep(20)
  t.ok([...busy, ...waiting].every(({ count, completed }) => count === 1 && completed === 0))
})

// A stack under random events

const SEED = Number(process.env.FAIRLEAD_TEST_SEED ?? 42)
const BURSTS = 60
const MOST_AT_ONCE = 40
const MOST_UNACCEPTED = 200
const PATIENCE_MS = 10_000

const responseOf = (path: string, ...fields: string[]) =>
  ['HTTP/1.1 200 OK', ...fields, `Content-Length: ${path.length}`, '', path].join('\r\n')

/** Ways to answer a request for a path, each as often as its weight says. */
const DEEDS = (
  [
    [50, (socket, path) => socket.write(responseOf(path))],
    [15, answerInParts],
    [8, (socket, path) => socket.end(responseOf(path))],
    [7, (socket, path) => socket.end(responseOf(path, 'Connection: close'))],
    [5, (socket, path) => socket.write(responseOf(path, 'Keep-Alive: timeout=1'))],
    [3, (socket, path) => socket.write(responseOf(path) + responseOf('evil'))],
    [4, (socket) => socket.resetAndDestroy()],
    [4, (socket, path) => socket.end(responseOf(path).slice(0, -1))],
    [4, (socket) => socket.write('garbage')]
  ] as [weight: number, deed: (socket: Socket, path: string) => unknown][]
).flatMap(([weight, deed]) => Array.from({ length: weight }, () => deed))

async function answerInParts(socket: Socket, path: string): Promise<void> {
  const chunk = `${path.length.toString(16)}\r\n${path}`
  for (const part of [
    'HTTP/1.1 200 OK\r\nTransfer-',
    'Encoding: chunked\r\n\r\n',
    chunk,
    '\r\n0\r\n',
    '\r\n'
  ]) {
    socket.write(part)
    await sleep(2)
  }
}

test('each request ends once, and no connection has two at a time, whatever happens', async (t) => {
  t.comment(`seed ${SEED}`)
  const random = seededRandom(SEED)
  const busy = new Set<Socket>()
  let shared = 0
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (busy.has(socket)) shared++
    busy.add(socket)
    const answer = () => {
      busy.delete(socket)
      DEEDS[Math.floor(random() * DEEDS.length)]!(socket, startLine.split(' ')[1]!)
    }
    if (random() < 0.5) answer()
    else setTimeout(answer, random() * 20)
  })
  const stack = stackFor(t, backend)
  const paths = new Map<Ending, string>()
  const gone = new Set<Ending>()
  for (let burst = 0; burst < BURSTS; burst++) {
    for (let i = random() * MOST_AT_ONCE; i > 0; i--) {
      const path = `/${paths.size}`
      const ending = ask(stack, { head: `GET ${path} HTTP/1.1\r\n\r\n`, replayable: random() < 0.7 })
      paths.set(ending, path)
      if (random() < 0.85) continue
      gone.add(ending)
      setTimeout(() => {
        ending.aborted = true
        if (ending.count === 0) ending.connection?.destroy()
      }, random() * 10)
    }
    await sleep(random() * 12)
    // Node accepts one at a turn, and what the system's queue has no room for would be a second late.
    await eventually(() => stack.opened - backend.connections < MOST_UNACCEPTED, PATIENCE_MS)
  }
  const endings = [...paths.keys()]
  const staying = endings.filter((ending) => !gone.has(ending))
  await eventually(allEnded(staying), PATIENCE_MS)
  await sleep(50)
  t.ok(staying.every(({ count }) => count === 1))
  t.ok(endings.every(({ count }) => count <= 1))
  const completed = endings.filter((ending) => ending.completed > 0)
  t.ok(
    completed.every((ending) => ending.body === paths.get(ending)),
    'each got the response to it'
  )
  t.ok(completed.length > endings.length / 2, 'most of them')
  t.ok(staying.some(({ errors }) => errors.length > 0))
  t.equal(shared, 0, 'no connection had two requests at a time')
  // Were one lost, it would count as busy for ever, and of these some would wait.
  const { opened } = stack
  const last = askFor(stack, EAGER)
  t.equal(last.filter(({ sent }) => sent > 0).length + stack.opened - opened, EAGER)
  await eventually(allEnded(last), PATIENCE_MS)
  await stack.destroy()
  await eventually(() => backend.sockets.size === 0, PATIENCE_MS)
})
