import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'tap'
import type { Experiment } from '../../chaos/experiment.js'
import { faults } from '../../chaos/faults.js'
import { figuresOf, quantile } from '../../chaos/figures.js'
import { ResponseReader } from '../../chaos/load/response-reader.js'
import { readOptions } from '../../chaos/options.js'
import { quickPhases, wholePhases } from '../../chaos/phases.js'
import { page } from '../../chaos/plot.js'
import { describeFault } from '../../chaos/table.js'
import { describeVerdict, judge } from '../../chaos/targets.js'
import { timelineOf } from '../../chaos/timeline.js'
import { refusal } from '../support/exit.js'
import { plainNode } from '../support/processes.js'
import { type Row, recordingOf } from './recording.js'

const run = path.join(__dirname, '../../chaos/run.js')

test('without arguments every proxy meets every fault', async (t) => {
  const options = readOptions([])
  t.same(options.only, ['fairlead', 'defaults', 'nginx', 'haproxy', 'caddy', 'reply-from'])
  t.ok(
    ['kill', 'rolling', 'frozen', 'slow', 'fast-500', 'reset', 'refused', 'flapping', 'all-down'].every(
      (name) => options.faults.includes(name)
    )
  )
  t.match(options, { connections: 32, rate: undefined, check: false, timing: wholePhases })
})

test('every option is read', async (t) => {
  t.match(
    readOptions([
      '--only',
      'fairlead, nginx',
      '--faults',
      'kill',
      '--connections',
      '8',
      '--rate',
      '500',
      '--quick'
    ]),
    { only: ['fairlead', 'nginx'], faults: ['kill'], connections: 8, rate: 500, timing: quickPhases }
  )
  t.match(readOptions(['--check']), { check: true })
})

