import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect, createServer, type Socket } from 'node:net'
import { test as plainTest } from 'tap'
import { IdleTimeout } from '../../../lib/transport/idle-timeout.js'
import { type NameChange, Resolver } from '../../../lib/transport/resolver/resolver.js'
import { surviveWriteErrors } from '../../../lib/transport/sockets/socket-end.js'
import { Names } from '../../support/names.js'
import { answering, OK, scripted } from '../../support/raw-backend.js'
import { answered, skippableTime, stackFor } from '../../support/stack.js'
import { atEnd, eventually, sleep, test } from '../../support/test.js'

// Resolver

const PERIOD_MS = 30
/** More than enough for another look-up to have been made, if one were to be. */
const LONG_MS = 8 * PERIOD_MS

/** A resolver that asks these instead of the system, and what it tells. */
function resolverOf(answers: Readonly<Record<string, readonly string[]>>) {
  const names = new Names()
  for (const [name, addresses] of Object.entries(answers)) names.answers.set(name, addresses)
  const resolver = new Resolver(names.answer)
  const told: string[] = []
  const changes: NameChange[] = []
  resolver.on('changed', (change) => {
    told.push('changed')
    changes.push(change)
  })
  resolver.on('failing', ({ isKnown }) => told.push(isKnown ? 'failing, known' : 'failing'))
  resolver.on('recovered', () => told.push('recovered'))
  const ask = (hostname: string) =>
    new Promise<LookupAddress[]>((resolve, reject) =>
      resolver.lookup(hostname, { all: true }, (error, addresses) =>
        error ? reject(error) : resolve(addresses as LookupAddress[])
      )
    )
  const watch = (hostname: string, periodMs: number, onChanged = (_: ReadonlySet<string>) => {}) =>
    resolver.watch(hostname, periodMs, onChanged)!
  return { names, resolver, told, changes, ask, watch }
}

const plain = (addresses: readonly LookupAddress[]) => addresses.map(({ address }) => address)

test('a name is looked up periodically, and its watchers are called when the addresses change', async (t) => {
  const { names, watch, changes, told, ask } = resolverOf({ a: ['10.0.0.1'] })
  const heard: string[][] = []
  const first = watch('a', PERIOD_MS, (addresses) => heard.push([...addresses]))
  t.same(first.addresses, [], 'before there is an answer')
  t.same(plain(await ask('a')), ['10.0.0.1'])
  t.equal(names.of('a'), 1, 'a connection waits for the look-up under way, and makes none of its own')
  await eventually(() => names.of('a') >= 3)
  t.same([told, heard], [[], []], 'the same answer says nothing')
  names.answers.set('a', ['10.0.0.2', '10.0.0.3'])
  await eventually(() => heard.length > 0)
  t.same(heard, [['10.0.0.2', '10.0.0.3']])
  t.same(changes, [{ hostname: 'a', addresses: ['10.0.0.2', '10.0.0.3'], before: ['10.0.0.1'] }])
  t.same(plain(await ask('a')), ['10.0.0.2', '10.0.0.3'])
  first.stop()
  const asked = names.of('a')
  await sleep(LONG_MS)
  t.equal(names.of('a'), asked, 'nobody watches it any more')
})

test('an answer in another order is the same, and an address that stays keeps its place', async (t) => {
  const { names, watch, told } = resolverOf({ a: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] })
  const a = watch('a', PERIOD_MS)
  await eventually(() => names.of('a') >= 2)
  names.answers.set('a', ['10.0.0.3', '10.0.0.1', '10.0.0.2'])
  const asked = names.of('a')
  await eventually(() => names.of('a') >= asked + 2)
  t.same([a.addresses, told], [['10.0.0.1', '10.0.0.2', '10.0.0.3'], []])
  names.answers.set('a', ['10.0.0.4', '10.0.0.3', '10.0.0.1'])
  await eventually(() => told.length > 0)
  t.same(a.addresses, ['10.0.0.1', '10.0.0.3', '10.0.0.4'])
  a.stop()
})

test('the address of the latest connection is tried first', async (t) => {
  const { names, watch, resolver, told } = resolverOf({ a: ['::1', '127.0.0.1'] })
  const a = watch('a', PERIOD_MS)
  await eventually(() => a.addresses.length === 2)
  resolver.onConnected('a', '127.0.0.1')
  t.same(a.addresses, ['127.0.0.1', '::1'])
  resolver.onConnected('a', '10.9.9.9')
  resolver.onConnected('b', '::1')
  const asked = names.of('a')
  await eventually(() => names.of('a') >= asked + 2)
  t.same([a.addresses, told], [['127.0.0.1', '::1'], []])
  a.stop()
})

