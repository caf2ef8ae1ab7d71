import { createServer } from 'node:http'
import http2, { type Http2Server } from 'node:http2'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { BrokenMessage, frameMessage, MessageReader } from '../../../lib/health/grpc/message-reader.js'
import { healthRequest, servingStatusOf } from '../../../lib/health/grpc/messages.js'
import { AMPLE_S, probeWith, socketBackend } from '../../support/check.js'
import { answering, type StreamRequest } from '../../support/http2-backend.js'
import { listen, nowhere } from '../../support/listen.js'
import { backendAt } from '../../support/registry.js'

// Probes over HTTP/2

const serverOf = (answer: (request: StreamRequest) => void): Http2Server =>
  http2.createServer().on('stream', (stream, headers) => answer({ stream, headers, raw: [] }))

async function backendOf(t: Test, answer: (request: StreamRequest) => void) {
  return backendAt(`${await listen(t, serverOf(answer) as never)};h2`)
}

t.test('an HTTP/2 backend is checked over HTTP/2, on a new connection', async (t) => {
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

t.test('a backend that does not speak HTTP/2 fails the check with that reason', async (t) => {
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

t.test('a check ends at its timeout when no response comes', async (t) => {
  const backend = await backendOf(t, () => {})
  const check = await probeWith({ LB_HEALTH_CHECK_TIMEOUT: '0.1' })(backend)
  t.hasStrict(check, { ok: false, result: 'no answer within 0.1 s' })
  t.ok(check.latencyMs < 1000 * Number(AMPLE_S))
})

t.test('a backend that resets the stream of a check fails it', async (t) => {
  const backend = await backendOf(t, ({ stream }) => stream.on('error', () => {}).close(2))
  t.hasStrict(await probeWith()(backend), { ok: false, result: 'request given up (INTERNAL_ERROR)' })
})

// Messages of gRPC

t.test('a request names the service, in the format of protobuf', async (t) => {
  t.equal(healthRequest('').toString('hex'), '')
  t.equal(healthRequest('abc').toString('hex'), '0a03616263')
  const long = healthRequest('x'.repeat(300))
  t.equal(long.subarray(0, 3).toString('hex'), '0aac02')
  t.equal(long.length, 303)
  t.equal(frameMessage(healthRequest('abc')).toString('hex'), '00000000050a03616263')
})

t.test('the status of a response is read, whatever else is in it', async (t) => {
  for (const [hex, status] of [
    ['', 0],
    ['0801', 1],
    ['0802', 2],
    ['0803', 3],
    ['08ff01', 255],
    ['08010802', 2],
    ['1201ff0801', 1],
    ['15000000000801', 1],
    ['1900000000000000000801', 1],
    ['08ffffffffffffffffff01', 2 ** 64],
    ['a006070801', 1]
  ] as const) {
    t.equal(servingStatusOf(Buffer.from(hex, 'hex')), status, hex)
  }
})

t.test('any other message is broken', async (t) => {
  for (const hex of [
    '08',
    '0880',
    '0a05616263',
    '1500',
    '19',
    '0b',
    '0c',
    '00',
    '0001',
    '80808080808080808080800801'
  ])
    t.throws(() => servingStatusOf(Buffer.from(hex, 'hex')), { message: 'no message of health' }, hex)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        return servingStatusOf(Buffer.from(bytes)) >= 0
      } catch (error) {
        return error instanceof BrokenMessage
      }
    }),
    { numRuns: 2000 }
  )
})

t.test('messages are read however they are split into chunks', async (t) => {
  const messages = [Buffer.from('one'), Buffer.alloc(0), Buffer.from('three'), Buffer.alloc(100, 1)]
  const body = Buffer.concat(messages.map(frameMessage))
  for (const size of [1, 2, 3, 5, 7, 50, body.length]) {
    const read: Buffer[] = []
    const reader = new MessageReader(100, (message) => read.push(Buffer.from(message)))
    for (let at = 0; at < body.length; at += size) reader.push(body.subarray(at, at + size))
    t.same(read, messages, `${size} at a time`)
  }
})

t.test('messages that are compressed or too large are broken', async (t) => {
  const reader = () => new MessageReader(10, () => {})
  t.throws(() => reader().push(frameMessage(Buffer.alloc(11))), { message: 'message too large' })
  t.throws(() => reader().push(Buffer.from([1, 0, 0, 0, 0])), { message: 'compressed message' })
})
