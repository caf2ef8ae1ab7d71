import t from 'tap'
import { statisticsSchema } from '../../routes/lb/stats-schema.js'
import { part } from '../support/page-part.js'

const AT = 1_700_000_000_000

/** What the stream says of a backend. */
function view(over: object = {}) {
  return {
    pool: 'default',
    id: 0,
    address: 'a:80',
    state: 'healthy',
    reason: 'check passed',
    changes: [{ at: AT - 60_000, to: 'healthy', reason: 'check passed' }],
    total: 0,
    failed: 0,
    responses: { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 },
    latency: { count: 0, sumMs: 0 },
    bytes: { received: 0, sent: 0 },
    ...over
  }
}

t.test('a backend’s rates are those of its last seconds', async (t) => {
  const { Backend } = await part('backend.js')
  const backend = new Backend(view({ total: 1000, failed: 5 }), AT)
  t.equal(backend.rate, null)
  t.equal(backend.errorShare, null)
  t.equal(backend.latencyMs, null)
  for (let second = 1; second <= 5; second++)
    backend.advance(
      view({
        total: 1000 + 20 * second,
        failed: 5 + (second > 3 ? 1 : 0),
        latency: { count: 20 * second, sumMs: 20 * second * 12 },
        bytes: { received: 500 * second, sent: 0 }
      }),
      AT + 1000 * second
    )
  t.equal(backend.rate, 20)
  t.equal(backend.errorShare, 1 / 100)
  t.equal(backend.latencyMs, 12)
  t.equal(backend.receivedRate, 500)
})

t.test(
  'one that is asked nothing has no latency, and one that fails what came before has errors',
  async (t) => {
    const { Backend } = await part('backend.js')
    const backend = new Backend(view(), AT)
    backend.advance(view({ failed: 2 }), AT + 1000)
    t.equal(backend.errorShare, 1)
    t.equal(backend.latencyMs, null)
  }
)

t.test('the state and its reason; of a flapping backend the latest reason', async (t) => {
  const { Backend } = await part('backend.js')
  const changes = [{ at: AT - 5000, to: 'draining', reason: 'set by hand' }]
  const backend = new Backend(view({ state: 'draining', changes }), AT)
  t.same([backend.since, backend.reason], [AT - 5000, 'set by hand'])
  backend.advance(
    view({
      state: 'unhealthy',
      reason: 'flapping',
      changes: [{ at: AT, to: 'unhealthy', reason: 'refused' }]
    }),
    AT
  )
  t.equal(backend.reason, 'flapping')
})

/** What the stream says of a pool. */
const poolView = (name = 'default', over: object = {}) => ({ name, version: 'v', panic: false, ...over })

/** A first event, with these backends in these pools. */
const whole = (backends: object[], over: object = {}) => ({
  at: AT,
  startedAt: 'a',
  samples: [],
  pools: [poolView()],
  routes: [],
  backends,
  ...over
})

const NOTHING = { changed: [] }

/** A later event, that says nothing has changed unless it says otherwise. */
const tick = (over: object = {}) => ({
  at: AT + 1000,
  startedAt: 'a',
  sample: null,
  pools: NOTHING,
  routes: NOTHING,
  backends: NOTHING,
  ...over
})

t.test('changes between two events are announced, but not the first state', async (t) => {
  const { Model } = await part('model.js')
  const model = new Model()
  const b = view({ id: 1, address: 'b:80' })
  const c = view({ id: 2, address: 'c:80' })
  t.same(model.replace(whole([view(), b])), [])
  t.same(model.advance(tick()), [])
  const change = { pool: 'default', id: 0, state: 'unhealthy', reason: 'refused' }
  t.same(model.advance(tick({ backends: { keys: ['default/0', 'default/2'], changed: [change, c] } })), [
    'a:80 is unhealthy: refused',
    'c:80 has joined',
    'b:80 has left'
  ])
  t.equal(model.healthyCount, 1)
  t.same(model.replace(whole([view(), c])), ['a:80 is healthy: check passed'])
  t.same(
    model.replace(whole([view({ state: 'unhealthy' })], { startedAt: 'b' })),
    [],
    'another process is another story'
  )
})

t.test('where there are several pools, announcements name them', async (t) => {
  const { Model } = await part('model.js')
  const { poolsAlarm } = await part('pool.js')
  const model = new Model()
  const pools = ['web', 'api', 'empty'].map((name) => poolView(name, { version: `v-${name}` }))
  model.replace(whole([view({ pool: 'web' }), view({ pool: 'api' })], { pools }))
  t.same(model.versions, { web: 'v-web', api: 'v-api', empty: 'v-empty' })
  t.equal(poolsAlarm(model.pools), 'Pool empty has no healthy backend: requests are answered 503.')
  const change = { pool: 'api', id: 0, state: 'ejected', reason: 'check passed' }
  t.same(
    model.advance(
      tick({
        pools: { changed: [{ name: 'api', panic: true, version: 'w' }] },
        backends: { changed: [change] }
      })
    ),
    ['a:80 of pool api is ejected: check passed']
  )
  t.equal(model.versions.api, 'w')
  t.same(
    [...model.pools.values()].map(({ name, healthyCount, outcome }) => [name, healthyCount, outcome]),
    [
      ['web', 1, ''],
      ['api', 0, 'requests go to unhealthy ones'],
      ['empty', 0, 'requests are answered 503']
    ]
  )
  const keys = ['empty', 'web', 'next', 'api']
  model.advance(tick({ pools: { keys, changed: [poolView('next')] } }))
  t.same([...model.pools.keys()], keys, 'in their new order')
  model.advance(tick({ pools: { keys: ['web'], changed: [] }, backends: { keys: ['web/0'], changed: [] } }))
  t.notOk(model.hasPools)
  t.equal(poolsAlarm(model.pools), '')
})

