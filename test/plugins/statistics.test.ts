import { eventually, type LogRecord, sleep, startBalancer, test } from '../helper.js'
import { answering, OK, refusing, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const isReport = ({ msg }: LogRecord) => msg.startsWith('=== Load Balancer Stats ===')

test('the report is logged once an interval, for people and for programs', async (t) => {
  const [good, silent] = [await scripted(t, answering(OK)), await scripted(t, () => {})]
  const { port, log, registry } = await startBalancer(t, [good, silent], { LB_STATS_INTERVAL: '0.3' })
  for (let i = 0; i < 3; i++) {
    registry.setState(registry.backends[1]!, 'unhealthy', 'test')
    await exchange(t, port, GET)
  }
  registry.setState(registry.backends[1]!, 'healthy', 'test')
  registry.setState(registry.backends[0]!, 'unhealthy', 'test')
  const waiting = await RawClient.open(t, port)
  waiting.send(GET)
  await eventually(() => silent.requests.length === 1)
  // One that comes while a request before it is under way counts that.
  const find = () =>
    log.find((record) => isReport(record) && record.msg.includes('Status=HEALTHY, Active=1, Total=1'))
  await eventually(find)
  const report = find()!
  t.equal(
    report.msg,
    [
      '=== Load Balancer Stats ===',
      'Total Active Connections: 1',
      `Backend[0] ${good.address}: Status=UNHEALTHY, Active=0, Total=3, Failed=0`,
      `Backend[1] ${silent.address}: Status=HEALTHY, Active=1, Total=1, Failed=0`,
      '============================'
    ].join('\n')
  )
  t.equal(report.level, 30)
  t.match(report.stats, {
    requests: { inFlight: 1, total: 4 },
    backends: [
      { address: good.address, state: 'unhealthy', total: 3 },
      { address: silent.address, state: 'healthy', active: 1, total: 1 }
    ]
  })
  const before = log.filter(isReport).length
  await sleep(700)
  const more = log.filter(isReport).length - before
  t.ok(more >= 1 && more <= 3, `${more} more in 0.7 s`)
  waiting.abort()
})

test('an interval of 0 turns the report off', async (t) => {
  const { log } = await startBalancer(t, [await refusing(t)], { LB_STATS_INTERVAL: '0' })
  await sleep(200)
  t.notOk(log.some(isReport))
})

test('requests are counted as they begin and end', async (t) => {
  const backend = await scripted(t, ({ startLine }, socket) => {
    const [method, status] = startLine.split(' ') as [string, string]
    const code = status.slice(1)
    socket.write(
      `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 ${code} S\r\nContent-Length: 4\r\n\r\n${method === 'HEAD' ? '' : 'body'}`
    )
  })
  const balancer = await startBalancer(t, [backend])
  const client = await RawClient.open(t, balancer.port)
  for (const code of ['200', '299', '301', '404', '499', '500', '599', '999']) {
    client.send(`POST /${code} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789`)
    await client.response()
  }
  client.send('HEAD /200 HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.response({ head: true })
  await eventually(() => balancer.registry.inFlight === 0)
  const { requests, latency, backends, connections } = balancer.stats()
  t.match(backends[0], {
    total: 9,
    failed: 0,
    responses: { '1xx': 9, '2xx': 3, '3xx': 1, '4xx': 2, '5xx': 3 },
    bytes: { sent: 80, received: 32 }
  })
  t.match(requests, { total: 9, failed: 0, inFlight: 0 })
  t.equal(connections.open, 1)
  t.equal(latency.count, 9)
  t.ok(latency.p50Ms > 0 && latency.p50Ms <= latency.p90Ms && latency.p90Ms <= latency.p99Ms)
  t.ok(latency.p99Ms <= latency.maxMs && latency.maxMs < 5000)
})

test('the rate is that of the last seconds', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await startBalancer(t, [backend])
  const client = await RawClient.open(t, port)
  const rates: number[] = []
  await eventually(async () => {
    for (let i = 0; i < 5; i++) {
      client.send(GET)
      await client.response()
    }
    rates.push(stats().requests.perSecond.last1s)
    return rates.at(-1)! > 0
  }, 4000)
  t.ok(stats().requests.perSecond.last10s > 0)
  t.equal(rates[0], 0, 'not before there is a second to look back on')
})
