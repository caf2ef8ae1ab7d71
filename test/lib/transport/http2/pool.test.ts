import type { Test } from 'tap'
import { BackendLimits } from '../../../../lib/transport/http2/backend-limits.js'
import { ConnectThrottle } from '../../../../lib/transport/http2/connect-throttle.js'
import type { Http2Pool } from '../../../../lib/transport/http2/pool.js'
import { RequestLimit } from '../../../../lib/transport/http2/request-limit.js'
import { type FrameBackend, framed, onRequest, type Peer } from '../../../support/frame-backend.js'
import { connectionsTo } from '../../../support/http2-connections.js'
import { Flag, Type, uint32 } from '../../../support/http2-frames.js'
import { refusing, serving } from '../../../support/raw-backend.js'
import { allEnded, answered, ask, askFor, Ending, requestOf, skippableTime } from '../../../support/stack.js'
import { eventually, sleep, test } from '../../../support/test.js'

// pool

const MAX_STREAMS = 3
const REFUSED_STREAM = 7

/** A backend that answers nothing by itself, and takes `maxStreams` requests at once on a connection. */
async function limited(t: Test, maxStreams?: number): Promise<[FrameBackend, Http2Pool]> {
  const greet = (peer: Peer) =>
    maxStreams === undefined ? peer.settings() : peer.settings([MAX_STREAMS, maxStreams])
  const backend = await framed(t, () => {}, greet)
  return [backend, connectionsTo(t, backend)]
}

/** Requests that have come, by connection. */
const loads = ({ peers }: FrameBackend) => peers.map(({ requests }) => requests.length)
const total = (backend: FrameBackend) => loads(backend).reduce((sum, load) => sum + load, 0)

test('a connection carries as many requests as the backend allows, and others the rest', async (t) => {
  const [backend, connections] = await limited(t, 4)
  const first = askFor(connections, 4)
  await eventually(() => total(backend) === 4)
  const more = askFor(connections, 6)
  await eventually(() => total(backend) === 10)
  t.same(loads(backend), [4, 4, 2])
  for (const peer of backend.peers) for (const { id } of peer.requests) peer.answer(id)
  await eventually(allEnded([...first, ...more]))
})

test('one at a time, if that is what it takes', async (t) => {
  const [backend, connections] = await limited(t, 1)
  const endings = askFor(connections, 20)
  await eventually(() => total(backend) === 20)
  t.equal(backend.connections, 20)
  for (const peer of backend.peers) peer.answer(1)
  await eventually(allEnded(endings))
})

test('few connections are opened at once', async (t) => {
  let isSilent = false
  const greet = (peer: Peer) => {
    if (isSilent) peer.socket.pause()
    else peer.settings([MAX_STREAMS, 1])
  }
  const backend = await framed(t, () => {}, greet)
  const connections = connectionsTo(t, backend)
  ask(connections)
  await eventually(() => total(backend) === 1)
  isSilent = true
  const endings = askFor(connections, 20)
  await eventually(() => backend.connections === 5)
  await sleep(30)
  t.equal(backend.connections, 5)
  isSilent = false
  for (const peer of backend.peers.slice(1)) {
    greet(peer)
    peer.socket.resume()
  }
  await eventually(() => total(backend) === 21)
  for (const peer of backend.peers) peer.answer(1)
  await eventually(allEnded(endings))
})

test('a backend without a limit gets a hundred on each', async (t) => {
  const [backend, connections] = await limited(t)
  askFor(connections, 250)
  await eventually(() => total(backend) === 250)
  t.same(loads(backend), [100, 100, 50])
})

test('among connections the one with the fewest requests is next, the oldest first', async (t) => {
  const [backend, connections] = await limited(t, 2)
  askFor(connections, 4)
  await eventually(() => total(backend) === 4)
  const [older, younger] = backend.peers
  younger!.answer(1)
  younger!.answer(3)
  older!.answer(1)
  await heard(backend)
  ask(connections)
  await eventually(() => total(backend) === 5)
  t.same(loads(backend), [2, 3], 'that without any')
  ask(connections)
  await eventually(() => total(backend) === 6)
  t.same(loads(backend), [3, 3])
})

