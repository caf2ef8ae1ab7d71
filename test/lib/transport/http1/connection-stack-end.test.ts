import { eventually, sleep, test } from '../../../helper.js'
import { fullBacklog } from '../../../support/full-backlog.js'
import { answering, OK, refusing, scripted } from '../../../support/raw-backend.js'
import { allEnded, answered, ask, askFor, EAGER, holding, stackFor } from '../../../support/stack.js'

/** Sooner than a connection expires. */
const SOON_MS = 1500

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
  t.ok(tookMs >= 90 && tookMs < 1000, `${tookMs} ms`)
  backend.release()
  await sleep(100)
  t.equal(ending.count, 1)
  t.same(backend.received, [])
})

test('a connection that stands is not cut off by the time for connecting', async (t) => {
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

test('close answers the requests that it has, those that wait as well', async (t) => {
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

test('close is over when what was under way has failed', async (t) => {
  const { backend, held } = await holding(t)
  const stack = stackFor(t, backend)
  const endings = askFor(stack, 3)
  await eventually(() => held.length === 3)
  const closing = stack.close()
  for (const socket of held) socket.resetAndDestroy()
  await closing
  t.ok(endings.every(({ errors, count }) => count === 1 && errors.length === 1))
})

test('a close that destroy overtakes is over as well', async (t) => {
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
  await eventually(() => isClosed, 200).catch(() => {})
  t.ok(isClosed)
})

test('close asked for twice is over for both', async (t) => {
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
