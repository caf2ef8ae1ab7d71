import { once } from 'node:events'
import { createServer } from 'node:http'
import { constants } from 'node:http2'
import type { ServiceError } from '@grpc/grpc-js'
import type { Test } from 'tap'
import { eventually, inFlight, startBalancer, test } from '../helper.js'
import { LogFile } from '../support/access-log.js'
import { authority } from '../support/certificates.js'
import { blockOf, framed, onRequest, type Peer } from '../support/frame-backend.js'
import { ALL_WELL, framedMessages, GrpcClient, grpcServer } from '../support/grpc.js'
import { http2Backend } from '../support/http2-backend.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { Flag, Type } from '../support/http2-frames.js'
import { nowhere } from '../support/listen.js'
import { scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { startSecureBalancer } from '../support/secure-balancer.js'
import { fieldValue, statusOf } from '../support/wire.js'

const H2C = { LB_H2C: 'true', LB_MAX_RESPONSE_HEADER_SIZE: '16384' }
const DEADLINE_EXCEEDED = 4
const PERMISSION_DENIED = 7
const RESOURCE_EXHAUSTED = 8
const UNIMPLEMENTED = 12
const INTERNAL = 13
const UNAVAILABLE = 14

const LIMIT_BYTES = 16_384

const CALL = { ':method': 'POST', ':path': '/test.Echo/Unary', 'content-type': 'application/grpc' }

/** What comes of a call by the real client. */
async function statusOfCall(client: GrpcClient, message = 'hello'): Promise<[number, string]> {
  try {
    await client.unary(message)
    return [0, '']
  } catch (error) {
    const { code, details } = error as ServiceError
    return [code, details]
  }
}

/** Fields and others that are larger than may be, names and values in turn. */
const large = (...fields: string[]) => [
  ...fields,
  ...Array.from({ length: 20 }, (_, i) => [`x-${i}`, 'x'.repeat(LIMIT_BYTES / 16)]).flat()
]

/** Sends fields that take more than one frame, at the end of a stream. */
function sendLarge(peer: Peer, id: number, ...fields: string[]): void {
  const bytes = blockOf(...large(...fields))
  peer.send(Type.headers, Flag.endStream, id, bytes.subarray(0, LIMIT_BYTES))
  peer.send(Type.continuation, Flag.endHeaders, id, bytes.subarray(LIMIT_BYTES))
}

const h2 = ({ address }: { readonly address: string }) => ({ address: `${address};h2` })

const silent = (t: Test) => http2Backend(t, () => {})

const resetting = (t: Test) => http2Backend(t, ({ stream }) => stream.close(2))

const down = async (t: Test) => `${await nowhere(t, () => createServer())};h2`

test('the balancer answers calls of gRPC by the status that says what it means', async (t) => {
  const well = await grpcServer(t)
  const full = { address: `${(await silent(t)).address};max=1` }
  for (const [what, backends, env, code, message] of [
    ['nobody listens', await down(t), {}, UNAVAILABLE, 'The backend could not be reached'],
    [
      'no backend',
      await down(t),
      { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_PERIOD: '60' },
      UNAVAILABLE,
      'No backend is available'
    ],
    [
      'a reset',
      [await resetting(t)],
      {},
      UNAVAILABLE,
      'The backend closed the connection before it answered'
    ],
    [
      'silence',
      [await silent(t)],
      { LB_RESPONSE_TIMEOUT: '0.1' },
      DEADLINE_EXCEEDED,
      'The backend did not answer in time'
    ],
    [
      'a denied client',
      [well],
      { LB_DENY: '127.0.0.1' },
      PERMISSION_DENIED,
      'Requests from this address are not served'
    ],
    [
      'a large body',
      [well],
      { LB_MAX_BODY_SIZE: '5' },
      RESOURCE_EXHAUSTED,
      'The body of the request is too large'
    ],
    ['a large head', [well], { LB_MAX_HEADERS: '3' }, RESOURCE_EXHAUSTED, 'The request has too many fields'],
    [
      'a head that is none',
      [
        await framed(
          t,
          onRequest((id, peer) => peer.head(id, [':status', '99']))
        )
      ].map(h2),
      {},
      INTERNAL,
      'The backend sent a broken response'
    ],
    [
      'an error that is too large',
      [
        await framed(
          t,
          onRequest((id, peer) => sendLarge(peer, id, ':status', '200'))
        )
      ].map(h2),
      {},
      RESOURCE_EXHAUSTED,
      'The head or the trailers of the response are too large'
    ]
  ] as const) {
    const balancer = await startBalancer(t, backends, { ...H2C, ...env })
    t.same(await statusOfCall(new GrpcClient(t, balancer.port)), [code, message], what)
  }
  const queueing = await startBalancer(t, [full], { ...H2C, LB_QUEUE_SIZE: '1', LB_QUEUE_TIMEOUT: '1.5' })
  const client = new GrpcClient(t, queueing.port)
  const held = (await Http2Client.open(t, queueing.port)).begin(CALL)
  await eventually(() => inFlight(queueing)[1] === 1)
  const waiting = statusOfCall(client)
  await eventually(() => queueing.stats().requests.queued === 1)
  t.same(await statusOfCall(client), [UNAVAILABLE, 'Too many requests wait for a backend'])
  t.same(await waiting, [UNAVAILABLE, 'No backend had room in time'])
  held.close()
  const busy = await startBalancer(t, [await silent(t)], { ...H2C, LB_MAX_CONNECTIONS: '1' })
  const other = (await Http2Client.open(t, busy.port)).begin(CALL)
  await eventually(() => inFlight(busy)[1] === 1)
  t.same(await statusOfCall(new GrpcClient(t, busy.port)), [UNAVAILABLE, 'Too many requests are in flight'])
  other.close()
})

test('a client that sends too much is told for how long to wait, in the way of gRPC as well', async (t) => {
  const env = { ...H2C, LB_RATE_LIMIT: '1/m;burst=1', LB_ACCESS_LOG: 'off' }
  const { port } = await startBalancer(t, [await grpcServer(t)], env)
  const client = new GrpcClient(t, port)
  await client.unary('hello')
  const error = (await client.unary('hello').catch((error) => error)) as ServiceError
  t.equal(error.code, RESOURCE_EXHAUSTED)
  t.equal(error.details, 'Too many requests came from this address')
  const seconds = Number(error.metadata.get('retry-after')[0])
  t.ok(seconds >= 1 && seconds <= 60)
  t.same(error.metadata.get('grpc-retry-pushback-ms'), [`${1000 * seconds}`])
})

test('such an answer is a head alone, of status 200; it is counted by what it means', async (t) => {
  const log = new LogFile(t)
  const env = { ...H2C, LB_ACCESS_LOG: 'all', LB_ACCESS_LOG_FILE: log.file }
  const balancer = await startBalancer(t, await down(t), env)
  const client = await Http2Client.open(t, balancer.port)
  const stream = client.begin(CALL)
  const flags = once(stream, 'response').then(([, flags]) => flags as number)
  const answer = await answerOn(stream)
  t.match(answer, {
    status: 200,
    headers: {
      'content-type': 'application/grpc',
      'grpc-status': `${UNAVAILABLE}`,
      'grpc-message': 'The backend could not be reached'
    },
    body: '',
    trailers: {},
    code: 0
  })
  t.notOk('content-length' in answer.headers)
  t.equal((await flags) & 1, 1)
  t.equal(balancer.stats().requests.failed, 1)
  const logged = { status: 502, code: 'LB_BACKEND_UNREACHABLE', grpcStatus: UNAVAILABLE, bytesOut: 0 }
  t.match(await log.entries(1), [logged])
  const metrics = await (await fetch(`http://127.0.0.1:${balancer.adminPort}/__lb/metrics`)).text()
  t.match(metrics, /fairlead_requests_total\{[^}]*code="5xx"\} 1/)
})

