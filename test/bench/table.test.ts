import { test } from 'tap'

import type { SettingResult } from '../../bench/figures'
import { describeBytes, describeResult, markdownTable } from '../../bench/table'

const report = {
  requests: 1000,
  bytes: 5_000_000_000,
  durationMicroseconds: 1_000_000,
  p50Microseconds: 1234,
  p99Microseconds: 5678,
  failures: { connect: 0, read: 0, write: 0, timeout: 0, status: 0 }
}

function resultFor(bodyBytes: number): SettingResult {
  const rest = { round: 0, report, residentKilobytes: 51_200 }
  return {
    setting: { connections: 64, bodyBytes },
    samples: [
      { ...rest, peer: 'fairlead', cpu: { userMicroseconds: 20_000, systemMicroseconds: 10_000 } },
      { ...rest, peer: 'nginx', cpu: { userMicroseconds: 2_000, systemMicroseconds: 8_000 } }
    ]
  }
}

test('columns are as wide as their widest cell, figures to the right', async (t) => {
  const lines = markdownTable(
    ['proxy', 'CPU'],
    [
      ['nginx', '12.5'],
      ['reply-from', '7']
    ]
  ).split('\n')
  t.same(lines, [
    '| proxy      |  CPU |',
    '| ---------- | ---: |',
    '| nginx      | 12.5 |',
    '| reply-from |    7 |'
  ])
})

test('small bodies are shown by request, against both baselines', async (t) => {
  const [heading, , titles, , fairlead] = describeResult(resultFor(33), ['fairlead', 'nginx', 'go']).split(
    '\n'
  )
  t.equal(heading, '### 64 connections, bodies of 33 bytes')
  t.match(titles, /CPU µs\/request .* CPU ÷ nginx .* CPU ÷ reply-from/)
  t.match(
    fairlead,
    /fairlead +\| +1000 +\| +1.23 +\| +5.68 +\| +0 +\| +30.0 +\| +20.0 +\| +10.0 +\| +3.00 +\| +– +\| +50 /
  )
})

test('large bodies are shown by megabyte', async (t) => {
  const [, , titles, , fairlead] = describeResult(resultFor(10 * 1024 ** 2), ['fairlead', 'nginx']).split(
    '\n'
  )
  t.match(titles, /MB\/s .* CPU µs\/MB/)
  t.match(fairlead, /\| +5000 +\| +6 +\| +3.00 /)
})

test('a proxy that did not run has no row', async (t) => {
  t.equal(describeResult(resultFor(33), ['fairlead', 'go']).split('\n').length, 5)
})

test('sizes are written as the options are', async (t) => {
  t.same([33, 1024, 102_400, 10_485_760].map(describeBytes), ['33 bytes', '1k', '100k', '10m'])
})