test('the limit of the backend may change at any time', async (t) => {
  const [backend, connections] = await limited(t, 2)
  const endings = askFor(connections, 2)
  await eventually(() => total(backend) === 2)
  const [peer] = backend.peers
  peer!.settings([MAX_STREAMS, 5])
  await heard(backend)
  endings.push(...askFor(connections, 3))
  await eventually(() => total(backend) === 5)
  peer!.settings([MAX_STREAMS, 0])
  await heard(backend)
  peer!.answer(1)
  endings.push(ask(connections))
  await eventually(() => backend.peers[1]?.requests.length === 1)
  t.same(loads(backend), [5, 1])
})

test('a backend that takes none for now refuses', async (t) => {
  const [backend, connections] = await limited(t, 0)
  const endings = askFor(connections, 3)
  await eventually(allEnded(endings))
  for (const { connection, errors } of endings)
    t.match([connection, errors], [undefined, [{ code: 'LB_REQUEST_REFUSED', ofAll: true }]])
  await eventually(() => backend.sockets.size === 0)
})

test('the throttle is shared by the connections of all clients', async (t) => {
  const backend = await framed(
    t,
    onRequest((id, peer) => peer.reset(id, REFUSED_STREAM))
  )
  const known = new BackendLimits()
  const [first, second] = [connectionsTo(t, backend, { known }), connectionsTo(t, backend, { known })]
  for (let i = 0; i < 8; i++) await answered(first)
  const before = backend.connections
  for (let i = 0; i < 8; i++) t.match((await answered(second)).errors, [{ code: 'LB_REQUEST_REFUSED' }])
  t.ok(backend.connections - before <= 1, 'they are turned away here meanwhile')
})

test('requests whose connection cannot be opened fail, each once', async (t) => {
  const connections = connectionsTo(t, await refusing(t))
  const endings = askFor(connections, 250)
  await eventually(allEnded(endings))
  for (const { connection, errors } of endings)
    if (connection || errors.length !== 1 || errors[0]!.code !== 'ECONNREFUSED')
      t.fail('once, for that reason')
  t.equal((await answered(connections)).errors[0]!.code, 'ECONNREFUSED', 'and it is tried again')
})

test('a request aborted while its connection is opened is not sent', async (t) => {
  const [backend, connections] = await limited(t)
  const endings = askFor(connections, 3)
  endings[1]!.aborted = true
  await eventually(() => total(backend) === 2)
  await heard(backend)
  t.equal(total(backend), 2)
})

test('a connection after GOAWAY gets no more requests, and is not waited for', async (t) => {
  const [backend, connections] = await limited(t)
  const first = ask(connections)
  await eventually(() => total(backend) === 1)
  backend.peers[0]!.goAway(1)
  await heard(backend)
  const second = ask(connections)
  await eventually(() => loads(backend)[1] === 1)
  backend.peers[1]!.answer(1)
  backend.peers[0]!.answer(1)
  await eventually(allEnded([first, second]))
  await eventually(() => backend.sockets.size === 1)
})

test('an idle connection is closed gracefully after a minute', async (t) => {
  const skip = skippableTime(t)
  const backend = await framed(
    t,
    onRequest((id, peer) => peer.answer(id))
  )
  const connections = connectionsTo(t, backend)
  await answered(connections)
  skip(59_000)
  await sleep(600)
  t.equal(backend.sockets.size, 1)
  await answered(connections)
  t.equal(backend.connections, 1)
  skip(61_000)
  await eventually(() => backend.sockets.size === 0)
  const goAways = backend.peers[0]!.frames.filter(({ type }) => type === Type.goaway)
  t.match(goAways, [{ payload: uint32(0, 0) }])
  t.equal((await answered(connections)).body, 'ok')
})

test('a silent backend gets a PING, and is disconnected if it does not answer', async (t) => {
  const skip = skippableTime(t)
  let answersPings = true
  const backend = await framed(t, ({ type, payload }, peer) => {
    if (type === Type.ping && answersPings) peer.send(Type.ping, Flag.ack, 0, payload)
  })
  const connections = connectionsTo(t, backend)
  const ending = ask(connections)
  const pings = () => backend.peers[0]!.frames.filter(({ type }) => type === Type.ping).length
  await eventually(() => total(backend) === 1)
  await sleep(600)
  skip(11_000)
  await eventually(() => pings() === 1)
  await sleep(600)
  answersPings = false
  skip(11_000)
  await sleep(1100)
  t.equal(pings(), 1, 'it may be silent for long')
  skip(300_000)
  await eventually(() => pings() === 2)
  await sleep(600)
  t.equal(ending.count, 0)
  skip(21_000)
  await eventually(allEnded([ending]))
  t.match(ending.errors, [{ code: 'LB_PING_TIMEOUT' }])
})

