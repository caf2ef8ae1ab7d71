import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import {
  countEstablishedIn,
  descendants,
  parseResidentKilobytes,
  parseStat,
  readCpuTime,
  readResidentKilobytes
} from '../../bench/accounting'
import { type Child, Children } from '../../bench/children'
import { firstVersion } from '../../bench/commands'
import { parseOpenFilesLimit } from '../../bench/environment'
import {
  cpuPerRequest,
  figuresOf,
  median,
  megabytesPerSecond,
  ratio,
  type Sample,
  type SettingResult
} from '../../bench/figures'
import { failedRequests, parseLoadReport } from '../../bench/load-report'
import { parseBytes, readOptions } from '../../bench/options'
import { fairleadBefore } from '../../bench/peers/fairlead'
import { rotated } from '../../bench/rounds'
import { describeBytes, describeResult, markdownTable } from '../../bench/table'
import { describeVerdict, judge, targetPeers, targetSettings } from '../../bench/targets'
import { plainNode } from '../support/processes.js'

const rest = '4194304 11 22 33 44 120 340 5 7 20 0 11 0 24000 1000000 2500'

function processStat(pid: number, parentPid: number) {
  return { pid, parentPid, userMicroseconds: 0, systemMicroseconds: 0 }
}

test('own time and that of reaped children add up, in microseconds', async (t) => {
  t.same(parseStat(`4242 (node) S 4000 4242 4242 0 -1 ${rest}`), {
    pid: 4242,
    parentPid: 4000,
    userMicroseconds: 1_250_000,
    systemMicroseconds: 3_470_000
  })
})

test('a command may contain spaces and parentheses', async (t) => {
  const stat = parseStat(`7 (nginx: worker (1) 9) R 6 7 7 0 -1 ${rest}`)
  t.equal(stat.pid, 7)
  t.equal(stat.parentPid, 6)
  t.equal(stat.userMicroseconds, 1_250_000)
})

test('anything else is refused', async (t) => {
  t.throws(() => parseStat('cpu  1 2 3 4'), { message: /not a stat line/ })
})

test('resident memory is read in kB, and is 0 where there is none', async (t) => {
  t.equal(
    parseResidentKilobytes('Name:\tnode\nVmHWM:\t  99999 kB\nVmRSS:\t  84012 kB\nThreads:\t11\n'),
    84012
  )
  t.equal(parseResidentKilobytes('Name:\tnginx\nState:\tZ (zombie)\n'), 0)
})

test('a tree is the root and all below it, whatever the order', async (t) => {
  const processes = [
    processStat(30, 20),
    processStat(20, 10),
    processStat(10, 1),
    processStat(11, 1),
    processStat(21, 10)
  ]
  const pids = descendants(processes, 10).map(({ pid }) => pid)
  t.same(pids.sort(), [10, 20, 21, 30])
})

test('a root that is gone has no tree', async (t) => {
  t.same(descendants([processStat(10, 1)], 99), [])
})

test('only established connections accepted on the port count', async (t) => {
  const lines = [
    '  sl  local_address rem_address   st tx_queue rx_queue',
    '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000',
    '   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000',
    '   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000',
    '   3: 0100007F:1F90 0100007F:C002 06 00000000:00000000',
    '   4: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C003 01 00000000:00000000'
  ]
  t.equal(countEstablishedIn(lines.join('\n'), 8080), 2)
})

test('this process has used time and memory', { skip: process.platform !== 'linux' }, async (t) => {
  const { userMicroseconds } = readCpuTime(process.pid)
  t.ok(userMicroseconds > 0)
  t.ok(readResidentKilobytes(process.pid) > 10_000)
})

const shellWithChild = { command: '/bin/sh', args: ['-c', 'sleep 60 & echo $!; wait'] }

async function grandchildOf(child: Child): Promise<number> {
  while (child.output() === '') await sleep(10)
  return Number(child.output())
}

async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(10)
}

// A zombie counts as gone: in a container nobody may ever collect it.
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const onLinux = { skip: process.platform !== 'linux' }

test('stopping a process ends its children too', onLinux, async (t) => {
  const children = new Children()
  t.teardown(() => rmSync(children.folder, { recursive: true, force: true }))
  const child = children.start('shell', 'load', shellWithChild)
  const grandchild = await grandchildOf(child)
  await children.stop(child)
  t.ok(child.hasExited())
  await untilGone(grandchild)
})

test('when the bench itself ends, its processes and its folder go with it', onLinux, async (t) => {
  const script = `
    const { Children } = require(${JSON.stringify(path.join(__dirname, '../../bench/children.js'))})
    const children = new Children()
    const child = children.start('sleep', 'load', { command: 'sleep', args: ['60'] })
    console.log(JSON.stringify({ folder: children.folder, pid: child.pid }))
    throw new Error('anything')`
  const { stdout, status } = spawnSync(...plainNode(['-e', script]), { encoding: 'utf8' })
  const { folder, pid } = JSON.parse(stdout) as { folder: string; pid: number }
  t.equal(status, 1)
  t.notOk(existsSync(folder))
  await untilGone(pid)
})

const plain = { workload: 'keepalive', tls: false } as const
const setting = { ...plain, connections: 64, bodyBytes: 33 }

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
      maxMicroseconds: 9500,
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

test('every number of connections meets every body size', async (t) => {
  const { settings } = readOptions(['--connections', '64,512', '--body', '33,10m'], [], [])
  t.same(settings, [
    { ...plain, connections: 64, bodyBytes: 33 },
    { ...plain, connections: 64, bodyBytes: 10_485_760 },
    { ...plain, connections: 512, bodyBytes: 33 },
    { ...plain, connections: 512, bodyBytes: 10_485_760 }
  ])
})

