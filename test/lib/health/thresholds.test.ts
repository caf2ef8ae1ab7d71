import t from 'tap'
import { Flapping } from '../../../lib/health/flapping.js'
import { applyCheck, isTransitional } from '../../../lib/health/thresholds.js'
import type { Backend, CheckResult } from '../../../lib/pool/backend.js'
import { BackendCell } from '../../../lib/pool/cells.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { registryOf } from '../../support/registry.js'

// Thresholds of checks

const AT = new Date('2026-01-01T00:00:00Z')
const PASS = { at: AT, ok: true, result: 'status 200', latencyMs: 1 }
const FAIL = { at: AT, ok: false, result: 'status 500', latencyMs: 2 }
const THRESHOLDS = { rise: 2, fall: 3 }

interface Subject {
  readonly registry: Registry
  readonly backend: Backend
  /** Applies checks in the order written, `+` for a pass, `-` for a failure, and returns the state after each. */
  readonly after: (checks: string) => string
}

function subject(initialState: 'checking' | 'healthy', thresholds = THRESHOLDS): Subject {
  const registry = registryOf('a:80 b:80', { initialState })
  const backend = registry.backends[0]!
  const after = (checks: string) =>
    [...checks]
      .map((check) => {
        applyCheck(registry, backend, check === '+' ? PASS : FAIL, thresholds)
        return { checking: '?', healthy: 'H', unhealthy: 'U' }[backend.state]
      })
      .join('')
  return { registry, backend, after }
}

t.test('the first check decides by itself', async (t) => {
  t.equal(subject('checking').after('+'), 'H')
  t.equal(subject('checking').after('-'), 'U')
})

t.test('a backend that failed its first check needs as many passes as any other', async (t) => {
  t.equal(subject('checking').after('-++'), 'UUH')
})

t.test('fall: only consecutive failures make a backend unhealthy', async (t) => {
  t.equal(subject('healthy').after('--+--+---'), 'HHHHHHHHU')
  t.equal(subject('healthy', { rise: 1, fall: 1 }).after('-+-'), 'UHU')
})

t.test('rise: only consecutive passes make a backend healthy', async (t) => {
  t.equal(subject('healthy').after('---+-+-++'), 'HHUUUUUUH')
  t.equal(subject('checking', { rise: 3, fall: 1 }).after('-+++-'), 'UUUHU')
})

t.test('many passes before do not delay a fall', async (t) => {
  t.equal(
    subject('healthy')
      .after(`${'+'.repeat(50)}---`)
      .slice(-3),
    'HHU'
  )
})

t.test('the reason has the number of checks and the result of the last', async (t) => {
  const { backend, after } = subject('checking')
  after('+')
  t.equal(backend.reason, 'check passed: status 200')
  after('---')
  t.equal(backend.reason, '3 checks failed: status 500')
  after('++')
  t.equal(backend.reason, '2 checks passed: status 200')
})

t.test('the latest check is kept, whether it changed anything or not', async (t) => {
  const { registry, backend, after } = subject('healthy')
  t.equal(backend.lastCheck, undefined)
  after('-')
  t.same(backend.lastCheck, FAIL)
  after('+')
  t.same(backend.lastCheck, PASS)
  t.equal(registry.backends[1]!.lastCheck, undefined)
})

t.test('counts of consecutive checks', async (t) => {
  const { backend, after } = subject('healthy')
  const counts = () => [
    backend.counters.get(BackendCell.consecutiveSuccesses),
    backend.counters.get(BackendCell.consecutiveFailures)
  ]
  after('++')
  t.same(counts(), [2, 0])
  after('-')
  t.same(counts(), [0, 1])
  after('----')
  t.same(counts(), [0, 5])
  after('+')
  t.same(counts(), [1, 0])
})

t.test('each change of state is emitted once', async (t) => {
  const { registry, after } = subject('checking')
  const changes: string[] = []
  registry.on('state', ({ from, to }) => changes.push(`${from} → ${to}`))
  after('+++-----+++')
  t.same(changes, ['checking → healthy', 'healthy → unhealthy', 'unhealthy → healthy'])
})

t.test('a state is transitional when the next check may change it', async (t) => {
  for (const [checks, inDoubt] of [
    ['', false],
    ['+', false],
    ['-', true],
    ['--', true],
    ['--+', false],
    ['---', false],
    ['----', false],
    ['---+', true],
    ['---+-', false],
    ['---++', false]
  ] as const) {
    const { backend, after } = subject('healthy')
    after(checks)
    t.equal(isTransitional(backend), inDoubt, `after "${checks}"`)
  }
})

t.test('a backend that a failed request made unhealthy needs all passes of rise', async (t) => {
  const { registry, backend, after } = subject('healthy')
  after('+++++')
  registry.reportFailure(backend, 'LB_BACKEND_UNREACHABLE', 'connection refused', true)
  t.equal(after('+-++'), 'UUUH')
})

t.test('a flapping backend needs as many passes as its damping says', async (t) => {
  const { registry, backend } = subject('healthy')
  const pass = () => applyCheck(registry, backend, PASS, THRESHOLDS, { passesNeeded: (rise) => 2 * rise })
  registry.setState(backend, 'unhealthy', 'connection refused')
  const seen = Array.from({ length: 4 }, () => {
    pass()
    return [backend.state, backend.reason]
  })
  const heldBack = ['unhealthy', 'flapping, held back until 4 checks in a row pass']
  t.same(seen, [
    ['unhealthy', 'connection refused'],
    heldBack,
    heldBack,
    ['healthy', '4 checks passed after flapping: status 200']
  ])
})

