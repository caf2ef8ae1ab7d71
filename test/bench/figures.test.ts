import { test } from 'tap'

import { cpuPerRequest, figuresOf, median, megabytesPerSecond, ratio, type Sample } from '../../bench/figures'
import { rotated } from '../../bench/rounds'

const setting = { connections: 64, bodyBytes: 33 }

function sample(peer: string, round: number, cpuMicroseconds: number, requests = 1000, failed = 0): Sample {
  return {
    peer,
    round,
    report: {
      requests,
      bytes: requests * 1000,
      durationMicroseconds: 2_000_000,
      p50Microseconds: 1500,
      p99Microseconds: 9000,
      failures: { connect: 0, read: failed, write: 0, timeout: 0, status: 0 }
    },
    cpu: { userMicroseconds: cpuMicroseconds * 0.75, systemMicroseconds: cpuMicroseconds * 0.25 },
    residentKilobytes: 2048
  }
}

test('the median of an even count is the mean of the middle two', async (t) => {
  t.equal(median([9, 1, 5]), 5)
  t.equal(median([9, 1, 5, 3]), 4)
  t.ok(Number.isNaN(median([])))
})

test('figures are medians over the rounds, failures their sum', async (t) => {
  const samples = [sample('a', 0, 10_000, 1000, 1), sample('a', 1, 90_000, 1000, 2), sample('a', 2, 20_000)]
  t.same(figuresOf({ setting, samples }, 'a'), {
    peer: 'a',
    requestsPerSecond: 500,
    megabytesPerSecond: 0.5,
    p50Milliseconds: 1.5,
    p99Milliseconds: 9,
    failedRequests: 3,
    cpuMicrosecondsPerRequest: 20,
    userMicrosecondsPerRequest: 15,
    systemMicrosecondsPerRequest: 5,
    cpuMicrosecondsPerMegabyte: 20_000,
    residentMegabytes: 2
  })
  t.equal(figuresOf({ setting, samples }, 'b'), undefined)
})

test('a ratio compares within each round, so noise that hits both alike cancels out', async (t) => {
  const samples = [
    ...[10_000, 100_000, 30_000].map((cpu, round) => sample('nginx', round, cpu)),
    ...[20_000, 300_000, 60_000].map((cpu, round) => sample('fairlead', round, cpu))
  ]
  t.equal(ratio({ setting, samples }, cpuPerRequest, 'fairlead', 'nginx'), 2)
  t.equal(ratio({ setting, samples }, megabytesPerSecond, 'fairlead', 'nginx'), 1)
})

test('without a round in common there is no ratio', async (t) => {
  const samples = [sample('nginx', 0, 1), sample('fairlead', 1, 2)]
  t.equal(ratio({ setting, samples }, cpuPerRequest, 'fairlead', 'nginx'), undefined)
  t.equal(ratio({ setting, samples }, cpuPerRequest, 'fairlead', 'reply-from'), undefined)
})

test('every round begins with another proxy', async (t) => {
  t.same(
    [0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join('')),
    ['abc', 'bca', 'cab', 'abc']
  )
  t.same(rotated([], 2), [])
})
