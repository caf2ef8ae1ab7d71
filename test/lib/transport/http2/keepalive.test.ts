import t from 'tap'
import { Keepalive } from '../../../../lib/transport/http2/keepalive.js'

t.test('a silent connection with streams gets a PING, and time to answer it', async (t) => {
  const keepalive = new Keepalive()
  const checks = (...timesS: number[]) => timesS.map((s) => keepalive.check(1000 * s, true))
  t.same(checks(1, 10.9, 11, 12, 30.9), ['alive', 'alive', 'ping', 'alive', 'alive'])
  keepalive.onReceived()
  keepalive.onStreamActivity()
  t.same(checks(31, 40.9, 41, 60.9, 61), ['alive', 'alive', 'ping', 'alive', 'dead'])
})

t.test('a long silent stream does not cause PING after PING', async (t) => {
  const keepalive = new Keepalive()
  const askedS: number[] = []
  for (let s = 1; s < 1000; s++) {
    const found = keepalive.check(1000 * s, true)
    if (found === 'ping') askedS.push(s)
    // It answers at once, without anything of a response.
    if (found === 'ping') keepalive.onReceived()
    t.not(found, 'dead')
  }
  t.same(askedS, [11, 321, 631, 941])
})

t.test('a connection without streams gets no PING', async (t) => {
  const keepalive = new Keepalive()
  t.same(
    [1000, 100_000].map((ms) => keepalive.check(ms, false)),
    ['alive', 'alive']
  )
  t.equal(keepalive.check(109_000, true), 'alive', 'counted from when it owed nothing')
  t.equal(keepalive.check(110_000, true), 'ping')
})

t.test('a late check sends a PING before the connection is dead', async (t) => {
  const keepalive = new Keepalive()
  t.same(
    [1000, 1_000_000].map((ms) => keepalive.check(ms, true)),
    ['alive', 'ping']
  )
  t.equal(keepalive.check(1_000_500, true), 'alive')
})
