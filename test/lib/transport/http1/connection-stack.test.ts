import { setImmediate as turn } from 'node:timers/promises'
import type { ConnectionStack } from '../../../../lib/transport/http1/connection-stack.js'
import { eventually, sleep, test } from '../../../helper.js'
import { answering, OK, refusing, scripted } from '../../../support/raw-backend.js'
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

/** Turns of the event loop that a request waits at the most. */
const PATIENCE_TURNS = 16

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
    (other: ConnectionStack) => void other.dispatch(requestOf(), nobody),
    (other: ConnectionStack) => other.onActivity()
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

test('whether it waits or not, a request is taken', async (t) => {
  const { backend } = await holding(t)
  const stack = stackFor(t, backend)
  const isTaken = Array.from({ length: EAGER + 1 }, () => stack.dispatch(requestOf(), new Ending()))
  t.ok(isTaken.every((taken) => taken))
})

test('who is gone is not sent, and holds up nobody', async (t) => {
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

test('who leaves while it is connected is not sent, and the next one takes the connection', async (t) => {
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
