import { once } from 'node:events'
import { eventually, inFlight, startBalancer, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { ALL_WELL, GrpcClient, grpcServer } from '../support/grpc.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { startSecureBalancer } from '../support/secure-balancer.js'

const H2C = { LB_H2C: 'true' }
const CANCELLED = 1
const UNIMPLEMENTED = '12'

test('calls of gRPC of all four kinds pass by HTTP/2 on both sides', async (t) => {
  const balancer = await startBalancer(t, [await grpcServer(t), await grpcServer(t)], H2C)
  const client = new GrpcClient(t, balancer.port)
  t.same(await client.all(), ALL_WELL)
  const calls = Array.from({ length: 200 }, (_, i) => client.unary(`${i}`))
  t.ok((await Promise.all(calls)).every(({ message }, i) => message === `${i}`))
  const { backends, requests } = balancer.stats()
  t.ok(backends.every(({ total }) => total > 50))
  t.equal(requests.failed, 0)
})

test('an error without a message is the head alone, as it was', async (t) => {
  const { port } = await startBalancer(t, [await grpcServer(t)], H2C)
  const client = await Http2Client.open(t, port)
  const fields = { ':method': 'POST', ':path': '/test.Echo/Missing', 'content-type': 'application/grpc' }
  const stream = client.begin({ ...fields, te: 'trailers' }, true)
  stream.end(Buffer.alloc(5))
  const flags = once(stream, 'response').then(([, flags]) => flags)
  t.match(await answerOn(stream), { headers: { 'grpc-status': UNIMPLEMENTED }, trailers: {} })
  t.equal(((await flags) as number) & 1, 1)
})

test('a stream that goes both ways goes on for as long as both want, and no longer', async (t) => {
  const balancer = await startBalancer(t, [await grpcServer(t)], H2C)
  const client = new GrpcClient(t, balancer.port)
  const chat = client.chat()
  for (let i = 0; i < 100; i++) {
    chat.write(Buffer.from(`${i}`))
    const [answer] = await once(chat, 'data')
    if (`${answer}` !== `${i}!`) t.fail(`${answer}`)
  }
  t.same(inFlight(balancer), [1, 1])
  const status = new Promise<number>((resolve) => chat.on('status', ({ code }) => resolve(code)))
  chat.on('error', () => {}).cancel()
  t.equal(await status, CANCELLED)
  await eventually(() => inFlight(balancer).every((count) => count === 0), 1000)
  t.equal(balancer.stats().backends[0]!.failed, 0)
})

test('messages that are read slowly hold back who sends them', async (t) => {
  const balancer = await startBalancer(t, [await grpcServer(t)], H2C)
  const client = new GrpcClient(t, balancer.port)
  const numbers: string[] = []
  for await (const number of client.count(20_000)) {
    numbers.push(`${number}`)
    if (numbers.length % 2000 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  t.equal(numbers.length, 20_000)
  t.ok(numbers.every((number, i) => number === `${i + 1}`))
})

test('over TLS, too', async (t) => {
  const by = authority(t)
  if (!by) return
  const { port } = await startSecureBalancer(t, by, [await grpcServer(t)])
  const client = await Http2Client.open(t, port)
  const fields = { ':method': 'POST', ':path': '/test.Echo/Unary', 'content-type': 'application/grpc' }
  const stream = client.begin({ ...fields, te: 'trailers' }, true)
  stream.end(Buffer.from([0, 0, 0, 0, 2, 104, 105]))
  t.match(await answerOn(stream), { body: '\0\0\0\0\x02hi', trailers: { 'grpc-status': '0' } })
})
