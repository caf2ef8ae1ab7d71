import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'

import { answerOverHttp2, holdIdleHttp2 } from '../../bench/client/http2-answer'
import { shared, sharesOf } from '../../bench/client/shared'
import { findCommand } from '../../bench/commands'
import { parseH2load } from '../../bench/h2load'
import { describeIdleHttp2, measureIdleHttp2 } from '../../bench/idle-http2'
import { failedRequests } from '../../bench/load-report'
import { freePorts } from '../../bench/loopback'
import { readOptions } from '../../bench/options'
import { fairlead } from '../../bench/peers/fairlead'
import { nodePeer } from '../../bench/peers/node-peer'
import { measureSetting } from '../../bench/rounds'
import { describeResult } from '../../bench/table'
import { benchOf, options } from './brief-bench'

const loaded = findCommand('h2load') ? options : { ...options, skip: 'h2load is not installed' }

/** Answers with as many bytes as the path says, or with that status below 600; `/0` never. */
async function listening(t: Test) {
  const sessions = new Set<http2.ServerHttp2Session>()
  const server = http2.createServer()
  server.on('session', (session) => sessions.add(session.on('error', () => {})))
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const wanted = Number(headers[':path']!.slice(1))
    if (wanted === 0) return
    stream.respond({ ':status': wanted >= 200 && wanted < 600 ? wanted : 200 })
    stream.end(Buffer.alloc(wanted))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { sessions, target: (path: string) => ({ port, tls: false, path }) }
}

test('the size of an answer is counted, beyond the windows of streams', async (t) => {
  const { target } = await listening(t)
  t.equal(await answerOverHttp2(target('/33')), '200 with 33 bytes')
  t.equal(await answerOverHttp2(target('/5000000')), '200 with 5000000 bytes')
  t.match(await answerOverHttp2(target('/503')), /^no good answer/)
  const [port] = (await freePorts(1)) as [number]
  t.match(await answerOverHttp2({ port, tls: false, path: '/33' }), /^no good answer/)
})

test('idle connections stand after an answer each', async (t) => {
  const { sessions, target } = await listening(t)
  t.equal(await holdIdleHttp2(target('/33'), 100), 100)
  t.equal([...sessions].filter(({ destroyed }) => !destroyed).length, 100)
  t.equal(await holdIdleHttp2(target('/404'), 3), 0)
})

test('shares are parts of the mean', async (t) => {
  t.same(sharesOf([100, 100]), { least: 1, most: 1, deviation: 0 })
  t.same(sharesOf([0, 200]), { least: 0, most: 2, deviation: 1 })
  t.same(sharesOf([0, 0]), { least: 0, most: 0, deviation: 0 })
})

test('streams that share a connection are each counted, and those that never begin have failed', async (t) => {
  const { sessions, target } = await listening(t)
  const report = await shared(target('/100000'), 2, 10, 0.5)
  t.equal(sessions.size, 2)
  t.equal(report.requests, 20)
  t.equal(failedRequests(report), 0)
  t.ok(report.bytes > 20 * 100_000, 'they ask again')
  t.ok(report.shares!.least > 0 && report.shares!.least <= 1 && report.shares!.most >= 1)
  const silent = await shared(target('/0'), 1, 10, 0.3)
  t.match(silent, { requests: 0, bytes: 0, failures: { timeout: 10 }, shares: { least: 0, most: 0 } })
  t.ok(silent.p50Microseconds >= 290_000)
})

const output = `Application protocol: h2c

finished in 1.01s, 635.00 req/s, 36.96KB/s
requests: 640 total, 699 started, 640 done, 635 succeeded, 5 failed, 2 errored, 0 timeout
status codes: 635 2xx, 0 3xx, 0 4xx, 3 5xx
traffic: 36.96KB (37849) total, 5.17KB (5296) headers (space savings 89.70%), 20.46KB (20955) data
`
const log =
  '17960\t200\t3000\n17960\t200\t1000\n17961\t503\t10\n17961\t503\t10\n17961\t503\t10\n17962\t-1\t20\n'
