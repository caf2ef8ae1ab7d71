import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { type Client, errors, Pool } from 'undici'
import { type AbandonableHandler, ClientStack } from '../../lib/client-stack.js'
import { atEnd, eventually, sleep, test } from '../helper.js'
import { seededRandom } from '../support/random.js'
import { OK, type RawBackend, refusing, scripted } from '../support/raw-backend.js'

/** As many as are sent at once. */
const EAGER = 32
const SEED = Number(process.env.FAIRLEAD_TEST_SEED ?? 42)

const OPTIONS = { path: '/', method: 'GET', reset: false } as const
const REFUSED = { ...OPTIONS, path: '/no path' }

/** A request's handler that notes how it ended, and how often. */
class Ending {
  abandoned = false
  completed = 0
  readonly errors: Error[] = []
  abort: (() => void) | undefined

  get count(): number {
    return this.completed + this.errors.length
  }

  readonly handler = {
    onConnect: (abort: () => void) => {
      this.abort = abort
      if (this.abandoned) abort()
    },
    onHeaders: () => true,
    onData: () => true,
    onComplete: () => void this.completed++,
    onError: (error: Error) => void this.errors.push(error)
  }

  asHandler(): AbandonableHandler {
    const { handler } = this
    Object.defineProperty(handler, 'abandoned', { get: () => this.abandoned })
    return handler as unknown as AbandonableHandler
  }
}

type Stack = ClientStack | Pool

function stackFor(t: Test, { address }: RawBackend, options: Client.Options = {}): ClientStack {
  const stack = new ClientStack(new URL(`http://${address}`), { pipelining: 1, allowH2: false, ...options })
  atEnd(t, () => stack.destroy())
  return stack
}

function ask(stack: Stack, options: typeof OPTIONS = OPTIONS): Ending {
  const ending = new Ending()
  stack.dispatch(options, ending.asHandler())
  return ending
}

const askFor = (stack: Stack, count: number) => Array.from({ length: count }, () => ask(stack))

const allEnded = (endings: readonly Ending[]) => () => endings.every(({ count }) => count > 0)

/** A backend that answers when told to, and the requests that it has not answered. */
async function holding(t: Test) {
  const held: Socket[] = []
  const backend = await scripted(t, (_request, socket) => void held.push(socket))
  const answer = (count = held.length) => {
    for (const socket of held.splice(0, count)) socket.write(OK)
  }
  return { backend, held, answer }
}

test('the connection used last is used next, and the surplus of a burst closes', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend, { keepAliveTimeout: 150 })
  const burst = askFor(stack, 10)
  await eventually(() => held.length === 10)
  answer()
  await eventually(allEnded(burst))
  t.equal(backend.connections, 10)
  const used = new Set<Socket>()
  for (let i = 0; i < 12; i++) {
    await sleep(30)
    const ending = ask(stack)
    await eventually(() => held.length === 1)
    used.add(held[0]!)
    answer()
    await eventually(allEnded([ending]))
  }
  t.equal(used.size, 1)
  t.equal(backend.connections, 10)
  t.equal(backend.sockets.size, 1, 'the others are closed')
})

test('beyond a number, requests wait two turns of the loop and no longer', async (t) => {
  const { backend, held } = await holding(t)
  const stack = stackFor(t, backend)
  askFor(stack, EAGER + 8)
  await turn()
  const early = backend.connections
  await eventually(() => held.length === EAGER + 8)
  t.ok(early <= EAGER)
  t.equal(backend.connections, EAGER + 8)
})

test('a request that waits takes the connection that comes free', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const warm = askFor(stack, EAGER)
  await eventually(() => held.length === EAGER)
  answer()
  await eventually(allEnded(warm))
  await sleep(20)
  const busy = askFor(stack, EAGER)
  let waiting = 0
  const more: Ending[] = []
  // As the answers come in, in the same turn of the loop, so do requests.
  for (const ending of busy) {
    ending.handler.onComplete = () => {
      ending.completed++
      waiting++
      more.push(ask(stack))
    }
  }
  await eventually(() => held.length === EAGER)
  answer()
  await eventually(() => waiting === EAGER && held.length === EAGER)
  answer()
  await eventually(allEnded(more))
  t.ok(backend.connections <= EAGER + 8, `${backend.connections} connections`)
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
  t.ok(gone.every(({ count }) => count === 0))
})

test('requests that undici refuses take no connection with them', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  for (let i = 0; i < 3; i++) {
    const refused = Array.from({ length: 200 }, () => ask(stack, REFUSED as typeof OPTIONS))
    await eventually(allEnded(refused))
    t.ok(refused.every((ending) => ending.errors[0] instanceof errors.InvalidArgumentError))
    t.ok(refused.every(({ count }) => count === 1))
    // None of them counts among the busy ones: these are all sent at once.
    const endings = askFor(stack, EAGER)
    await turn()
    await eventually(() => held.length === EAGER)
    answer()
    await eventually(allEnded(endings))
    await sleep(10)
  }
  t.ok(backend.connections <= EAGER)
})

