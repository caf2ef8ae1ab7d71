import { test } from 'tap'

import { describeMemory, measureMemory } from '../../bench/memory'
import { fairlead } from '../../bench/peers/fairlead'
import { benchOf, options } from './brief-bench'

test('memory is measured idle, busy, with idle connections, and with slow readers', options, async (t) => {
  const bench = benchOf(t, [fairlead], ['--workload', 'memory'])
  const samples = await measureMemory(bench, bench.options.memory!, 200)
  t.same(
    samples.map(({ peer }) => peer),
    ['fairlead']
  )
  for (const sample of samples) {
    t.ok(sample.idle > 10_000)
    t.ok(sample.busy[3]! > 10_000)
    t.equal(sample.idleConnections, 200)
    // A client that reads nothing holds a buffer at least.
    t.ok(sample.perSlowReader > 8, `${sample.peer}: ${sample.perSlowReader}`)
  }
  t.match(describeMemory(samples), /3 busy, MiB .*\n.*\n\| fairlead .*\| +200 \|/)
})
