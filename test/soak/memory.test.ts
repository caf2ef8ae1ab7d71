import t from 'tap'
import { checkMemory, trendsOf } from '../../soak/report.js'
import { trendOf } from '../../soak/trend.js'
import { mibOf, type Sample } from '../../soak/watch.js'
import { seededRandom } from '../support/random.js'

const long = 10

/** A sample every 5 s for ten minutes. */
function samples(mib: (minute: number) => number): Sample[] {
  const rest = { anonymousMib: 0, inFlight: 0, queued: 0, retrying: 0, total: 0, openConnections: 0 }
  return Array.from({ length: 120 }, (_, i) => {
    const size = mib(i / 12)
    return { atMs: i * 5000, usedMib: size / 6, rssMib: size, ...rest }
  })
}

const isFlat = (mib: (minute: number) => number) =>
  checkMemory(trendsOf(samples(mib)), long).every(({ holds }) => holds)

t.test('a line and its error', async (t) => {
  const exact = trendOf([0, 1, 2, 3].map((x) => [x, 5 + 2 * x]))!
  t.same([exact.slope, exact.standardError], [2, 0])
  // By hand: residuals 0.1, -0.3, 0.3, -0.1 about a slope of 0.8, over a spread of 5.
  const rough = trendOf([
    [0, 0],
    [1, 0.4],
    [2, 1.8],
    [3, 2.2]
  ])!
  t.ok(Math.abs(rough.slope - 0.8) < 1e-9)
  t.ok(Math.abs(rough.standardError - Math.sqrt(0.2 / 2 / 5)) < 1e-9)
  // In waves, the errors are those of fewer points.
  const wave = (period: number) =>
    trendOf(Array.from({ length: 100 }, (_, x) => [x, Math.sin((2 * Math.PI * x) / period)]))!.standardError
  t.ok(wave(20) > 3 * wave(2.1))
  t.equal(trendOf([]), undefined)
  t.equal(trendOf([0, 1, 2].map((y) => [1, y])), undefined)
})

t.test('memory that rises is told from memory that does not', async (t) => {
  const random = seededRandom(1)
  const noise = () => 20 * (random() - 0.5)
  t.ok(
    isFlat(() => 100 + noise()),
    'the sawtooth of a collector'
  )
  t.ok(
    isFlat((minute) => 100 + noise() + Math.min(minute, 4) * 20),
    'a rise that ends with the warm-up'
  )
  t.ok(
    isFlat((minute) => 200 - 10 * minute + noise()),
    'a fall'
  )
  t.ok(
    isFlat((minute) => 100 + minute / 2),
    'half a MiB a minute'
  )
  t.notOk(
    isFlat((minute) => 100 + 2 * minute),
    'two a minute'
  )
  let level = 0
  const wandering = () => (level = 0.9 * level + noise() / 4)
  t.ok(
    isFlat(() => 100 + wandering()),
    'what goes up and down for minutes'
  )
  t.notOk(
    isFlat((minute) => 100 + 10 * minute + noise()),
    'ten a minute, amid noise'
  )
})

t.test('a short run does not judge', async (t) => {
  const trends = trendsOf(samples((minute) => 100 + 100 * minute))
  for (const check of checkMemory(trends, 0.5)) t.match(check, { holds: true, figures: /not judged/ })
  const none = { used: undefined, resident: undefined }
  t.ok(checkMemory(none, 0.5).every(({ holds }) => holds))
  t.notOk(checkMemory(none, long).some(({ holds }) => holds))
})

t.test('sizes are read as the kernel writes them', async (t) => {
  t.equal(mibOf('VmPeak:\t 9216 kB\nVmRSS:\t    2048 kB\nRssAnon:\t1024 kB\n', 'VmRSS'), 2)
  t.ok(Number.isNaN(mibOf('Name:\tnode\n', 'VmRSS')))
})