test('a connection with many cancelled requests is replaced', async (t) => {
  const backend = await framed(t, () => {})
  const connections = connectionsTo(t, backend)
  for (let i = 0; i < 250; i += 50) {
    const endings = askFor(connections, 50)
    await eventually(() => total(backend) === i + 50)
    for (const { connection } of endings) connection!.destroy()
  }
  const resets = () => backend.peers[0]!.frames.filter(({ type }) => type === Type.reset).length
  await eventually(() => resets() === 250)
  t.equal(backend.connections, 1)
  ask(connections)
  await eventually(() => backend.connections === 2 && backend.sockets.size === 1)
})

test('upgrades use HTTP/1.1', async (t) => {
  let received = ''
  const backend = await serving(t, (socket) => {
    socket.on('data', (bytes) => {
      received += bytes.toString()
      socket.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    })
  })
  const connections = connectionsTo(t, backend)
  const head = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
  const ending = ask(connections, { head, upgrade: 'x' })
  await eventually(() => ending.calls > 0)
  t.equal(received, head)
  t.ok(ending.connection!.tunnel)
})

test('it closes when its requests are answered, those that wait included', async (t) => {
  const [backend, connections] = await limited(t, 2)
  const endings = askFor(connections, 3)
  let isClosed = false
  const closed = connections.close().then(() => {
    isClosed = true
  })
  await eventually(() => total(backend) === 3)
  backend.peers[0]!.answer(1)
  await heard(backend)
  t.equal(isClosed, false)
  for (const peer of backend.peers) for (const { id } of peer.requests) peer.answer(id)
  await closed
  t.equal(endings.filter(({ completed }) => completed === 1).length, 3)
  await eventually(() => backend.sockets.size === 0)
})

test('destroyed, it fails what it has', async (t) => {
  const [backend, connections] = await limited(t, 2)
  const endings = askFor(connections, 2)
  await eventually(() => total(backend) === 2)
  endings.push(ask(connections))
  await connections.destroy()
  for (const { errors } of endings) t.match(errors, [{ code: 'LB_CONNECTION_CLOSED' }])
  await eventually(() => backend.sockets.size === 0)
  await connections.destroy()
})

test('a request sent in a callback is served', async (t) => {
  const backend = await framed(
    t,
    onRequest((id, peer) => peer.answer(id)),
    (peer) => peer.settings([MAX_STREAMS, 1])
  )
  const connections = connectionsTo(t, backend)
  let left = 20
  const last = new Ending()
  const again = () => {
    if (--left === 0) {
      connections.dispatch(requestOf() as never, last as never)
      return
    }
    const ending = new Ending()
    ending.onEnd = again
    connections.dispatch(requestOf() as never, ending as never)
  }
  again()
  await eventually(allEnded([last]))
  t.equal(last.body, 'ok')
})

/** Resolves when all that was sent to the balancer has been read. */
async function heard({ peers }: FrameBackend): Promise<void> {
  const open = peers.filter(({ socket }) => !socket.destroyed)
  const acks = ({ frames }: Peer) => frames.filter(({ type }) => type === Type.ping).length
  const before = open.map(acks)
  for (const peer of open) peer.send(Type.ping, 0, 0, 'heard it')
  await eventually(() => open.every((peer, i) => peer.socket.destroyed || acks(peer) > before[i]!))
}

test('who sends again as soon as its connection is lost does so on another', async (t) => {
  for (const lose of [
    (peer: Peer) => void peer.socket.resetAndDestroy(),
    (peer: Peer) => peer.send(Type.ping, 0, 0, 'x'),
    (peer: Peer) => peer.goAway(0)
  ]) {
    const [backend, connections] = await limited(t)
    const [again, first] = [new Ending(), new Ending()]
    first.onError = () => void connections.dispatch(requestOf() as never, again as never)
    connections.dispatch(requestOf() as never, first as never)
    await eventually(() => total(backend) === 1)
    lose(backend.peers[0]!)
    await eventually(() => loads(backend)[1] === 1)
    backend.peers[1]!.answer(1)
    await eventually(allEnded([again]))
    t.equal(again.body, 'ok')
  }
})

