import { EventEmitter } from 'node:events'
import t from 'tap'
import { BackendRates } from '../../../lib/observe/live/backend-rates.js'
import { HealthHistory } from '../../../lib/observe/live/health-history.js'
import { type Subscriber, Subscribers } from '../../../lib/observe/live/subscribers.js'
import { TimeSeries } from '../../../lib/observe/live/time-series.js'
import { backendConfigs, registryOf } from '../../support/registry.js'

// Time series

const NO_LATENCY = { p50Ms: null, p99Ms: null }

/** A time series and the clocks that it goes by. */
function timeSeriesAt(ms: number) {
  const clock = { ms, wall: 1_700_000_000_000 }
  const timeSeries = new TimeSeries({ monotonic: () => clock.ms, wall: () => clock.wall })
  const pass = (byMs: number) => {
    clock.ms += byMs
    clock.wall += byMs
  }
  return { clock, timeSeries, pass }
}

t.test('the first totals alone give no sample', async (t) => {
  const { timeSeries } = timeSeriesAt(5)
  timeSeries.add({ requests: 1000, errors: 10, ...NO_LATENCY })
  t.same(timeSeries.samples, [])
})

t.test('a sample holds what came since the totals before', async (t) => {
  const { clock, timeSeries, pass } = timeSeriesAt(5)
  timeSeries.add({ requests: 1000, errors: 10, ...NO_LATENCY })
  pass(1000)
  timeSeries.add({ requests: 1040, errors: 11, p50Ms: 1.234_56, p99Ms: 20 })
  t.same(timeSeries.samples, [{ at: clock.wall, requests: 40, errors: 1, p50: 1.235, p99: 20 }])
})

t.test('totals that come late are spread over the time that has passed', async (t) => {
  const { timeSeries, pass } = timeSeriesAt(0)
  timeSeries.add({ requests: 0, errors: 0, ...NO_LATENCY })
  pass(2500)
  timeSeries.add({ requests: 100, errors: 5, ...NO_LATENCY })
  t.match(timeSeries.samples, [{ requests: 40, errors: 2, p50: null, p99: null }])
})

t.test('rates go by the monotonic clock when the wall clock is set back', async (t) => {
  const { clock, timeSeries, pass } = timeSeriesAt(0)
  timeSeries.add({ requests: 0, errors: 0, ...NO_LATENCY })
  pass(1000)
  clock.wall -= 3_600_000
  timeSeries.add({ requests: 7, errors: 0, ...NO_LATENCY })
  t.match(timeSeries.samples, [{ requests: 7, at: clock.wall }])
})

t.test('totals taken twice at one time give no sample', async (t) => {
  const { timeSeries, pass } = timeSeriesAt(0)
  timeSeries.add({ requests: 0, errors: 0, ...NO_LATENCY })
  timeSeries.add({ requests: 9, errors: 0, ...NO_LATENCY })
  t.same(timeSeries.samples, [])
  pass(1000)
  timeSeries.add({ requests: 12, errors: 0, ...NO_LATENCY })
  t.match(timeSeries.samples, [{ requests: 3 }])
})

t.test('five minutes are kept, the oldest first', async (t) => {
  const { clock, timeSeries, pass } = timeSeriesAt(0)
  const start = clock.wall
  for (let i = 0; i <= 1000; i++) {
    timeSeries.add({ requests: (i * (i + 1)) / 2, errors: 0, ...NO_LATENCY })
    pass(1000)
  }
  t.equal(timeSeries.samples.length, 300)
  t.match(timeSeries.samples[0], { at: start + 701_000, requests: 701 })
  t.match(timeSeries.samples.at(-1), { at: start + 1_000_000, requests: 1000 })
})

// Backend rates

t.test('each backend’s requests of each second, for a minute', async (t) => {
  const registry = registryOf('a:80 b:80')
  const [a, b] = registry.backends
  const rates = new BackendRates(registry)
  t.same(rates.of(a!), [])
  a!.acquire()
  rates.sample()
  t.same(rates.of(a!), [], 'what came before it looked came at no known time')
  for (let second = 1; second <= 100; second++) {
    for (let i = 0; i < second; i++) a!.acquire()
    rates.sample()
  }
  t.equal(rates.of(a!).length, 60)
  t.equal(rates.of(a!)[0], 41)
  t.equal(rates.of(a!).at(-1), 100)
  t.same(new Set(rates.of(b!)), new Set([0]))
})

t.test('backends that join and leave', async (t) => {
  const registry = registryOf('a:80 b:80')
  const [a] = registry.backends
  const rates = new BackendRates(registry)
  for (let i = 0; i < 3; i++) rates.sample()
  const added = registry.add(backendConfigs('c:80')[0]!)
  added.acquire()
  rates.sample()
  added.acquire()
  rates.sample()
  t.same(rates.of(added), [1])
  registry.remove(a!)
  rates.sample()
  t.same(rates.of(a!), [])
})

// Health history

function historyOf(text: string) {
  const clock = { ms: 5000 }
  const registry = registryOf(text, { initialState: 'checking', now: () => new Date(1000) })
  const history = new HealthHistory(registry, () => clock.ms)
  return { clock, registry, history, backend: registry.backends[0]! }
}

t.test('the first entry is the status with which a backend joins', async (t) => {
  const { history, registry } = historyOf('a:80 b:80')
  for (const backend of registry.backends)
    t.same(history.of(backend), [{ at: 1000, to: 'checking', reason: 'not checked yet' }])
})