test('a request that fails is over once it is answered, though nobody has read its body, and its session goes on', async (t) => {
  const balancer = await startBalancer(t, await down(t), H2C)
  const client = await Http2Client.open(t, balancer.port)
  for (const type of ['application/grpc', 'text/plain']) {
    const fields = { ...CALL, 'content-type': type }
    for (const body of [Buffer.alloc(5), Buffer.alloc(200_000)]) {
      const { status, code } = await client.ask(fields, body)
      t.same([status, code], [type === 'text/plain' ? 502 : 200, 0])
    }
    const unended = client.begin(fields, true)
    unended.write(Buffer.alloc(5))
    t.equal((await answerOn(unended)).code, 0)
  }
  await eventually(() => inFlight(balancer)[0] === 0)
  t.notOk(client.session.closed)
})

test('what is a call is told by its type, whatever the version of HTTP', async (t) => {
  const { port } = await startBalancer(t, await down(t), H2C)
  const client = await Http2Client.open(t, port)
  for (const [type, isCall] of [
    ['application/grpc', true],
    ['application/grpc+proto', true],
    ['application/grpc; charset=utf-8', true],
    ['Application/GRPC+json', true],
    ['application/grpc-web', false],
    ['application/grpc-web+proto', false],
    ['application/grpc-web-text', false],
    ['application/grpcx', false],
    ['application/json', false]
  ] as const) {
    const { status, headers, body } = await client.ask({ ...CALL, 'content-type': type }, Buffer.alloc(5))
    t.same([status, headers['grpc-status']], isCall ? [200, '14'] : [502, undefined], type)
    t.equal(body === '', isCall)
    const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: 0\r\n\r\n`
    const response = await exchange(t, port, head)
    t.equal(statusOf(response), isCall ? 200 : 502, type)
    if (isCall) t.equal(fieldValue(response.fields, 'grpc-status'), '14', type)
    t.equal(response.framing, 'length')
  }
  // What is got could be kept by a cache.
  t.match(await client.ask({ 'content-type': 'application/grpc' }), { status: 502 })
})

test('a page of the balancer that there is not is told of by a head alone', async (t) => {
  const { port } = await startBalancer(t, [await grpcServer(t)], H2C)
  const stream = (await Http2Client.open(t, port)).begin({ ...CALL, ':path': '/__lb/none' })
  const [head, flags] = await once(stream, 'response')
  t.match(head, { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': `${UNIMPLEMENTED}` })
  t.ok(flags & constants.NGHTTP2_FLAG_END_STREAM)
  const request = 'POST /__lb/none HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc\r\n\r\n'
  const { fields, framing } = await exchange(t, port, request)
  t.equal(fieldValue(fields, 'grpc-status'), `${UNIMPLEMENTED}`)
  t.equal(framing, 'length')
})

test('what is wrong with a request is told in the way of gRPC, too', async (t) => {
  const { port } = await startBalancer(t, [await grpcServer(t)], H2C)
  const client = await Http2Client.open(t, port)
  for (const [what, fields, status] of [
    ['a scheme that nobody speaks', { ':scheme': 'ftp' }, INTERNAL],
    ['an expectation', { expect: 'wonders' }, INTERNAL],
    ['a method that nobody knows', { ':method': 'FOO' }, UNIMPLEMENTED],
    ['a long target', { ':path': `/${'x'.repeat(9000)}` }, RESOURCE_EXHAUSTED],
    ['a large head', { x: 'x'.repeat(LIMIT_BYTES) }, RESOURCE_EXHAUSTED],
    ['TRACE at its last hop', { ':method': 'TRACE', 'max-forwards': '0' }, UNIMPLEMENTED]
  ] as const) {
    const answer = await client.ask({ ...CALL, ...fields })
    t.match(answer, { status: 200, headers: { 'grpc-status': `${status}` }, body: '' }, what)
  }
})

test('a client that is slow with its messages is told so', async (t) => {
  const { port } = await startBalancer(t, [await silent(t)], { ...H2C, LB_REQUEST_BODY_TIMEOUT: '0.1' })
  const client = await Http2Client.open(t, port)
  const stream = client.begin(CALL, true)
  stream.write(Buffer.alloc(5))
  t.match(await answerOn(stream), { status: 200, headers: { 'grpc-status': `${DEADLINE_EXCEEDED}` } })
})

test('an answer of a backend that is not gRPC passes as it is', async (t) => {
  const backend = await http2Backend(t, ({ stream }) => {
    stream.respond({ ':status': 503, 'content-type': 'text/plain' })
    stream.end('later')
  })
  const { port } = await startBalancer(t, [backend], H2C)
  const client = await Http2Client.open(t, port)
  t.match(await client.ask(CALL, Buffer.alloc(5)), { status: 503, body: 'later' })
})

test('the same over TLS, with calls of all kinds', async (t) => {
  const by = authority(t)
  if (!by) return
  const server = await grpcServer(t)
  const balancer = await startSecureBalancer(t, by, [server], { LB_MAX_BODY_SIZE: '1000' })
  const client = new GrpcClient(t, balancer.port)
  t.same(await client.all(), ALL_WELL)
  t.same(await statusOfCall(client, 'x'.repeat(2000)), [
    RESOURCE_EXHAUSTED,
    'The body of the request is too large'
  ])
})

for (const parts of ['one frame', 'several frames']) {
  test(`trailers that are too large, in ${parts}, end a call with the reason, and no other call`, async (t) => {
    const backend = await framed(
      t,
      onRequest((id, peer) => {
        if (id === 1) return
        peer.head(id, [':status', '200', 'content-type', 'application/grpc'])
        peer.data(id, framedMessages('hello'))
        if (parts === 'several frames') {
          sendLarge(peer, id, 'grpc-status', '9')
          return
        }
        // Each of these refers to a field of the table: small on the way, and large when it is read.
        const entry = Buffer.concat([Buffer.from([0x40]), blockOf('x', 'x'.repeat(1000)).subarray(1)])
        const fields = Buffer.concat([blockOf('grpc-status', '9'), entry, Buffer.alloc(30, 0xbe)])
        peer.send(Type.headers, Flag.endHeaders | Flag.endStream, id, fields)
      })
    )
    const balancer = await startBalancer(t, [h2(backend)], H2C)
    const first = await Http2Client.open(t, balancer.port)
    const held = answerOn(first.begin(CALL))
    await eventually(() => backend.peers[0]?.requests.length === 1)
    const answer = await first.ask(CALL)
    t.match(answer, {
      status: 200,
      body: framedMessages('hello').toString('latin1'),
      trailers: {
        'grpc-status': `${RESOURCE_EXHAUSTED}`,
        'grpc-message': 'The head or the trailers of the response are too large'
      },
      code: 0
    })
    t.same(await statusOfCall(new GrpcClient(t, balancer.port)), [
      RESOURCE_EXHAUSTED,
      'The head or the trailers of the response are too large'
    ])
    t.equal(backend.peers.length, 1)
    t.ok(
      balancer.log.some(({ msg }) =>
        msg.includes('broken response (head too large: see LB_MAX_RESPONSE_HEADER_SIZE)')
      )
    )
    backend.peers[0]!.head(1, [':status', '200', 'grpc-status', '0'], true)
    t.match(await held, { headers: { 'grpc-status': '0' } })
  })
}

test('trailers that are broken, or too large over HTTP/1.1, end a call with the reason', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/grpc+proto\r\nTransfer-Encoding: chunked\r\n\r\n'
  const body = `5\r\n\0\0\0\0\0\r\n0\r\n`
  for (const [trailers, status] of [
    [`grpc-status: 9\r\ngrpc-details: ${'x'.repeat(LIMIT_BYTES)}\r\n\r\n`, RESOURCE_EXHAUSTED],
    ['grpc-status: 9\r\ngrpc message: no\r\n\r\n', INTERNAL],
    ['grpc-status: 9\nx: y\r\n', INTERNAL]
  ] as const) {
    const backend = await scripted(t, (_request, socket) => socket.write(head + body + trailers, 'latin1'))
    const { port } = await startBalancer(t, [backend], H2C)
    const client = await Http2Client.open(t, port)
    const answer = await client.ask(CALL, Buffer.alloc(5))
    t.match(answer, { status: 200, trailers: { 'grpc-status': `${status}` }, code: 0 })
    t.equal(answer.body, '\0\0\0\0\0')
    const response = await exchange(
      t,
      port,
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n'
    )
    t.equal(fieldValue(response.trailers, 'grpc-status'), `${status}`)
  }
})

test('a response that is not gRPC is cut off by trailers that are too large', async (t) => {
  const backend = await framed(
    t,
    onRequest((id, peer) => {
      peer.head(id, [':status', '200', 'content-type', 'text/plain'])
      peer.data(id, 'hello')
      peer.head(id, large('x-sum', '9').slice(0, 32), true)
    })
  )
  const { port } = await startBalancer(t, [h2(backend)], { ...H2C, LB_MAX_RESPONSE_HEADER_SIZE: '1024' })
  const client = await Http2Client.open(t, port)
  t.match(await client.ask(CALL), { status: 200, trailers: {}, code: 2 })
})
