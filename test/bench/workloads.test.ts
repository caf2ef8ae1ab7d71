import { test } from 'tap'

import { direct } from '../../bench/columns'
import { failedRequests } from '../../bench/load-report'
import { freePorts } from '../../bench/loopback'
import { fairlead } from '../../bench/peers/fairlead'
import { nodePeer } from '../../bench/peers/node-peer'
import { measureSetting } from '../../bench/rounds'
import { startBackends, startPeer } from '../../bench/start'
import { describeResult } from '../../bench/table'
import { workloads } from '../../bench/workloads'
import { benchOf, bodyBytes, connections, options } from './brief-bench'

test('Fairlead answers all of every workload, plain or over TLS', options, async (t) => {
  const { children, wrk, certificate } = benchOf(t, [], [])
  const { processes, ports: backendPorts, addresses: backends } = await startBackends(children)
  const ports = await freePorts(2)
  for (const [index, port] of ports.entries()) {
    const tls = index === 1 ? certificate : undefined
    processes.push(
      await startPeer(children, fairlead, fairlead.find()!, { port, backends, connections, tls })
    )
  }
  const measured = (names: readonly string[]) =>
    workloads
      .filter(({ name }) => names.includes(name))
      .flatMap(({ name, tls: variants, run }) => variants.map((tls) => ({ name, tls, run })))
      .map(async ({ name, tls, run }) => {
        const setting = { workload: name, connections, bodyBytes, tls }
        const common = { children, wrk, backendPorts, setting, seconds: 1, rate: 20 }
        return { setting, report: await run({ ...common, ports: [ports[tls ? 1 : 0]!] }) }
      })
  // Each would take all of the processor for its second. Backends count the bytes of all uploads together.
  const together = [
    ['keepalive', 'routes', 'tls', 'churn', 'post', 'down'],
    ['up'],
    ['storm'],
    ['open'],
    ['mirror']
  ]
  const overHttp1 = workloads.filter(({ streams }) => streams === undefined)
  t.same(together.flat().sort(), overHttp1.map(({ name }) => name).sort())
  for (const names of together) {
    for (const { setting, report } of await Promise.all(measured(names))) {
      const { workload: name } = setting
      t.ok(report.requests > 0, `${name} is answered`)
      t.equal(failedRequests(report), 0, `${name} fails nothing`)
      t.ok(report.maxMicroseconds >= report.p99Microseconds && report.p99Microseconds > 0)
      if (name === 'up') t.ok(report.bytes >= report.requests * bodyBytes, 'what the backends received')
      const cpu = { userMicroseconds: 1, systemMicroseconds: 1 }
      const samples = [{ peer: 'fairlead', round: 0, report, cpu, residentKilobytes: 1 }]
      const table = describeResult({ setting, samples }, ['fairlead'])
      t.match(table, /3 connections, .* of 1m/)
      t.notMatch(table, /NaN|undefined|Infinity/)
    }
  }
  await Promise.all(processes.map((child) => children.stop(child)))
})

test('an open loop sends at the rate that is asked for, also without a proxy', options, async (t) => {
  const bench = benchOf(t, [nodePeer('splice')], ['--workload', 'open', '--rate', '40'])
  const result = await measureSetting(bench, bench.options.settings[0]!)
  t.same(
    result.samples.map(({ peer }) => peer),
    [direct, 'splice']
  )
  // The last of a second may come in the next one.
  for (const { report } of result.samples) t.ok(report.requests > 35 && report.requests <= 40)
  t.match(describeResult(result, [direct, 'splice']), /40 requests\/s.*\| direct .*\n\| splice /s)
})
