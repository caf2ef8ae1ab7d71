import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'

import { nowMs } from '../../bench/client/clock'
import { holdIdle, holdUnread } from '../../bench/client/holders'
import { openLoop } from '../../bench/client/open'
import { storm } from '../../bench/client/storm'
import { latenciesOf } from '../../bench/client/tally'
import { failedRequests } from '../../bench/load-report'
import { freePorts } from '../../bench/loopback'

async function listening(t: Test, server: net.Server): Promise<{ port: number; tls: boolean; path: string }> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, tls: false, path: '/' }
}

function answering(statusCode: number, afterMs = 0): http.Server {
  return http.createServer((_request, response) => {
    setTimeout(() => {
      response.writeHead(statusCode, { 'content-length': 2 })
      response.end('ok')
    }, afterMs)
  })
}

test('half, 99 % and all of the latencies lie at or below the figures', async (t) => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index)
  t.same(latenciesOf(values), { p50: 100, p99: 198, max: 200 })
  t.same(latenciesOf([]), { p50: 0, p99: 0, max: 0 })
})

test('an open loop counts from when a request was due, not from when a connection was free', async (t) => {
  const target = await listening(t, answering(200, 50))
  const report = await openLoop([target], 1, 100, 1)
  // One connection carries 20 a second at most: of the 100 that were due in one second, 60 or more wait for longer than another.
  t.ok(report.maxMicroseconds > 1_000_000, `${report.maxMicroseconds}`)
  t.ok(report.p50Microseconds > 400_000, `${report.p50Microseconds}`)
  t.ok(report.failures.timeout > 30, 'what is never sent counts as failed')
  t.equal(report.requests + report.failures.timeout, 100)
})

test('an open loop keeps its rate while every connection is lost', async (t) => {
  let requests = 0
  const target = await listening(
    t,
    http.createServer((request, response) => {
      if (++requests <= 4) response.end('ok')
      else request.socket.destroy()
    })
  )
  const report = await openLoop([target], 4, 50, 1)
  t.equal(report.failures.read, 50)
  t.equal(report.requests, 0)
})

test('a storm measures from the start of a connection to its first answer', async (t) => {
  let isFirst = true
  const server = http.createServer(async (_request, response) => {
    if (isFirst) {
      isFirst = false
      await sleep(300)
    }
    response.end('ok')
  })
  const { firstAnswerMs, clientSentMs, requests, ...report } = await storm(await listening(t, server), 1, 0.6)
  t.ok(firstAnswerMs!.max >= 300)
  t.ok(clientSentMs! > 0 && clientSentMs! < firstAnswerMs!.max)
  t.ok(requests > 1, 'it has gone on')
  t.ok(report.maxMicroseconds >= 300_000)
  t.ok(report.p50Microseconds < 300_000)
  t.equal(failedRequests(report), 0)
})

test('connections of a storm that are refused or never answered count, the latter with all their time', async (t) => {
  const [port] = (await freePorts(1)) as [number]
  const refused = await storm({ port, tls: false, path: '/' }, 5, 0.2)
  t.match(refused, { requests: 0, failures: { connect: 5 }, firstAnswerMs: { max: 0 } })
  const silent = await storm(await listening(t, net.createServer()), 5, 0.3)
  t.match(silent, { requests: 0, failures: { timeout: 5, connect: 0, read: 0 } })
  t.ok(silent.firstAnswerMs!.p50 >= 290)
})

test('a refusal has no latency', async (t) => {
  const report = await storm(await listening(t, answering(503)), 2, 0.2)
  t.equal(report.requests, 0)
  t.ok(report.failures.status > 0)
  t.equal(report.p99Microseconds, 0)
})

test('idle connections stand after an answer each, and slow readers read nothing', async (t) => {
  let sentBytes = 0
  const server = http.createServer((request, response) => {
    if (request.url === '/') return response.end('ok')
    const body = Buffer.alloc(16 * 1024 ** 2)
    response.writeHead(200, { 'content-length': body.length })
    response.write(body, () => {
      sentBytes += body.length
    })
    return response
  })
  const target = await listening(t, server)
  const beginMs = nowMs()
  t.equal(await holdIdle(target, 100), 100)
  t.equal(await new Promise((resolve) => server.getConnections((_error, count) => resolve(count))), 100)
  t.equal(await holdUnread({ ...target, path: '/much' }, 2, 0.2), 2)
  t.equal(sentBytes, 0, 'nothing has taken it')
  t.ok(nowMs() - beginMs >= 200)
})