test('without arguments every proxy runs under one small load', async (t) => {
  const options = readOptions([], [], [])
  t.same(options.settings, [{ ...plain, connections: 64, bodyBytes: 33 }])
  t.ok(['fairlead', 'reply-from', 'nginx', 'go'].every((name) => options.only.includes(name)))
  t.match(options, { rounds: 3, seconds: 3, pin: false, check: false, hold: undefined })
})

test('a check brings its own loads and proxies, which can be narrowed', async (t) => {
  const few = [{ ...plain, connections: 1, bodyBytes: 1 }]
  t.match(readOptions(['--check'], few, ['fairlead', 'nginx']), {
    settings: few,
    only: ['fairlead', 'nginx']
  })
  t.same(readOptions(['--check', '--only', 'fairlead'], few, ['fairlead', 'nginx']).only, ['fairlead'])
})

test('another checkout runs as a peer of its own', async (t) => {
  t.equal(readOptions(['--before', '../old'], [], []).before, '../old')
  t.equal(readOptions([], [], []).before, undefined)
  const root = path.join(__dirname, '..', '..', '..')
  t.match(fairleadBefore(root), { name: 'before' })
  t.equal(fairleadBefore(root).find(), path.join(root, 'dist', 'bin', 'lb.js'))
  t.equal(fairleadBefore(path.join(root, 'nowhere')).find(), undefined)
})

test('a hold run has a number of connections of its own', async (t) => {
  t.equal(readOptions(['--hold'], [], []).hold, 2000)
  t.equal(readOptions(['--hold', '300'], [], []).hold, 300)
})

test('sizes are bytes, or powers of 1024 with a letter', async (t) => {
  t.same(['33', '1k', '100K', '10m'].map(parseBytes), [33, 1024, 102_400, 10_485_760])
  for (const wrong of ['0', '65m', '1.5k', '10 m', 'k', '']) t.throws(() => parseBytes(wrong), wrong)
})

test('versions and limits are found in what the system prints', async (t) => {
  t.equal(firstVersion('nginx version: nginx/1.22.1'), '1.22.1')
  t.equal(firstVersion('nothing of the kind'), '?')
  const limits = (soft: string) =>
    `Limit Soft Hard Units\nMax open files            ${soft}    1048576    files\n`
  t.equal(parseOpenFilesLimit(limits('1024')), 1024)
  t.equal(parseOpenFilesLimit(limits('unlimited')), Number.POSITIVE_INFINITY)
})

const report = {
  requests: 1000,
  bytes: 5_000_000_000,
  durationMicroseconds: 1_000_000,
  p50Microseconds: 1234,
  p99Microseconds: 5678,
  maxMicroseconds: 6000,
  failures: { connect: 0, read: 0, write: 0, timeout: 0, status: 0 }
}

function resultFor(bodyBytes: number): SettingResult {
  const rest = { round: 0, report, residentKilobytes: 51_200 }
  return {
    setting: { ...plain, connections: 64, bodyBytes },
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
  t.equal(heading, '### keepalive: 64 connections, bodies of 33 bytes')
  t.match(titles, /CPU µs\/request .* CPU ÷ nginx .* CPU ÷ reply-from/)
  t.match(
    fairlead,
    /fairlead +\| +1000 +\| +1.23 +\| +5.68 +\| +0 +\| +30.0 +\| +20.0 +\| +10.0 +\| +3.00 +\| +– +\| +0.03 +\| +50 /
  )
})

test('large bodies are shown by megabyte', async (t) => {
  const [, , titles, , fairlead] = describeResult(resultFor(10 * 1024 ** 2), ['fairlead', 'nginx']).split(
    '\n'
  )
  t.match(titles, /MB\/s .* CPU µs\/MB/)
  t.match(fairlead, /\| +5000 +\| +1.00 +\| +6 +\| +3.00 /)
})

test('a proxy that did not run has no row', async (t) => {
  t.equal(describeResult(resultFor(33), ['fairlead', 'go']).split('\n').length, 5)
})

test('sizes are written as the options are', async (t) => {
  t.same([33, 1024, 102_400, 10_485_760].map(describeBytes), ['33 bytes', '1k', '100k', '10m'])
})

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
      maxMicroseconds: 1,
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

const output = `Running 1s test @ http://127.0.0.1:8080/33
  1 threads and 64 connections
  Latency Distribution
     50%    3.44ms
     99%   16.38ms
  18574 requests in 1.00s, 3.20MB read

{"requests":18574,"bytes":3355443,"durationMicroseconds":1000512,"p50Microseconds":3440,"p99Microseconds":16380,"failures":{"connect":0,"read":2,"write":0,"timeout":1,"status":4}}
`

test('the report is found below what wrk prints itself', async (t) => {
  const report = parseLoadReport('wrk', output)
  t.equal(report.requests, 18574)
  t.equal(report.durationMicroseconds, 1000512)
  t.equal(report.p99Microseconds, 16380)
})

test('every kind of failure counts', async (t) => {
  t.equal(failedRequests(parseLoadReport('wrk', output)), 7)
})

test('what wrk printed is in the error when there is no report', async (t) => {
  t.throws(() => parseLoadReport('wrk', 'unable to connect to 127.0.0.1:1 Connection refused'), {
    message: /Connection refused/
  })
})
