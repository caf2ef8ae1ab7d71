import t from 'tap'
import { ConnectPace } from '../../../../lib/transport/http2/connect-pace.js'
import { RequestLimit } from '../../../../lib/transport/http2/request-limit.js'

t.test(
  'few connections are in the making at first, more while they are of use, and never many',
  async (t) => {
    const pace = new ConnectPace()
    t.equal(pace.atOnce, 4)
    pace.onUseful()
    t.equal(pace.atOnce, 5)
    for (let i = 0; i < 100; i++) pace.onUseful()
    t.equal(pace.atOnce, 16)
    t.notOk(pace.isPaused(0))
  }
)

t.test('where connections take nothing, fewer are made than 20 a second, until one is of use', async (t) => {
  const pace = new ConnectPace()
  for (let i = 0; i < 100; i++) pace.onUseful()
  const made: number[] = []
  for (let nowMs = 0; nowMs < 10_000; nowMs++) {
    if (pace.isPaused(nowMs)) continue
    made.push(nowMs)
    pace.onConnect(nowMs)
    pace.onUseless(nowMs)
    t.equal(pace.atOnce, 1)
  }
  for (const ms of made) {
    const count = made.filter((other) => other >= ms && other < ms + 1000).length
    if (count > 20) t.fail(`${count} a second`)
  }
  t.ok(made.length >= 25 && made.length < 60, `${made.length} in ten seconds`)
  pace.onUseful()
  t.notOk(pace.isPaused(10_000))
  t.equal(pace.atOnce, 2)
})

t.test('in doubt a connection is made only when the one before has had time to fail', async (t) => {
  const pace = new ConnectPace()
  pace.onUseless(0)
  t.notOk(pace.isPaused(0), 'one alone may have met a restart')
  pace.onConnect(0)
  t.ok(pace.isPaused(49))
  t.notOk(pace.isPaused(50))
})

t.test(
  'connections get as many requests as one has taken, until one answers all of them and goes on',
  async (t) => {
    const limit = new RequestLimit()
    limit.onAnswered(1_000_000)
    t.equal(limit.requests, Number.POSITIVE_INFINITY)
    limit.onRefused(5)
    t.equal(limit.requests, 5)
    limit.onAnswered(4)
    t.equal(limit.requests, 5)
    const steps = [5, 6, 8, 12].map((given) => {
      limit.onAnswered(given)
      return limit.requests
    })
    t.same(steps, [6, 8, 12, 20])
    limit.onRefused(3)
    limit.onAnswered(3)
    t.equal(limit.requests, 4, 'carefully again')
    limit.recover(performance.now() + 50_000)
    t.equal(limit.requests, 4)
    limit.recover(performance.now() + 60_000)
    t.equal(limit.requests, Number.POSITIVE_INFINITY)
  }
)