test('what makes no sense is refused', async (t) => {
  for (const wrong of [
    ['--only', 'apache'],
    ['--faults', 'kill,flood'],
    ['--connections', '0'],
    ['--rate', '1.5'],
    ['--rate', '20001'],
    ['--check', '--quick']
  ]) {
    const { status, stderr } = refusal(() => readOptions(wrong))
    t.equal(status, 1, wrong.join(' '))
    t.match(stderr, /^error: /)
  }
  const { status, stderr } = spawnSync(...plainNode([run, '--only', 'apache']), { encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, /^error: /)
})

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

const kill = faults.find(({ name }) => name === 'kill')!

function experiment(peer: string, fault: string, rows: Row[] = []): Experiment {
  const recording = recordingOf([[1500, 10, 'ok', 1], [2500, 12.34, 'ok', 1], ...rows])
  const timeline = timelineOf(recording.samples, recording.moments, 2)
  return { peer, fault, died: false, figures: figuresOf(recording), timeline }
}

const cut: Row = [3500, 20, 'cut', -1]

test('a fault is a table of proxies, with the kinds of failures below', async (t) => {
  const lines = describeFault(kill, [
    experiment('fairlead', 'kill'),
    experiment('nginx', 'kill', [cut])
  ]).split('\n')
  t.equal(lines[0], '### kill: SIGKILL of one, and its restart')
  t.match(lines[2], /proxy .* requests .* failed /)
  t.match(lines[4], /^\| fairlead +\| +2 \| +0 \| +0 % \| +0 \| +12\.3 \| /)
  t.match(lines[5], /^\| nginx +\| +3 \| +1 \| +100\.00 % \| /)
  t.same(lines.slice(6), ['', '- nginx: 1 cut'])
})

test('a proxy that ended is said to have', async (t) => {
  t.match(
    describeFault(kill, [{ ...experiment('nginx', 'kill'), died: true }]),
    /- nginx: the proxy itself ended$/
  )
})

test('targets are judged for the faults that ran, and failures against the best peer', async (t) => {
  const verdicts = judge([
    experiment('fairlead', 'kill', [cut]),
    experiment('nginx', 'kill'),
    experiment('caddy', 'kill', [cut, cut])
  ])
  t.same(verdicts.map(describeVerdict), [
    '- MISSED: kill: no request fails (1)',
    '- MISSED: kill: no more failed requests than the best peer, nginx with 0 (1)'
  ])
  t.same(
    judge([experiment('fairlead', 'kill'), experiment('nginx', 'kill')]).map(({ met }) => met),
    [true, true]
  )
})

test('a peer that died is no yardstick, and without peers only the targets count', async (t) => {
  const ours = experiment('fairlead', 'reset', [cut])
  t.same(judge([ours]), [])
  t.same(judge([ours, { ...experiment('nginx', 'reset'), died: true }]), [])
})

test('a target that could not be measured is missed', async (t) => {
  const [share] = judge([experiment('fairlead', 'slow')])
  t.match(share, { value: undefined, met: false })
})

test('the page holds a plot for each experiment, and needs nothing from elsewhere', async (t) => {
  const html = page(
    [kill],
    [experiment('fairlead', 'kill'), experiment('nginx', 'kill', [cut])],
    ['a <fact>']
  )
  t.equal(html.match(/<svg /g)?.length, 2)
  t.notMatch(html, /(src|href)=|url\(|NaN|undefined/)
  t.match(html, 'a &lt;fact&gt;')
  // The failed request: in the 25th of 50 bins, and it is the tallest bar there.
  t.match(html, /<path fill="#dc2626" d="M130 0h5.2v90h-5.2z"\/>/)
  t.match(html, '1 of 3 failed, 0 waited over 1 s')
})

const fixed = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Backend: 2\r\nx-target: /r/7\r\n\r\nhello'

/** Whether the reader says after each part that the response is complete. */
function read(reader: ResponseReader, ...parts: string[]): boolean[] {
  return parts.map((part) => reader.push(Buffer.from(part)))
}

test('a response with a length, and what its fields say', async (t) => {
  const reader = new ResponseReader()
  t.same(read(reader, fixed), [true])
  t.match(reader, { status: 200, backend: 2, target: '/r/7', keepsAlive: true })
})

test('wherever it is cut into parts', async (t) => {
  const chunked =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n'
  for (const whole of [fixed, chunked]) {
    for (let at = 1; at < whole.length; at++) {
      const reader = new ResponseReader()
      t.same(read(reader, whole.slice(0, at), whole.slice(at)), [false, true], `cut at ${at}`)
    }
    t.same(read(new ResponseReader(), ...whole).indexOf(true), whole.length - 1)
  }
})

test('one after another on the same connection, without remains of the last', async (t) => {
  const reader = new ResponseReader()
  read(reader, fixed)
  reader.reset()
  t.same(read(reader, 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'), [true])
  t.match(reader, { status: 503, backend: -1, target: '' })
})

test('interim responses are passed over, and some responses have no body', async (t) => {
  const reader = new ResponseReader()
  t.same(read(reader, 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'), [
    false,
    true
  ])
  t.equal(reader.status, 204)
})

test('the end of the connection completes only a body that has no other end', async (t) => {
  const untilClose = new ResponseReader()
  t.same(read(untilClose, 'HTTP/1.1 200 OK\r\n\r\n', 'some'), [false, false])
  t.ok(untilClose.end())
  t.notOk(untilClose.keepsAlive)
  for (const cut of ['', 'HTTP/1.1 200 OK\r\n', fixed.slice(0, -1)]) {
    const reader = new ResponseReader()
    if (cut) read(reader, cut)
    t.notOk(reader.end(), `cut after ${cut.length} bytes`)
  }
})

test('a connection is kept as HTTP/1.1 and 1.0 say', async (t) => {
  const keeps = (version: string, connection: string) => {
    const reader = new ResponseReader()
    read(reader, `HTTP/${version} 200 OK\r\n${connection}content-length: 0\r\n\r\n`)
    return reader.keepsAlive
  }
  t.same([keeps('1.1', ''), keeps('1.1', 'Connection: Close\r\n')], [true, false])
  t.same([keeps('1.0', ''), keeps('1.0', 'connection: keep-alive\r\n')], [false, true])
})

test('what is no response, no chunk, or more than one response, is refused', async (t) => {
  t.throws(() => read(new ResponseReader(), 'SSH-2.0-x\r\n\r\n'))
  t.throws(() => read(new ResponseReader(), 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n'))
  t.throws(() => read(new ResponseReader(), `${fixed}${fixed}`))
})

test('a quick run with one fault ends with figures and plots', {
  skip: process.platform !== 'linux'
}, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-chaos-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [json, html] = ['figures.json', 'plots.html'].map((name) => path.join(folder, name))
  const args = ['--only', 'defaults', '--faults', 'fast-500', '--quick', '--connections', '4']
  const { status, stdout, stderr } = spawnSync(
    ...plainNode([run, ...args, '--json', json!, '--html', html!]),
    { encoding: 'utf8', timeout: 60_000 }
  )
  t.equal(status, 0, stderr)
  t.match(stdout, /### fast-500: .*\n\n\| proxy .*\n.*\n\| defaults /)
  const { experiments } = JSON.parse(readFileSync(json!, 'utf8')) as { experiments: Experiment[] }
  t.equal(experiments.length, 1)
  const { figures, timeline, died } = experiments[0]!
  t.notOk(died)
  t.ok(figures.baseline.requests > 20, `${figures.baseline.requests} requests before the fault`)
  t.equal(figures.baseline.failed, 0)
  t.ok(figures.baseline.p50Ms >= 2, `p50 is ${figures.baseline.p50Ms} ms, and each backend takes 2`)
  // Nothing else fails, and the first of these cannot be foreseen.
  t.same(Object.keys(figures.failures), ['backend 5xx'])
  t.equal(timeline.answered.length, 4)
  t.match(readFileSync(html!, 'utf8'), '<svg ')
})