t.test('each change follows, with its time and reason', async (t) => {
  const { clock, history, registry, backend } = historyOf('a:80 b:80')
  registry.setState(backend, 'healthy', 'check passed')
  clock.ms = 6000
  registry.setEjected(backend, true, '5 errors in a row')
  clock.ms = 7000
  registry.setEjected(backend, false, 'its time is over')
  clock.ms = 8000
  registry.setDraining(backend, true, 'set by hand')
  t.same(history.of(backend).slice(1), [
    { at: 5000, to: 'healthy', reason: 'check passed' },
    { at: 6000, to: 'ejected', reason: '5 errors in a row' },
    { at: 7000, to: 'healthy', reason: 'back from its ejection: its time is over' },
    { at: 8000, to: 'draining', reason: 'set by hand' }
  ])
  t.equal(history.of(registry.backends[1]!).length, 1, 'and not in that of another')
})

t.test('what does not change the status is no entry', async (t) => {
  const { history, registry, backend } = historyOf('a:80')
  registry.setDraining(backend, true, 'set by hand')
  registry.setState(backend, 'unhealthy', 'connection refused')
  t.match(history.of(backend), [{ to: 'checking' }, { to: 'draining' }])
  registry.setDraining(backend, false, 'set by hand')
  t.match(history.of(backend).slice(2), [{ to: 'unhealthy', reason: 'drain ended: set by hand' }])
  t.equal(history.of(backend).length, 3)
})

t.test('twenty changes are kept for each backend', async (t) => {
  const { history, registry, backend } = historyOf('a:80')
  for (let i = 0; i < 50; i++) registry.setState(backend, i % 2 ? 'healthy' : 'unhealthy', `${i}`)
  t.equal(history.of(backend).length, 20)
  t.equal(history.of(backend)[0]!.reason, '30')
  t.equal(history.of(backend).at(-1)!.reason, '49')
})

t.test('a backend has a history from when it joins until it leaves', async (t) => {
  const { history, registry, backend } = historyOf('a:80')
  const added = registry.add(backendConfigs('c:80')[0]!)
  t.match(history.of(added), [{ to: 'checking' }])
  registry.remove(backend)
  t.same(history.of(backend), [])
})

// Subscribers

/** One who writes down what it hears, and reads it when the test says so. */
class Client extends EventEmitter implements Subscriber {
  readonly heard: string[] = []
  writableLength = 0
  ended = false
  destroyed = false
  /** Whether what is written stays there. */
  isSlow = false

  write(text: string): void {
    this.heard.push(text)
    if (this.isSlow) this.writableLength += text.length
  }

  end(text: string): void {
    this.write(text)
    this.ended = true
    if (!this.isSlow) this.destroy()
  }

  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function subscribersOf(number: number, limit = 8) {
  const subscribers = new Subscribers(limit)
  const clients = Array.from({ length: number }, () => new Client())
  for (const client of clients) subscribers.add(client, 'first')
  return { subscribers, clients }
}

t.test('every subscriber gets every event, and each text is made once', async (t) => {
  const { subscribers, clients } = subscribersOf(3)
  let made = 0
  const event = () => `event ${++made}`
  for (let i = 0; i < 2; i++) subscribers.send(event, () => t.fail('nobody has missed anything') as never)
  for (const { heard } of clients) t.same(heard, ['first', 'event 1', 'event 2'])
})

t.test('without subscribers no text is made', async (t) => {
  const { subscribers, clients } = subscribersOf(1)
  clients[0]!.destroy()
  t.equal(subscribers.size, 0)
  subscribers.send(
    () => t.fail() as never,
    () => t.fail() as never
  )
})

t.test('a slow subscriber misses events, and then gets a snapshot', async (t) => {
  const { subscribers, clients } = subscribersOf(2)
  const [quick, slow] = clients as [Client, Client]
  slow.isSlow = true
  const send = (n: number) =>
    subscribers.send(
      () => `event ${n}`,
      () => `whole ${n}`
    )
  send(1)
  for (let n = 2; n < 20; n++) send(n)
  t.same(slow.heard, ['first', 'event 1'], 'nothing is kept for it')
  slow.writableLength = 0
  send(20)
  slow.writableLength = 0
  send(21)
  t.same(slow.heard, ['first', 'event 1', 'whole 20', 'event 21'])
  t.equal(quick.heard.length, 22)
})

t.test('a subscriber that reads nothing for half a minute is disconnected', async (t) => {
  const { subscribers, clients } = subscribersOf(1, 1)
  const [client] = clients as [Client]
  client.writableLength = 1
  const send = () =>
    subscribers.send(
      () => '',
      () => ''
    )
  for (let i = 0; i < 29; i++) send()
  t.notOk(client.destroyed)
  t.ok(subscribers.isFull)
  send()
  t.ok(client.destroyed)
  t.notOk(subscribers.isFull)
})

t.test('only consecutive missed events count', async (t) => {
  const { subscribers, clients } = subscribersOf(1)
  const [client] = clients as [Client]
  for (let i = 0; i < 100; i++) {
    client.writableLength = i % 20 === 0 ? 0 : 1
    subscribers.send(
      () => '',
      () => ''
    )
  }
  t.notOk(client.destroyed)
})

t.test('the end is sent to all, and who does not read it is disconnected', async (t) => {
  const { subscribers, clients } = subscribersOf(2)
  const [quick, slow] = clients as [Client, Client]
  slow.isSlow = true
  subscribers.end('good bye')
  t.same(quick.heard, ['first', 'good bye'])
  t.ok(quick.ended)
  t.notOk(slow.destroyed, 'it has a moment')
  await new Promise((resolve) => slow.once('close', resolve))
  t.ok(slow.destroyed)
  t.equal(subscribers.size, 0)
})
