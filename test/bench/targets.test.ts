import { test } from 'tap'

import type { Sample, SettingResult } from '../../bench/figures'
import { describeVerdict, judge, targetPeers, targetSettings } from '../../bench/targets'

interface Cost {
  cpuMicroseconds: number
  bytes?: number
  failed?: number
}

function sampleOf(peer: string, { cpuMicroseconds, bytes = 1_000_000, failed = 0 }: Cost): Sample {
  return {
    peer,
    round: 0,
    report: {
      requests: 1000,
      bytes,
      durationMicroseconds: 1_000_000,
      p50Microseconds: 1,
      p99Microseconds: 1,
      failures: { connect: 0, read: 0, write: 0, timeout: 0, status: failed }
    },
    cpu: { userMicroseconds: cpuMicroseconds, systemMicroseconds: 0 },
    residentKilobytes: 1
  }
}

function resultsWith(fairlead: Cost, peers = targetPeers): SettingResult[] {
  const costs: Record<string, Cost> = {
    fairlead,
    nginx: { cpuMicroseconds: 10_000 },
    'reply-from': { cpuMicroseconds: 50_000 }
  }
  return targetSettings.map((setting) => ({
    setting,
    samples: peers.map((peer) => sampleOf(peer, costs[peer]!))
  }))
}

test('all targets are met by a proxy within them', async (t) => {
  t.same(
    judge(resultsWith({ cpuMicroseconds: 27_000 })).map(({ met }) => met),
    [true, true, true, true, true]
  )
})

test('cost, throughput and failures each miss their own target', async (t) => {
  const missed = (fairlead: Cost) =>
    judge(resultsWith(fairlead)).flatMap(({ met }, index) => (met ? [] : [index]))
  t.same(missed({ cpuMicroseconds: 30_000 }), [0])
  t.same(missed({ cpuMicroseconds: 33_000 }), [0, 1, 2])
  t.same(missed({ cpuMicroseconds: 20_000, bytes: 600_000 }), [3])
  t.same(missed({ cpuMicroseconds: 20_000, failed: 1 }), [4])
})

test('what could not be measured is not met', async (t) => {
  const verdicts = judge(resultsWith({ cpuMicroseconds: 20_000 }, ['fairlead', 'reply-from']))
  t.same(
    verdicts.map(({ met }) => met),
    [false, true, false, false, true]
  )
  t.match(describeVerdict(verdicts[0]!), /^- MISSED: .*nginx.*\(not measured\)$/)
  t.equal(
    judge(resultsWith({ cpuMicroseconds: 1 }, ['nginx'])).some(({ met }) => met),
    false
  )
})