test('in any order of events, each request ends once', async (t) => {
  // A history of its own for each seed.
  for (let seed = 1; seed <= 15; seed++) {
    let state = seed
    const random = () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
    const backend = await framed(
      t,
      ({ type, id }, peer) => {
        if (type !== Type.headers) return
        const what = random()
        if (what < 0.55) peer.answer(id)
        else if (what < 0.65) peer.reset(id, Math.floor(random() * 9))
        else if (what < 0.72) peer.goAway(id - (random() < 0.5 ? 2 : 0))
        else if (what < 0.77) peer.socket.destroy()
        else if (what < 0.85) peer.settings([MAX_STREAMS, 1 + Math.floor(random() * 5)])
        if (what >= 0.65 && !peer.socket.destroyed)
          setTimeout(() => peer.socket.writable && peer.answer(id), 5)
      },
      (peer) =>
        random() < 0.1 ? peer.socket.destroy() : peer.settings([MAX_STREAMS, 1 + Math.floor(random() * 5)])
    )
    const connections = connectionsTo(t, backend)
    const endings: Ending[] = []
    const given = new Set<Ending>()
    for (let i = 0; i < 100; i++) {
      const ending = new Ending()
      const { onError } = ending
      if (random() < 0.2)
        ending.onError = (error) => {
          onError.call(ending, error)
          endings.push(ask(connections))
        }
      connections.dispatch(requestOf() as never, ending as never)
      endings.push(ending)
      if (random() < 0.1 && ending.connection && ending.count === 0) {
        ending.connection.destroy()
        given.add(ending)
      }
      if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve))
    }
    const awaited = () => endings.filter((ending) => !given.has(ending))
    await eventually(() => allEnded(awaited())(), 5000)
    t.ok(
      awaited().every(({ count }) => count === 1) && [...given].every(({ count }) => count === 0),
      `seed ${seed}`
    )
    await connections.close()
  }
})

// Connect pace

test('few connections are opened at first, more after successes, and never many', async (t) => {
  const pace = new ConnectThrottle()
  t.equal(pace.maxConcurrent, 4)
  pace.onSuccess()
  t.equal(pace.maxConcurrent, 5)
  for (let i = 0; i < 100; i++) pace.onSuccess()
  t.equal(pace.maxConcurrent, 16)
  t.notOk(pace.isPaused(0))
})

test('after failures fewer than 20 connections a second are opened, until one succeeds', async (t) => {
  const pace = new ConnectThrottle()
  for (let i = 0; i < 100; i++) pace.onSuccess()
  const made: number[] = []
  for (let nowMs = 0; nowMs < 10_000; nowMs++) {
    if (pace.isPaused(nowMs)) continue
    made.push(nowMs)
    pace.onConnect(nowMs)
    pace.onFailure(nowMs)
    t.equal(pace.maxConcurrent, 1)
  }
  for (const ms of made) {
    const count = made.filter((other) => other >= ms && other < ms + 1000).length
    if (count > 20) t.fail(`${count} a second`)
  }
  t.ok(made.length >= 25 && made.length < 60, `${made.length} in ten seconds`)
  pace.onSuccess()
  t.notOk(pace.isPaused(10_000))
  t.equal(pace.maxConcurrent, 2)
})

test('after a failure the next connection waits until the one before had time to fail', async (t) => {
  const pace = new ConnectThrottle()
  pace.onFailure(0)
  t.notOk(pace.isPaused(0), 'one alone may have met a restart')
  pace.onConnect(0)
  t.ok(pace.isPaused(49))
  t.notOk(pace.isPaused(50))
})

test('connections get as many requests as one has processed, until one answers all of them and stays open', async (t) => {
  const limit = new RequestLimit()
  limit.onAnswered(1_000_000)
  t.equal(limit.max, Number.POSITIVE_INFINITY)
  limit.onRefused(5)
  t.equal(limit.max, 5)
  limit.onAnswered(4)
  t.equal(limit.max, 5)
  const steps = [5, 6, 8, 12].map((given) => {
    limit.onAnswered(given)
    return limit.max
  })
  t.same(steps, [6, 8, 12, 20])
  limit.onRefused(3)
  limit.onAnswered(3)
  t.equal(limit.max, 4, 'carefully again')
  limit.recover(performance.now() + 50_000)
  t.equal(limit.max, 4)
  limit.recover(performance.now() + 60_000)
  t.equal(limit.max, Number.POSITIVE_INFINITY)
})
