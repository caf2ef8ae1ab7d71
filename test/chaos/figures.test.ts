import { test } from 'tap'

import { figuresOf, quantile } from '../../chaos/figures.js'
import { timelineOf } from '../../chaos/timeline.js'
import { type Row, recordingOf } from './recording.js'

test('quantiles are values that occurred', async (t) => {
  const sorted = Float64Array.from({ length: 100 }, (_, index) => index + 1)
  t.same(
    [0, 0.5, 0.99, 1].map((part) => quantile(sorted, part)),
    [1, 50, 99, 100]
  )
  t.equal(quantile(Float64Array.of(7), 0.5), 7)
  t.equal(quantile(new Float64Array(), 0.99), 0)
})

test('a request counts for the phase that it felt, and the warm-up for none', async (t) => {
  const { requests, baseline, fault, recovery } = figuresOf(
    recordingOf([
      [500, 10, 'cut', -1],
      [1100, 10, 'ok', 0],
      [1200, 30, 'ok', 1],
      // Started well, but ended in the fault.
      [1999, 1500, 'ok', 1],
      [2500, 40, 'balancer 5xx', -1],
      [4100, 5, 'ok', 0]
    ])
  )
  t.equal(requests, 5)
  t.match(baseline, { requests: 2, failed: 0, p50Ms: 10, p99Ms: 30, maxMs: 30, answeredPerSecond: 2 })
  t.match(fault, { requests: 2, failed: 1, maxMs: 1500, answeredPerSecond: 0.5 })
  t.match(recovery, { requests: 1, failed: 0, p99Ms: 5 })
})

test('failures are counted by kind, and apart once the proxy had time to notice', async (t) => {
  const figures = figuresOf(
    recordingOf([
      [1500, 10, 'ok', 0],
      [2100, 10, 'cut', -1],
      [2200, 10, 'backend 5xx', 0],
      [3100, 10, 'backend 5xx', 0],
      [3200, 10, 'ok', 1],
      [4100, 1200, 'ok', 1]
    ])
  )
  t.equal(figures.failed, 3)
  t.same(figures.failures, { cut: 1, 'backend 5xx': 2 })
  t.same(figures.settled, { requests: 2, failed: 1 })
  t.equal(figures.lastFailureMs, 1110)
  t.equal(figures.waitedOverSecond, 1)
  t.equal(figures.throughputKept, 0.5)
  t.equal(figures.p99Ratio, 1)
})

test('the share of the faulty backend is of what backends got, after the first second', async (t) => {
  const bin = (ms: number) => ms / 50
  const arrivals = [
    new Map([
      [bin(1500), 50],
      [bin(2100), 40],
      [bin(3500), 1],
      [bin(4000), 99]
    ]),
    new Map([
      [bin(2100), 10],
      [bin(3500), 3]
    ])
  ]
  t.match(figuresOf(recordingOf([], { arrivals })), { faultyShare: 0.25, lastGivenMs: 1550 })
  const uncounted = figuresOf(recordingOf([], { arrivals, sharesCount: false }))
  t.same([uncounted.faultyShare, uncounted.lastGivenMs], [undefined, undefined])
})

test('a backend has returned with its first answer, and wholly with its fair share', async (t) => {
  const rows: Row[] = [
    // Asked before the recovery, so it says nothing.
    [3990, 20, 'ok', 0],
    [4200, 10, 'ok', 0]
  ]
  for (let startMs = 4000; startMs < 5900; startMs += 10)
    rows.push([startMs, 5, 'ok', startMs < 5000 ? 1 : 0])
  const { firstReturnMs, fairReturnMs } = figuresOf(recordingOf(rows))
  t.equal(firstReturnMs, 210)
  // A window of half a second from 4705 on has two fifths (80 % of a half) of its answers from the faulty backend.
  t.ok(fairReturnMs! > 690 && fairReturnMs! < 720, `after ${fairReturnMs} ms`)
})

test('a backend that never returned has not', async (t) => {
  const rows: Row[] = []
  for (let startMs = 4000; startMs < 5900; startMs += 10) rows.push([startMs, 5, 'ok', 1])
  const { firstReturnMs, fairReturnMs, lastFailureMs } = figuresOf(recordingOf(rows))
  t.same([firstReturnMs, fairReturnMs, lastFailureMs], [undefined, undefined, undefined])
})

test('the timeline has every request since the baseline, by the time of its end', async (t) => {
  const { samples, moments } = recordingOf([
    [900, 50, 'ok', 0],
    [990, 20, 'ok', 0],
    [1050, 100, 'ok', 1],
    [1150, 10, 'cut', -1]
  ])
  const timeline = timelineOf(samples, moments, 2)
  t.equal(timeline.failed.length, 50)
  t.match(timeline, { binMs: 100, faultMs: 1000, recoveryMs: 3000 })
  t.same(
    [...timeline.answered, timeline.failed, timeline.longestMs].map((bins) => bins.slice(0, 2)),
    [
      [1, 0],
      [0, 1],
      [0, 1],
      [20, 100]
    ]
  )
})
