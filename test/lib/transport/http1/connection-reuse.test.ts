import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { answering, BEFORE_IDLE_MS, OK, scripted, serving } from '../../../support/raw-backend.js'
import {
  allEnded,
  answered,
  ask,
  askFor,
  EAGER,
  type Ending,
  holding,
  skippableTime,
  stackFor
} from '../../../support/stack.js'
import { eventually, sleep, test } from '../../../support/test.js'

// Connection reuse

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

test('no connection is reused in the turn in which it became idle', async (t) => {
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

test('a connection that became idle earlier is reused before one that just did, and only once', async (t) => {
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

test('a request that is cancelled during its response closes its connection', async (t) => {
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

test('a connection that is destroyed at the end of its response is not reused', async (t) => {
  const backend = await scripted(t, answering(OK))
  const stack = stackFor(t, backend)
  const first = ask(stack)
  first.onCall = () => first.completed > 0 && first.connection!.destroy()
  await eventually(() => backend.connections === 1 && backend.sockets.size === 0, BEFORE_IDLE_MS)
  const second = await answered(stack)
  t.same([first.count, second.body, stack.opened], [1, 'ok', 2])
})

// Connection expiry

/** Apart from the limit, so that what the test itself takes does not count. */
const MARGIN_MS = 500
/** How often idle connections are looked at. */
const SWEEP_MS = 500

const withFields = (...fields: string[]) => OK.replace('\r\n', ['', ...fields, ''].join('\r\n'))

test('an idle connection is used again for as long as the backend keeps it, and not longer', async (t) => {
  const skip = skippableTime(t)
  for (const [limitMs, ...fields] of [
    [4000],
    [4000, 'Keep-Alive: max=100'],
    [1000, 'Keep-Alive: timeout=3'],
    [3000, 'Keep-Alive: timeout=5, max=100'],
    [4000, 'Keep-Alive: timeout=6'],
    [28_000, 'keep-alive: max=100, timeout=30'],
    [598_000, 'Keep-Alive: timeout=600'],
    [600_000, 'Keep-Alive: timeout=602'],
    [600_000, 'Keep-Alive: timeout=86400']
  ] as const) {
    const backend = await scripted(t, (_request, socket) => void socket.write(withFields(...fields)))
    const stack = stackFor(t, backend)
    await answered(stack)
    skip(limitMs - MARGIN_MS)
    await answered(stack)
    t.equal(stack.opened, 1, `${fields}: before ${limitMs} ms`)
    skip(limitMs + 1)
    await answered(stack)
    t.equal(stack.opened, 2, `${fields}: after ${limitMs} ms`)
    await eventually(() => backend.sockets.size === 1)
  }
})

test('the latest response says how long', async (t) => {
  const skip = skippableTime(t)
  const hints = [['Keep-Alive: timeout=60'], [], ['Keep-Alive: timeout=60']]
  const backend = await scripted(t, (_request, socket) => void socket.write(withFields(...hints.shift()!)))
  const stack = stackFor(t, backend)
  await answered(stack)
  skip(50_000)
  await answered(stack)
  t.equal(stack.opened, 1)
  skip(5000)
  await answered(stack)
  t.equal(stack.opened, 2, 'the second one has said nothing')
})

test('a connection that the backend keeps for two seconds or less is not used again', async (t) => {
  for (const seconds of [0, 1, 2]) {
    const backend = await scripted(
      t,
      (_request, socket) => void socket.write(withFields(`Keep-Alive: timeout=${seconds}`))
    )
    const stack = stackFor(t, backend)
    const ending = await answered(stack)
    await eventually(() => backend.sockets.size === 0, BEFORE_IDLE_MS)
    t.same([ending.completed, ending.errors], [1, []])
    await answered(stack)
    t.equal(stack.opened, 2)
  }
})

test('neither is one that the response says is closed, or that its version does not keep', async (t) => {
  for (const [response, isKept] of [
    [withFields('Connection: close'), false],
    [withFields('Connection: x, Close'), false],
    [OK.replace('1.1', '1.0'), false],
    [withFields('Connection: keep-alive').replace('1.1', '1.0'), true],
    [withFields('Proxy-Connection: close'), true]
  ] as const) {
    const backend = await scripted(t, (_request, socket) => void socket.write(response))
    const stack = stackFor(t, backend)
    const endings = [await answered(stack), await answered(stack)]
    t.ok(
      endings.every(({ body, count }) => body === 'ok' && count === 1),
      response
    )
    t.equal(stack.opened, isKept ? 1 : 2, response)
    await eventually(() => backend.sockets.size === (isKept ? 1 : 0), BEFORE_IDLE_MS)
  }
})

test('what has been idle for too long is closed, though nobody asks', async (t) => {
  const skip = skippableTime(t)
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const burst = askFor(stack, 10)
  await eventually(() => held.length === 10)
  answer()
  await eventually(allEnded(burst))
  skip(2000)
  const ending = ask(stack)
  await eventually(() => held.length === 1)
  answer()
  await eventually(allEnded([ending]))
  await sleep(2 * SWEEP_MS)
  t.equal(backend.sockets.size, 10, 'none of them has been')
  skip(1000)
  await eventually(() => backend.sockets.size < 10)
  t.equal(backend.sockets.size, 1, 'all but the one that was used meanwhile')
  skip(4000)
  await eventually(() => backend.sockets.size === 0)
  const again = ask(stack)
  await eventually(() => held.length === 1)
  answer()
  await eventually(allEnded([again]))
  skip(4000)
  await eventually(() => backend.sockets.size === 0)
})

test('what was aborted before it was connected is closed as well', async (t) => {
  const skip = skippableTime(t)
  const backend = await serving(t, () => {})
  const stack = stackFor(t, backend)
  for (const ending of askFor(stack, 3)) ending.aborted = true
  await eventually(() => backend.connections === 3)
  await sleep(20)
  t.equal(backend.sockets.size, 3)
  skip(4000)
  await eventually(() => backend.sockets.size === 0)
})

test('a connection that the backend closes while it is idle is not used again', async (t) => {
  for (const end of ['end', 'resetAndDestroy'] as const) {
    const { backend, held, answer } = await holding(t)
    const stack = stackFor(t, backend)
    const [kept, closed] = askFor(stack, 2)
    await eventually(() => held.length === 2)
    const [first, second] = held
    answer(1)
    await eventually(() => kept!.count + closed!.count === 1)
    answer(1)
    await eventually(allEnded([kept!, closed!]))
    second![end]()
    await eventually(() => backend.sockets.size === 1)
    await sleep(10)
    const next = ask(stack)
    await eventually(() => held.length === 1)
    t.equal(held[0], first, end)
    answer()
    await eventually(allEnded([next]))
    t.same([next.completed, next.errors, backend.connections], [1, [], 2], end)
  }
})
