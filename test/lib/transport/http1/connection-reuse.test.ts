import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { eventually, test } from '../../../helper.js'
import { answering, OK, scripted } from '../../../support/raw-backend.js'
import {
  allEnded,
  answered,
  ask,
  askFor,
  EAGER,
  type Ending,
  holding,
  stackFor
} from '../../../support/stack.js'

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

test('nothing takes a connection in the turn in which it came free', async (t) => {
  const backend = await scripted(t, answering(OK))
  for (const replayable of [true, false])
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
      await eventually(allEnded([first, ask(stack, { replayable })]))
      t.equal(stack.opened, connections, `${turns} turns later`)
    }
})

test('not even a request that waits for one, which gets it when the turn has ended', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const [first] = askFor(stack, EAGER) as [Ending]
  await eventually(() => held.length === EAGER)
  const sent: number[] = []
  let next: Ending | undefined
  first.onCall = () => {
    if (first.completed === 0) return
    next = ask(stack)
    const note = () => sent.push(next!.sent)
    process.nextTick(note)
    setImmediate(note)
  }
  answer(1)
  await eventually(() => sent.length === 2)
  t.same(sent, [0, 1])
  t.equal(next!.connection, first.connection)
  t.equal(stack.opened, EAGER)
})

test('a connection that came free earlier is taken from beneath one that just did, and only once', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const [early, late] = askFor(stack, 2) as [Ending, Ending]
  await eventually(() => held.length === 2)
  const rest = held.splice(1, 1)
  answer()
  const [before, now] = await new Promise<[Ending, Ending]>((resolve) => {
    let first: Ending | undefined
    const onCall = (ending: Ending, other: Ending) => () => {
      if (ending.completed === 0) return
      if (!first) {
        first = ending
        void turn().then(() => rest[0]!.write(OK))
      } else process.nextTick(() => resolve([other, ending]))
    }
    early.onCall = onCall(early, late)
    late.onCall = onCall(late, early)
  })
  const next = askFor(stack, 2)
  await eventually(() => held.length === 2)
  t.same([stack.opened, next[0]!.connection === before.connection], [3, true])
  t.ok(next[1]!.connection !== before.connection && next[1]!.connection !== now.connection)
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

test('a connection that is given up with the end of its response is not used again', async (t) => {
  const backend = await scripted(t, answering(OK))
  const stack = stackFor(t, backend)
  const first = ask(stack)
  first.onCall = () => first.completed > 0 && first.connection!.destroy()
  await eventually(() => backend.connections === 1 && backend.sockets.size === 0)
  const second = await answered(stack)
  t.same([first.count, second.body, stack.opened], [1, 'ok', 2])
})