test('the last answer is used while look-ups fail, which is reported once, and so is their recovery', async (t) => {
  const { names, watch, told, ask, resolver } = resolverOf({ a: ['10.0.0.1'] })
  const a = watch('a', PERIOD_MS)
  await ask('a')
  names.answers.delete('a')
  await eventually(() => resolver.failed >= 3)
  t.same([a.addresses, plain(await ask('a'))], [['10.0.0.1'], ['10.0.0.1']])
  t.match(a.fault, { code: 'ENOTFOUND' })
  t.same(told, ['failing, known'])
  names.answers.set('a', [])
  const failed = resolver.failed
  await eventually(() => resolver.failed > failed + 1)
  t.same([a.addresses, told.length], [['10.0.0.1'], 1], 'neither is no address at all an answer')
  names.answers.set('a', ['10.0.0.1'])
  await eventually(() => a.fault === undefined)
  t.same(told, ['failing, known', 'recovered'])
  a.stop()
})

test('before the first answer each connection looks the name up, never two at once', async (t) => {
  const { names, watch, told, ask } = resolverOf({})
  const a = watch('a', 60_000)
  names.delayMs = 20
  const errors = await Promise.all(Array.from({ length: 20 }, () => ask('a').catch(({ code }) => code)))
  t.same(new Set(errors), new Set(['ENOTFOUND']))
  t.same(told, ['failing'])
  const asked = names.of('a')
  names.answers.set('a', ['10.0.0.1'])
  t.same(plain(await ask('a')), ['10.0.0.1'])
  t.equal(names.of('a'), asked + 1)
  t.equal(names.mostAtOnce, 1)
  t.same(told, ['failing', 'recovered'])
  a.stop()
})

test('names are shared by all that watch them, with the shortest of their periods', async (t) => {
  const { names, watch, ask } = resolverOf({ a: ['10.0.0.1'] })
  names.delayMs = 5
  const slow = watch('a', 60_000)
  const never = watch('a', 0)
  await ask('a')
  await sleep(LONG_MS)
  t.equal(names.of('a'), 1)
  const fast = watch('a', PERIOD_MS)
  t.same(fast.addresses, ['10.0.0.1'], 'what is known is known to all')
  await eventually(() => names.of('a') >= 4)
  t.equal(names.mostAtOnce, 1)
  fast.stop()
  await sleep(PERIOD_MS)
  const asked = names.of('a')
  await sleep(LONG_MS)
  t.equal(names.of('a'), asked)
  for (const { stop } of [slow, never, fast]) stop()
})

test('with a period of 0 a name is not looked up again after the first answer', async (t) => {
  const { names, watch, ask, resolver } = resolverOf({})
  const a = watch('a', 0)
  await ask('a').catch(() => {})
  names.answers.set('a', ['10.0.0.1'])
  t.same(plain(await ask('a')), ['10.0.0.1'])
  const asked = names.of('a')
  resolver.onNotConnected('a')
  await sleep(LONG_MS)
  t.equal(names.of('a'), asked)
  a.stop()
})

test('after a failed connection the name is looked up soon, once a second at most', async (t) => {
  const { names, watch, ask, resolver } = resolverOf({ a: ['10.0.0.1'] })
  const a = watch('a', 60_000)
  await ask('a')
  const startMs = performance.now()
  const timer = setInterval(() => resolver.onNotConnected('a'), 5)
  await eventually(() => names.of('a') === 3, 10_000)
  clearInterval(timer)
  t.ok(performance.now() - startMs > 1900)
  a.stop()
})

test('a resolver that does not answer delays neither other names nor connections for long', async (t) => {
  const { names, watch, ask, told } = resolverOf({ a: ['10.0.0.1'], b: ['10.0.0.2'] })
  names.answers.set('silent', 'silence')
  // Nothing else keeps this process: what the resolver waits for does not.
  const alive = setInterval(() => {}, 1000)
  const watches = ['a', 'b', 'silent'].map((name) => watch(name, PERIOD_MS))
  await ask('b')
  names.answers.set('a', 'silence')
  await sleep(LONG_MS)
  names.answers.set('b', ['10.0.0.3'])
  await eventually(() => told.includes('changed'), 5000)
  t.same(watches[1]!.addresses, ['10.0.0.3'])
  await t.rejects(ask('silent'), { code: 'LB_LOOKUP_TIMEOUT' })
  await t.rejects(ask('silent'), { code: 'LB_LOOKUP_TIMEOUT' }, 'nobody waits for it after that')
  t.same(plain(await ask('a')), ['10.0.0.1'], 'an answer from before holds')
  t.same([names.of('silent'), names.running.get('a')], [1, 1], 'no more threads are taken for it')
  for (const { stop } of watches) stop()
  clearInterval(alive)
})