test('ten thousand that wait can be refused', async (t) => {
  const { backend, held, answer } = await holding(t)
  const stack = stackFor(t, backend)
  const warm = askFor(stack, EAGER)
  await eventually(() => held.length === EAGER)
  let refused: Ending[] = []
  // In the same turn as a connection comes free.
  warm[0]!.handler.onComplete = () => {
    warm[0]!.completed++
    refused = Array.from({ length: 10_000 }, () => ask(stack, REFUSED as typeof OPTIONS))
  }
  answer()
  await eventually(allEnded(warm))
  await eventually(allEnded(refused))
  t.equal(refused.length, 10_000)
})

test('destroy fails the requests that wait, and nothing is sent after it', async (t) => {
  for (const over of ['stack', 'pool'] as const) {
    const { backend, held } = await holding(t)
    const stack =
      over === 'stack'
        ? stackFor(t, backend)
        : new Pool(`http://${backend.address}`, {
            connections: 1,
            pipelining: 1,
            factory: (origin, options) => new ClientStack(origin, options)
          })
    const busy = askFor(stack, EAGER)
    await eventually(() => held.length === EAGER)
    const waiting = askFor(stack, 20)
    await stack.destroy()
    const all = [...busy, ...waiting]
    t.ok(allEnded(all)(), `${over}: all have ended when it has`)
    await sleep(30)
    t.ok(
      all.every(({ errors: [error], count }) => count === 1 && error instanceof errors.ClientDestroyedError),
      over
    )
    t.equal(backend.connections, EAGER, over)
  }
})

test('close answers the requests that wait first', async (t) => {
  for (const over of ['stack', 'pool'] as const) {
    const { backend, held, answer } = await holding(t)
    const stack =
      over === 'stack'
        ? stackFor(t, backend)
        : new Pool(`http://${backend.address}`, {
            connections: 1,
            pipelining: 1,
            factory: (origin, options) => new ClientStack(origin, options)
          })
    const all = askFor(stack, EAGER + 20)
    const closing = stack.close()
    await eventually(() => held.length === EAGER + 20)
    answer()
    await closing
    t.ok(
      all.every(({ completed, count }) => completed === 1 && count === 1),
      over
    )
    await eventually(() => backend.sockets.size === 0)
  }
})

test('the callbacks of close and destroy are called', async (t) => {
  const { backend } = await holding(t)
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
  t.ok([...busy, ...waiting].every(({ count, completed }) => count === 1 && completed === 0))
})

test('a backend that comes back is reached again', async (t) => {
  const backend = await refusing(t)
  const stack = stackFor(t, backend)
  const lost = askFor(stack, EAGER + 20)
  await eventually(allEnded(lost))
  t.ok(lost.every(({ count, completed }) => count === 1 && completed === 0))
  await backend.listen()
  askFor(stack, EAGER)
  await turn()
  await eventually(() => backend.connections === EAGER)
})

test('each request ends once, and no connection has two at a time, whatever happens', async (t) => {
  t.comment(`seed ${SEED}`)
  const random = seededRandom(SEED)
  const busy = new Set<Socket>()
  let shared = 0
  const backend = await scripted(t, (_request, socket) => {
    if (busy.has(socket)) shared++
    busy.add(socket)
    const answer = () => {
      busy.delete(socket)
      const deed = random()
      if (deed < 0.7) socket.write(OK)
      else if (deed < 0.8) socket.end(OK)
      else if (deed < 0.87) socket.end(OK.replace('200 OK', '200 OK\r\nConnection: close'))
      else if (deed < 0.95) socket.resetAndDestroy()
      else socket.write('garbage')
    }
    if (random() < 0.5) answer()
    else setTimeout(answer, random() * 20)
  })
  const stack = stackFor(t, backend, { keepAliveTimeout: 50, keepAliveTimeoutThreshold: 1 })
  const endings: Ending[] = []
  const gone: Ending[] = []
  for (let burst = 0; burst < 60; burst++) {
    for (let i = random() * 60; i > 0; i--) {
      const ending = ask(stack, random() < 0.1 ? (REFUSED as typeof OPTIONS) : OPTIONS)
      if (random() < 0.15) {
        gone.push(ending)
        setTimeout(() => {
          ending.abandoned = true
          ending.abort?.()
        }, random() * 10)
      } else endings.push(ending)
    }
    await sleep(random() * 12)
  }
  await eventually(allEnded(endings), 5000)
  await sleep(50)
  t.ok(endings.every(({ count }) => count === 1))
  t.ok(gone.every(({ count }) => count <= 1))
  t.equal(shared, 0, 'no connection had two requests at a time')
  // Were one lost, it would count as busy for ever.
  const before = backend.requests.length
  askFor(stack, EAGER)
  await turn()
  await eventually(() => backend.requests.length === before + EAGER)
  await eventually(() => backend.sockets.size === 0, 3000)
})
