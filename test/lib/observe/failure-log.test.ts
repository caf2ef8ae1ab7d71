import { mock } from 'node:test'
import t from 'tap'
import { FailureLog } from '../../../lib/observe/failure-log.js'
import type { BackendFailure } from '../../../lib/pool/registry-events.js'
import { registryOf } from '../../support/registry.js'

const [a, b] = registryOf('a:80 b:80').backends
const REFUSED = { backend: a!, code: 'LB_BACKEND_UNREACHABLE', detail: 'connection refused' }
const RESET = { backend: a!, code: 'LB_CONNECTION_LOST', detail: 'connection reset' }
const CLOSED = { backend: a!, code: 'LB_CONNECTION_LOST', detail: 'connection closed' }
const REFUSED_BY_B = { ...REFUSED, backend: b! }

interface Line {
  readonly failure: BackendFailure
  readonly repeats: number
}

t.beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
t.afterEach(() => mock.timers.reset())

function logOf() {
  const lines: Line[] = []
  const log = new FailureLog((failure, repeats) => lines.push({ failure, repeats }))
  return { log, lines }
}

t.test('the first failure is written at once', async (t) => {
  const { log, lines } = logOf()
  log.record(REFUSED)
  t.same(lines, [{ failure: REFUSED, repeats: 1 }])
})

t.test('those that follow within a second come as one line with their count', async (t) => {
  const { log, lines } = logOf()
  for (let i = 0; i < 1001; i++) log.record(REFUSED)
  mock.timers.tick(999)
  log.record(REFUSED)
  t.equal(lines.length, 1)
  mock.timers.tick(1)
  t.same(lines.slice(1), [{ failure: REFUSED, repeats: 1001 }])
})

t.test('nothing more is said of a failure that came once', async (t) => {
  const { log, lines } = logOf()
  log.record(REFUSED)
  mock.timers.tick(10_000)
  t.equal(lines.length, 1)
})

t.test('after the second the next one is written at once again', async (t) => {
  const { log, lines } = logOf()
  log.record(REFUSED)
  log.record(REFUSED)
  mock.timers.tick(1000)
  log.record(REFUSED)
  t.same(
    lines.map(({ repeats }) => repeats),
    [1, 1, 1]
  )
  mock.timers.tick(1000)
  t.equal(lines.length, 3)
})

t.test('another backend, code or detail is another failure', async (t) => {
  const { log, lines } = logOf()
  for (const failure of [REFUSED, RESET, CLOSED, REFUSED_BY_B, REFUSED, REFUSED_BY_B]) log.record(failure)
  t.same(
    lines.map(({ failure }) => failure),
    [REFUSED, RESET, CLOSED, REFUSED_BY_B]
  )
  mock.timers.tick(1000)
  t.same(lines.slice(4), [
    { failure: REFUSED, repeats: 1 },
    { failure: REFUSED_BY_B, repeats: 1 }
  ])
})

t.test('flush writes what is held back, once', async (t) => {
  const { log, lines } = logOf()
  for (let i = 0; i < 4; i++) log.record(REFUSED)
  log.record(RESET)
  log.flush()
  t.same(lines.slice(2), [{ failure: REFUSED, repeats: 3 }])
  log.flush()
  mock.timers.tick(5000)
  t.equal(lines.length, 3)
})
