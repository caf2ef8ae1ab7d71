import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { eventually, sleep, test } from '../../helper.js'
import { answering, OK, refusing, scripted } from '../../support/raw-backend.js'
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
} from '../../support/stack.js'

/** Turns of the event loop that a request waits at the most. */
const PATIENCE_TURNS = 16

test('the connection used last is used next', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const burst = askFor(stack, 10)
  await eventually(() => held.length === 10)
  const last = held[3]!
  held.push(...held.splice(3, 1))
  for (let i = 0; i < 10; i++) {
    answer(1)
    await eventually(() => burst.filter(({ count }) => count > 0).length === i + 1)
  }
  for (let i = 0; i < 5; i++) {
    const ending = ask(stack)
    await eventually(() => held.length === 1)
    t.equal(held[0], last)
    answer()
    await eventually(allEnded([ending]))
  }
  t.equal(backend.connections, 10)
})

test('a request is told from its sending to its end', async (t) => {
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

test('a connection has one request at a time', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const first = ask(stack)
  await eventually(() => held.length === 1)
  answer()
  await eventually(allEnded([first]))
  const [second, third] = [ask(stack), ask(stack)]
  await eventually(() => held.length === 2)
  t.equal(second.connection, first.connection)
  t.not(third.connection, first.connection)
  t.equal(new Set(held).size, 2)
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
  const { backend, held } = await holding(t)
  const [stack, other] = [stackFor(t, backend), stackFor(t, backend)]
  const nobody = new Ending()
  nobody.abandoned = true
  askFor(stack, EAGER + 8)
  let turns = 0
  for (; stack.opened === EAGER && turns < 5 * PATIENCE_TURNS; turns++) {
    other.dispatch(requestOf(), nobody)
    await turn()
  }
  t.equal(turns, PATIENCE_TURNS)
  t.equal(stack.opened, EAGER + 8, 'then all of them go')
  await eventually(() => held.length === EAGER + 8)
})

test('a request that waits takes the connection that comes free', async (t) => {
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

test('nothing takes a connection in the turn in which it came free', async (t) => {
  const backend = await scripted(t, answering(OK))
  for (const repeatable of [true, false])
    for (const [turns, connections] of [
      [0, 2],
      [1, 1]
    ] as const) {
      const stack = stackFor(t, backend)
      const first = ask(stack)
      await new Promise<void>((resolve) => {
        first.onCall = () => first.completed > 0 && process.nextTick(resolve)
      })
      for (let i = 0; i < turns; i++) await turn()
      await eventually(allEnded([first, ask(stack, { repeatable })]))
      t.equal(stack.opened, connections, `${turns} turns later`)
    }
})

test('not even a request that waits for one', async (t) => {
  const { backend, held, answer } = await holding(t)
  for (const repeatable of [true, false]) {
    const stack = stackFor(t, backend)
    const [first] = askFor(stack, EAGER) as [Ending]
    await eventually(() => held.length === EAGER)
    let next: Ending | undefined
    let isSent: boolean | undefined
    first.onCall = () => {
      if (first.completed === 0) return
      next = ask(stack, { repeatable })
      process.nextTick(() => {
        isSent = next!.sent > 0
      })
    }
    answer(1)
    await eventually(() => next && next.sent > 0)
    t.equal(isSent, false)
    t.equal(next!.connection, first.connection, 'which is the next to get it')
    t.equal(stack.opened, EAGER)
    held.length = 0
  }
})

test('who is gone is not sent, and holds up nobody', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const busy = askFor(stack, EAGER)
  const gone = askFor(stack, 5)
  const there = askFor(stack, 5)
  for (const ending of gone) ending.abandoned = true
  await eventually(() => held.length === EAGER + 5)
  answer()
  await eventually(allEnded([...busy, ...there]))
  await sleep(20)
  t.equal(backend.requests.length, EAGER + 5)
  t.ok(gone.every(({ count, sent }) => count === 0 && sent === 0))
})

test('who leaves while it is connected is not sent, and the next one takes the connection', async (t) => {
  const backend = await scripted(t, answering(OK))
  const stack = stackFor(t, backend)
  const gone = ask(stack)
  gone.abandoned = true
  await eventually(() => backend.connections === 1)
  await sleep(20)
  t.same([gone.sent, gone.count, backend.requests.length], [0, 0, 0])
  await answered(stack)
  t.equal(backend.connections, 1)
})

test('who gives up in the midst of a response takes its connection along', async (t) => {
  const sockets: Socket[] = []
  const backend = await scripted(t, (_request, socket) => {
    sockets.push(socket)
    socket.write(sockets.length === 1 ? 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok' : OK)
  })
  const stack = stackFor(t, backend)
  const gone = ask(stack)
  await eventually(() => gone.body === 'ok')
  gone.connection!.destroy()
  const next = await answered(stack)
  t.equal(next.body, 'ok')
  t.equal(gone.count, 0)
  t.equal(backend.connections, 2)
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