t.test('of many pools in trouble some are named', async (t) => {
  const { Model } = await part('model.js')
  const { poolsAlarm } = await part('pool.js')
  const model = new Model()
  const pools = ['a', 'b', 'c', 'd', 'e'].map((name) => poolView(name))
  model.replace(whole([view({ pool: 'a' })], { pools }))
  t.equal(poolsAlarm(model.pools), '4 pools have no healthy backend: b, c, d and 1 more.')
})

t.test('a change of a field within another leaves its neighbours', async (t) => {
  const { Model } = await part('model.js')
  const model = new Model()
  model.replace(whole([view({ lastCheck: null })]))
  const [backend] = model.backends.values()
  const change = (fields: object) =>
    model.advance(tick({ backends: { changed: [{ pool: 'default', id: 0, ...fields }] } }))
  change({ responses: { '2xx': 5 }, lastCheck: { ok: true, result: 'status 200' } })
  t.match(backend.view, { responses: { '2xx': 5, '5xx': 0 }, lastCheck: { ok: true }, address: 'a:80' })
  change({ lastCheck: { result: 'status 204' } })
  t.same(backend.view.lastCheck, { ok: true, result: 'status 204' })
  change({ lastCheck: null })
  t.equal(backend.view.lastCheck, null)
})

t.test('a route’s rate is that of five seconds, its shares are those of a minute', async (t) => {
  const { Route } = await part('route.js')
  const route = new Route({ name: 'r', counts: [0, 0, 100, 0, 7, 0] }, AT)
  t.same([route.rate, route.share('4xx'), route.total], [null, null, 107])
  let { view } = route
  const pass = (from: number, to: number, counts?: (second: number) => number[]) => {
    for (let second = from; second <= to; second++) {
      if (counts) view = { ...view, counts: counts(second) }
      route.advance(view, AT + 1000 * second + (second % 2 ? 90 : 0))
    }
  }
  pass(1, 20, (second) => [0, 0, 100 + 8 * second, 0, 7 + second, second])
  t.ok(Math.abs(route.rate - 10) < 0.3, `${route.rate}`)
  t.same([route.share('4xx'), route.share('5xx')], [0.1, 0.1])
  pass(21, 24)
  t.ok(route.rate > 0)
  pass(25, 26)
  t.equal(route.rate, 0, 'nothing has come for five seconds')
  t.equal(route.share('5xx'), 0.1)
  pass(27, 79)
  t.ok(route.share('5xx') > 0)
  pass(80, 82)
  t.equal(route.share('5xx'), null, 'nor for a minute')
  t.equal(route.total, 307)
})

t.test('what of a search is closed is forgotten with it', async (t) => {
  const { Folds } = await part('folds.js')
  const folds = new Folds()
  folds.begin(3)
  t.ok(folds.isOpen('web'))
  folds.set(['web'], false)
  folds.search(true)
  t.ok(folds.isOpen('web'), 'what is found is open')
  folds.set(['web', 'api'], false)
  t.notOk(folds.isOpen('api'))
  folds.search(true)
  t.ok(folds.isOpen('api'))
  folds.search(false)
  t.same([folds.isOpen('web'), folds.isOpen('api')], [false, true])
  folds.begin(11)
  t.notOk(folds.isOpen('api'), 'of many all are closed at first')
})

t.test('it keeps five minutes', async (t) => {
  const { Model } = await part('model.js')
  const model = new Model()
  model.replace(whole([], { samples: Array.from({ length: 300 }, (_, i) => ({ at: i })) }))
  model.advance(tick({ sample: { at: 300 } }))
  t.equal(model.samples.length, 300)
  t.same([model.samples[0].at, model.samples.at(-1).at], [1, 300])
})

t.test('each reason to reject a request has words of its own', async (t) => {
  const { refusals } = await part('totals.js')
  const { requests } = statisticsSchema.properties as { requests: { properties: { rejected: object } } }
  const { properties } = requests.properties.rejected as { properties: object }
  const reasons = Object.keys(properties)
  t.ok(reasons.includes('noRoute'))
  for (const reason of reasons) t.notMatch(refusals({ [reason]: 1 }), /[a-z][A-Z]/, reason)
})
