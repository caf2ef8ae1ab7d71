import t from 'tap'
import { Ejection } from '../../../lib/outliers/ejection.js'
import { OutlierDetector } from '../../../lib/outliers/outlier-detector.js'
import { UnresponsiveDetector } from '../../../lib/outliers/unresponsive-detector.js'
import type { Backend } from '../../../lib/pool/backend.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { registryOf, registryOfWeights } from '../../support/registry.js'

const STEP_MS = 50

/** Lets time pass, tick by tick. */
function pass(registry: Registry, ms: number): void {
  const endMs = registry.tickMs + ms
  while (registry.tickMs < endMs) registry.tick(registry.tickMs + STEP_MS)
}

function stage(count: number) {
  const registry = registryOfWeights(...Array.from({ length: count }, () => 1))
  const ejection = new Ejection(registry)
  const outlierDetector = new OutlierDetector(registry, ejection)
  registry.on('tick', () => {
    ejection.tick()
    outlierDetector.tick()
  })
  registry.tick(0)
  return { registry, ejection, outlierDetector, backends: registry.backends }
}

function answer(outlierDetector: OutlierDetector, backend: Backend, ...oks: boolean[]): void {
  for (const ok of oks) {
    backend.acquire()
    backend.release()
    if (ok) outlierDetector.onSuccess(backend)
    else outlierDetector.onError(backend)
  }
}

const times = (count: number, ok: boolean) => Array.from({ length: count }, () => ok)
const ejected = ({ backends }: Registry) => backends.filter((backend) => backend.ejected).map(({ id }) => id)

t.test('five errors in a row eject a backend, four and a success do not', async (t) => {
  const { registry, outlierDetector, backends } = stage(3)
  answer(outlierDetector, backends[1]!, ...times(4, false), true, ...times(4, false))
  t.same(ejected(registry), [])
  answer(outlierDetector, backends[1]!, false)
  t.same(ejected(registry), [1])
  t.equal(backends[1]!.status, 'ejected')
  t.notOk(backends[1]!.eligible)
})

t.test('an ejection ends after 10 s, and is twice as long each time', async (t) => {
  const { registry, outlierDetector, backends } = stage(3)
  for (const seconds of [10, 20, 40, 80, 160, 300, 300]) {
    answer(outlierDetector, backends[0]!, ...times(5, false))
    t.same(ejected(registry), [0])
    pass(registry, seconds * 1000 - STEP_MS)
    t.same(ejected(registry), [0], `still, just before ${seconds} s`)
    pass(registry, STEP_MS)
    t.same(ejected(registry), [], `not after ${seconds} s`)
  }
  pass(registry, 420_000)
  answer(outlierDetector, backends[0]!, ...times(5, false))
  pass(registry, 10_000)
  t.same(ejected(registry), [], 'a quiet time makes it short again')
})

t.test('at most half of the backends are ejected, and never the last eligible one', async (t) => {
  for (const [count, most] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2]
  ] as const) {
    const { registry, outlierDetector, backends } = stage(count)
    for (const backend of backends) answer(outlierDetector, backend, ...times(6, false))
    t.ok(ejected(registry).length <= most, `${ejected(registry)} of ${count}`)
  }
  const { registry, outlierDetector, backends } = stage(2)
  registry.setState(backends[1]!, 'unhealthy', 'test')
  answer(outlierDetector, backends[0]!, ...times(20, false))
  t.same(ejected(registry), [], 'the other one is unhealthy')
})

t.test('ejected backends are used again when no other is left', async (t) => {
  const { registry, outlierDetector, backends } = stage(3)
  answer(outlierDetector, backends[0]!, ...times(5, false))
  registry.setState(backends[1]!, 'unhealthy', 'test')
  pass(registry, STEP_MS)
  t.same(ejected(registry), [0], 'one is left')
  registry.setState(backends[2]!, 'unhealthy', 'test')
  pass(registry, STEP_MS)
  t.same(ejected(registry), [])
  t.ok(backends[0]!.eligible)
})

t.test('errors of all backends eject none', async (t) => {
  const { registry, outlierDetector, backends } = stage(3)
  for (let i = 0; i < 200; i++) for (const backend of backends) answer(outlierDetector, backend, i % 3 > 0)
  t.same(ejected(registry), [])
})

t.test('connections that break within a tick count once; further ones eject', async (t) => {
  const { registry, outlierDetector, backends } = stage(3)
  for (let i = 0; i < 50; i++) outlierDetector.onLoss(backends[0]!, true)
  t.same(ejected(registry), [], 'a process has ended')
  for (let i = 0; i < 4; i++) {
    pass(registry, STEP_MS)
    outlierDetector.onLoss(backends[0]!, true)
  }
  t.same(ejected(registry), [0])
})

