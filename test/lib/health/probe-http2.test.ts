import { createServer } from 'node:http'
import http2, { type Http2Server } from 'node:http2'
import t, { type Test } from 'tap'
import { AMPLE_S, probeWith, socketBackend } from '../../support/check.js'
import { answering, type StreamRequest } from '../../support/http2-backend.js'
import { listen, nowhere } from '../../support/listen.js'
import { backendAt } from '../../support/registry.js'

const serverOf = (answer: (request: StreamRequest) => void): Http2Server =>
  http2.createServer().on('stream', (stream, headers) => answer({ stream, headers, raw: [] }))

async function backendOf(t: Test, answer: (request: StreamRequest) => void) {
  return backendAt(`${await listen(t, serverOf(answer) as never)};h2`)
}

t.test('a check speaks HTTP/2 to a backend that does, over a connection of its own', async (t) => {
  const requests: StreamRequest[] = []
  const server = serverOf((request) => {
    requests.push(request)
    answering('fine')(request)
  })
  let open = 0
  server.on('session', (session) => {
    open++
    session.on('close', () => open--)
  })
  const backend = backendAt(`${await listen(t, server as never)};h2`)
  const probe = probeWith({ LB_HEALTH_CHECK_URL: '/health?deep=1', LB_HEALTH_CHECK_HEADERS: 'X-Check: 1' })
  for (let i = 0; i < 2; i++) t.hasStrict(await probe(backend), { ok: true, result: 'status 200' })
  t.match(requests[1]!.headers, {
    ':method': 'GET',
    ':scheme': 'http',
    ':path': '/health?deep=1',
    ':authority': backend.address,
    'user-agent': 'fairlead-health-check',
    'x-check': '1',
    connection: undefined
  })
  while (open > 0) await new Promise((resolve) => setTimeout(resolve, 5))
})

t.test('status and body decide', async (t) => {
  const backend = await backendOf(t, ({ stream, headers }) => {
    stream.respond({ ':status': headers[':path'] === '/down' ? 503 : 200 })
    stream.end(`${'x'.repeat(200_000)}ready`)
  })
  const results: unknown[] = []
  for (const env of [
    { LB_HEALTH_CHECK_URL: '/down' },
    { LB_HEALTH_CHECK_BODY: 'xxx' },
    { LB_HEALTH_CHECK_BODY: 'ready' }
  ] as Record<string, string>[]) {
    const { ok, result } = await probeWith(env)(backend)
    results.push([ok, result])
  }
  t.same(results, [
    [false, 'status 503'],
    [true, 'status 200'],
    [false, 'status 200, body without the text wanted']
  ])
})

t.test('what is not HTTP/2 fails a check, and the reason says so', async (t) => {
  const ok = createServer((_req, res) => res.end('ok'))
  const checks = [
    [`${await listen(t, ok)};h2`, 'does not speak HTTP/2'],
    [`${await nowhere(t, () => createServer())};h2`, 'connection refused']
  ] as const
  for (const [text, result] of checks) t.hasStrict(await probeWith()(backendAt(text)), { ok: false, result })
  const closing = await socketBackend(t, (socket) => socket.destroy(), ';h2')
  t.match(await probeWith()(closing), { ok: false, result: /^connection (closed|reset)$/ })
  const silent = await socketBackend(t, () => {}, ';h2')
  const { ok: isOk, result } = await probeWith({ LB_HEALTH_CHECK_TIMEOUT: '0.1' })(silent)
  t.same(isOk, false)
  t.match(result, /no answer within 0.1 s|connect timeout/)
})

t.test('a response that never comes is not waited for', async (t) => {
  const backend = await backendOf(t, () => {})
  const check = await probeWith({ LB_HEALTH_CHECK_TIMEOUT: '0.1' })(backend)
  t.hasStrict(check, { ok: false, result: 'no answer within 0.1 s' })
  t.ok(check.latencyMs < 1000 * Number(AMPLE_S))
})

t.test('a backend that gives a check up fails it', async (t) => {
  const backend = await backendOf(t, ({ stream }) => stream.on('error', () => {}).close(2))
  t.hasStrict(await probeWith()(backend), { ok: false, result: 'request given up (INTERNAL_ERROR)' })
})