const run = { seconds: 2, bodyBytes: 33, connections: 3, streams: 5 }

test('figures of h2load are those that it prints, and latencies those of its log', async (t) => {
  t.same(parseH2load(output, log, run), {
    requests: 635,
    bytes: 20955,
    durationMicroseconds: 2_000_000,
    p50Microseconds: 1000,
    p99Microseconds: 3000,
    maxMicroseconds: 3000,
    failures: { connect: 0, read: 2, write: 0, timeout: 0, status: 3 }
  })
})

test('without a summary of h2load the log counts', async (t) => {
  const [protocol] = output.split('\n') as [string]
  t.match(parseH2load(protocol, log, run), { requests: 2, bytes: 66, failures: { read: 1, status: 3 } })
})

test('a server that h2load cannot reach, or that speaks HTTP/1.1, is an error', async (t) => {
  const none = 'requests: 0 total, 0 started, 0 done, 0 succeeded, 0 failed, 0 errored, 0 timeout'
  t.throws(() => parseH2load(none, '', run), /no connection over HTTP\/2:\nrequests: 0/)
  t.throws(() => parseH2load(output.replace('h2c', 'http/1.1'), log, run), /no connection/)
})

test('where nothing was answered, every stream has failed', async (t) => {
  const [protocol] = output.split('\n') as [string]
  t.match(parseH2load(protocol, '', run), { requests: 0, bytes: 0, failures: { timeout: 15 } })
})

test('connections and streams are combined, for HTTP/2 alone', async (t) => {
  const args = ['--workload', 'keepalive,http2', '--connections', '1', '--streams', '16,100', '--body', '1k']
  const common = { connections: 1, bodyBytes: 1024, tls: false }
  t.same(readOptions(args, [], []).settings, [
    { ...common, workload: 'keepalive' },
    { ...common, workload: 'http2', streams: 16 },
    { ...common, workload: 'http2', streams: 100 }
  ])
  t.same(readOptions(['--workload', 'http2-idle'], [], []).http2Idle, [2000])
  t.equal(readOptions([], [], []).http2Idle, undefined)
})

for (const workload of ['http2', 'http2-tls', 'http2-fair'])
  test(`Fairlead answers all of ${workload}; who speaks HTTP/1.1 alone is left out`, loaded, async (t) => {
    const bench = benchOf(t, [fairlead, nodePeer('splice')], ['--workload', workload, '--streams', '5'])
    const result = await measureSetting(bench, bench.options.settings[0]!)
    t.same(
      result.samples.map(({ peer }) => peer),
      ['fairlead']
    )
    const [{ report }] = result.samples as [(typeof result.samples)[0]]
    t.ok(report.requests > 0 && report.bytes > 0)
    t.equal(failedRequests(report), 0)
    const table = describeResult(result, ['fairlead'])
    t.match(table, new RegExp(`^### ${workload}: 3 connections × 5 streams, bodies of 1m\n`))
    t.notMatch(table, /NaN|undefined|Infinity/)
  })

test('the memory of idle connections is measured, plain and over TLS', loaded, async (t) => {
  const bench = benchOf(t, [fairlead], ['--workload', 'http2-idle'])
  const samples = await measureIdleHttp2(bench, [300])
  t.same(
    samples.map(({ tls, connections }) => [tls, connections]),
    [
      [false, 300],
      [true, 300]
    ]
  )
  // So few of them without TLS are less than what comes and goes.
  t.ok(samples.every(({ perConnection }) => Number.isFinite(perConnection)))
  t.ok(samples[1]!.perConnection > 1, `${samples[1]!.perConnection}`)
  t.match(describeIdleHttp2(samples), /\n\| fairlead \| +plain \| +300 \|.*\n\| fairlead \| +TLS \| +300 \|/)
})