t.test('breaks of new connections count one by one', async (t) => {
  const { registry, outlierDetector, backends } = stage(3)
  for (let i = 0; i < 50; i++) outlierDetector.onLoss(backends[0]!, false)
  t.same(ejected(registry), [], 'a process has ended, however new its connections were')
  pass(registry, STEP_MS)
  for (let i = 0; i < 4; i++) outlierDetector.onLoss(backends[0]!, false)
  t.same(ejected(registry), [0])
  outlierDetector.onLoss(backends[1]!, true)
  pass(registry, 60_000)
  for (let i = 0; i < 50; i++) outlierDetector.onLoss(backends[1]!, false)
  t.same(ejected(registry).includes(1), false, 'the one before was long ago')
})

t.test('an error rate far above that of the others ejects', async (t) => {
  const { registry, outlierDetector, backends } = stage(3)
  for (let i = 0; i < 100; i++) {
    for (const backend of backends) answer(outlierDetector, backend, backend.id !== 2 || i % 3 > 0)
  }
  t.same(ejected(registry), [2])
  const few = stage(3)
  for (let i = 0; i < 200; i++) {
    for (const backend of few.backends) answer(few.outlierDetector, backend, backend.id !== 2 || i % 10 > 0)
  }
  t.same(ejected(few.registry), [], 'one in ten does not')
})

t.test('errors count as load for a moment', async (t) => {
  const { registry, outlierDetector, backends } = stage(2)
  answer(outlierDetector, backends[0]!, false, true, false, true, false)
  t.equal(backends[0]!.load, 3)
  t.equal(backends[1]!.load, 0)
  pass(registry, 2 * STEP_MS)
  t.equal(backends[0]!.load, 0)
})

t.test('a silent backend is unresponsive when a check fails too, until it answers', async (t) => {
  const { registry, ejection, backends } = stage(2)
  let isWell = true
  let probes = 0
  const probe = async () => {
    probes++
    return isWell
  }
  const unresponsiveDetector = new UnresponsiveDetector(registry, ejection, { afterMs: 250, probe })
  registry.on('tick', () => unresponsiveDetector.tick())
  const wait = async (ms: number) => {
    for (let i = 0; i < ms / STEP_MS; i++) {
      pass(registry, STEP_MS)
      unresponsiveDetector.onLate(backends[0]!, registry.tickMs)
      await Promise.resolve()
    }
  }
  await wait(200)
  t.equal(probes, 0, 'not silent for long enough')
  await wait(300)
  t.equal(probes, 1)
  t.notOk(unresponsiveDetector.isUnresponsive(backends[0]!), 'it answers checks: the request just takes long')
  isWell = false
  await wait(1000)
  t.equal(probes, 2, 'one a second')
  t.ok(unresponsiveDetector.isUnresponsive(backends[0]!))
  t.same(ejected(registry), [0])
  pass(registry, 20_000)
  t.same(ejected(registry), [0], 'not for a time')
  backends[0]!.hasAnsweredSinceTick = true
  pass(registry, STEP_MS)
  t.same([unresponsiveDetector.isUnresponsive(backends[0]!), ejected(registry)], [false, []])
})

t.test('errors of an ejected backend that a panic uses do not extend its ejection', async (t) => {
  const registry = registryOf('a.test:80 b.test:80 c.test:80 d.test:80', { panic: true })
  const ejection = new Ejection(registry)
  const [first, ...others] = registry.backends
  ejection.eject(first!, 'test')
  for (const other of others) registry.setState(other, 'unhealthy', 'test')
  t.ok(registry.panicking)
  for (let i = 0; i < 5; i++) ejection.eject(first!, 'test')
  registry.on('tick', () => ejection.tick())
  pass(registry, 10_000)
  t.notOk(first!.ejected)
})

t.test('a reset ends an ejection and clears what led to it', async (t) => {
  const { registry, outlierDetector, backends } = stage(3)
  answer(outlierDetector, backends[1]!, ...times(5, false))
  t.same(ejected(registry), [1])
  registry.emit('reset', backends[1]!)
  t.same(ejected(registry), [])
  t.equal(backends[1]!.load, 0)
  answer(outlierDetector, backends[2]!, ...times(4, false))
  registry.emit('reset', backends[2]!)
  answer(outlierDetector, backends[2]!, ...times(4, false))
  t.same(ejected(registry), [], 'no five in a row')
  answer(outlierDetector, backends[1]!, ...times(5, false))
  pass(registry, 10_050)
  t.same(ejected(registry), [], 'as long as the first time')
})