test('addresses are not names, and names that nobody watches are those of the system', async (t) => {
  const { names, resolver, ask } = resolverOf({})
  for (const address of ['127.0.0.1', '::1', 'fe80::1%lo'])
    t.equal(
      resolver.watch(address, PERIOD_MS, () => {}),
      undefined
    )
  t.same(plain(await ask('localhost')), plain(await lookup('localhost', { all: true })))
  t.same(names.asked, [])
})

// Socket end

test('what arrived is read, however many writes fail together', async (t) => {
  for (const [name, end] of [
    ['closed', (socket: Socket) => socket.end('answer', () => setTimeout(() => socket.destroy(), 20))],
    ['reset', (socket: Socket) => socket.write('answer', () => socket.resetAndDestroy())]
  ] as const) {
    let peer: Socket | undefined
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {})
      peer = socket
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    atEnd(t, () => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as { port: number }
    let received = ''
    let failures = 0
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer: Buffer.alloc(1024),
        callback: (length, bytes) => {
          received += Buffer.from(bytes).toString('latin1', 0, length)
          return true
        }
      }
    })
    atEnd(t, () => void socket.destroy())
    surviveWriteErrors(socket, { onWriteFailed: () => ++failures > 0 })
    socket.on('error', () => {})
    await eventually(() => peer !== undefined)
    // Nothing is read until the writes have failed.
    socket.pause()
    end(peer!)
    await sleep(100)
    socket.write('a')
    await sleep(50)
    // Each of these reaches the system by itself.
    for (let i = 0; i < 3; i++) {
      socket.cork()
      socket.write('b')
      socket.write('c')
      socket.uncork()
    }
    await sleep(0)
    socket.resume()
    await eventually(() => socket.closed)
    t.same([received, failures], ['answer', 1], name)
  }
})

// Idle time

const UNSAID = -1
const MINUTE_MS = 60_000

/** Closings, each a second after the one before, after so many milliseconds. */
function closings(idleTime: IdleTimeout, ...idleMs: number[]): number {
  idleMs.forEach((ms, index) => {
    idleTime.onClosed(ms, 1000 * (index + 1))
  })
  return 1000 * idleMs.length
}

plainTest('three closings after the same time teach it, whatever the backend says', async (t) => {
  const idleTime = new IdleTimeout()
  const nowMs = closings(idleTime, 1000, 1050)
  t.equal(idleTime.limitMs(UNSAID, nowMs), 4000, 'two might be chance')
  idleTime.onClosed(980, nowMs + 1000)
  t.equal(idleTime.limitMs(UNSAID, nowMs + 1000), 784)
  t.equal(idleTime.limitMs(60, nowMs + 1000), 784)
  t.equal(idleTime.limitMs(2, nowMs + 1000), 0, 'what it says is kept if it is shorter')
  t.equal(idleTime.limitMs(UNSAID, nowMs + 11 * MINUTE_MS), 4000, 'forgotten')
})

plainTest('closings after different times, at one moment, or very soon teach nothing', async (t) => {
  for (const idleMs of [
    [900, 1200, 1600, 2200],
    [100, 100, 100, 100],
    [1000, 1000, 2000, 1000]
  ]) {
    const idleTime = new IdleTimeout()
    const nowMs = closings(idleTime, ...idleMs)
    t.equal(idleTime.limitMs(UNSAID, nowMs), 4000, String(idleMs))
  }
  const ended = new IdleTimeout()
  for (let i = 0; i < 50; i++) ended.onClosed(1000, 1000 + i)
  t.equal(ended.limitMs(UNSAID, 1050), 4000)
})

plainTest('a connection that was idle for longer and served again speaks against it', async (t) => {
  const idleTime = new IdleTimeout()
  closings(idleTime, 1000, 1000)
  idleTime.onReused(1050)
  idleTime.onClosed(1000, 3000)
  t.equal(idleTime.limitMs(UNSAID, 3000), 800, 'that was no longer')
  const kept = new IdleTimeout()
  closings(kept, 1000, 1000)
  kept.onReused(3000)
  kept.onClosed(1000, 3000)
  t.equal(kept.limitMs(UNSAID, 3000), 4000)
})

test('idle connections are closed before the backend does, as learned', async (t) => {
  const skip = skippableTime(t)
  const backend = await scripted(t, answering(OK))
  const stack = stackFor(t, backend)
  for (let i = 0; i < 3; i++) {
    await answered(stack)
    skip(1500)
    for (const socket of backend.sockets) socket.end()
    await eventually(() => backend.sockets.size === 0)
    skip(1000)
  }
  t.equal(stack.opened, 3)
  await answered(stack)
  skip(1000)
  await answered(stack)
  t.equal(stack.opened, 4, 'used again within its time')
  skip(1300)
  await answered(stack)
  t.equal(stack.opened, 5, 'and not after it')
})