t.test('a flapping backend that fails a check has the failure as its reason', async (t) => {
  const { registry, backend } = subject('healthy')
  const apply = (check: CheckResult) =>
    applyCheck(registry, backend, check, THRESHOLDS, { passesNeeded: (rise) => 2 * rise })
  registry.setState(backend, 'unhealthy', 'connection refused')
  for (const check of [PASS, FAIL]) apply(check)
  t.equal(backend.reason, 'connection refused', 'it was not held back')
  for (const check of [PASS, PASS, PASS, FAIL]) apply(check)
  t.equal(backend.reason, 'check failed: status 500')
})

t.test('a flapping backend is not held back while no other is left', async (t) => {
  const { registry, backend } = subject('healthy')
  const pass = () => applyCheck(registry, backend, PASS, THRESHOLDS, { passesNeeded: (rise) => 4 * rise })
  for (const each of registry.backends) registry.setState(each, 'unhealthy', 'connection refused')
  pass()
  t.equal(backend.state, 'unhealthy', 'it has to rise like any other')
  pass()
  t.equal(backend.state, 'healthy')
  t.equal(backend.reason, '2 checks passed, flapping but no other is left: status 200')
})

t.test('a first check is never held back', async (t) => {
  const { registry, backend } = subject('checking')
  applyCheck(registry, backend, PASS, THRESHOLDS, { passesNeeded: () => 60 })
  t.equal(backend.reason, 'check passed: status 200')
})

t.test('a health set by hand stays, with its reason, whatever the checks say', async (t) => {
  const { registry, backend, after } = subject('healthy')
  registry.force(backend, 'unhealthy', 'set by hand')
  t.equal(after('+++'), 'UUU')
  const held = { passesNeeded: () => 10 }
  applyCheck(registry, backend, PASS, THRESHOLDS, held)
  applyCheck(registry, backend, FAIL, THRESHOLDS, held)
  t.equal(backend.reason, 'set by hand')
  registry.force(backend, 'healthy', 'set by hand')
  t.equal(after('-----'), 'HHHHH')
  registry.force(backend, undefined, 'set by hand')
  t.equal(after('-'), 'U', 'and is left to the checks again, with what they have counted')
})

// Flapping

const MINUTE_MS = 60_000

/** A backend's history, on a clock that the test sets. */
function history(periodMs = 5000) {
  let nowMs = 1000
  const flapping = new Flapping(periodMs, () => nowMs)
  return {
    flapping,
    /** Lets time pass, then the backend goes out; returns what brings it back, where two passes do for others. */
    fallAfter: (ms: number) => {
      nowMs += ms
      flapping.recordFall()
      return flapping.passesNeeded(2)
    },
    passesAfter: (ms: number) => {
      nowMs += ms
      return flapping.passesNeeded(2)
    }
  }
}

t.test('without falls a backend needs the passes of rise', async (t) => {
  const { flapping } = history()
  t.equal(flapping.passesNeeded(2), 2)
  t.equal(flapping.passesNeeded(100), 100)
})

t.test(
  'the third fall within a minute doubles the passes, and so does each further one, up to a bound',
  async (t) => {
    const { fallAfter } = history()
    const needed = Array.from({ length: 10 }, () => fallAfter(10_000))
    t.same(needed, [2, 2, 4, 8, 16, 32, 60, 60, 60, 60])
  }
)

t.test('the passes needed have an upper bound, unless rise is above it', async (t) => {
  const { flapping, fallAfter } = history()
  for (let i = 0; i < 20; i++) fallAfter(1000)
  t.equal(flapping.passesNeeded(1), 60)
  t.equal(flapping.passesNeeded(100), 100)
})

t.test('rare falls are no flapping, however many there are', async (t) => {
  const { fallAfter } = history()
  for (let i = 0; i < 100; i++) t.equal(fallAfter(30_001), 2)
  t.equal(fallAfter(29_999), 2, 'a minute ago is not within a minute')
  t.equal(fallAfter(29_999), 4)
})

t.test('each minute without a fall halves the passes needed', async (t) => {
  const { fallAfter, passesAfter } = history()
  for (let i = 0; i < 6; i++) fallAfter(1000)
  t.equal(passesAfter(MINUTE_MS - 1), 32)
  t.equal(passesAfter(1), 16)
  t.equal(passesAfter(MINUTE_MS), 8)
  t.equal(passesAfter(MINUTE_MS), 4)
  t.equal(passesAfter(MINUTE_MS), 2)
  t.equal(passesAfter(100 * MINUTE_MS), 2)
})

t.test('a new fall doubles the passes that the quiet time left', async (t) => {
  const { fallAfter } = history()
  for (let i = 0; i < 5; i++) fallAfter(1000)
  t.equal(fallAfter(2 * MINUTE_MS), 8, 'halved twice, doubled once')
})

t.test('after enough quiet time rise is enough again', async (t) => {
  const { fallAfter } = history()
  for (let i = 0; i < 5; i++) fallAfter(1000)
  t.same([fallAfter(10 * MINUTE_MS), fallAfter(1000), fallAfter(1000)], [2, 2, 4])
})

t.test('with rare checks the window is twelve periods', async (t) => {
  const { fallAfter, passesAfter } = history(30_000)
  t.same([fallAfter(0), fallAfter(170_000), fallAfter(170_000)], [2, 2, 4])
  t.equal(passesAfter(359_999), 4)
  t.equal(passesAfter(1), 2)
})
