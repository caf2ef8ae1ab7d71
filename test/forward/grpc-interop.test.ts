import { once } from 'node:events'
import { Metadata } from '@grpc/grpc-js'
import type { Test } from 'tap'
import { eventually, inFlight, startBalancer, test } from '../helper.js'
import { grpcClient, grpcServer } from '../support/grpc.js'
import {
  type Asked,
  callOnce,
  collect,
  ECHOED,
  ECHOED_BEHIND,
  message,
  type Noticed,
  outcomeOf,
  serveInterop,
  TEST_SERVICE
} from '../support/grpc-interop.js'
import { forHttp2 } from '../support/secure-ports.js'

// The cases that gRPC has its implementations tested against each other with, through a balancer

const OK = 0
const CANCELLED = 1
const UNKNOWN = 2
const DEADLINE_EXCEEDED = 4
const UNIMPLEMENTED = 12
const { empty, unary, input, output, fullDuplex } = TEST_SERVICE
const asIs = (bytes: Buffer) => bytes

async function open(t: Test) {
  const noticed: Noticed = { begun: 0, cancelled: 0 }
  const server = await grpcServer(t, (server) => serveInterop(server, noticed))
  const balancer = await startBalancer(t, [server], forHttp2())
  const client = grpcClient(t, balancer.port)
  const talk = (metadata = new Metadata(), deadline = Number.POSITIVE_INFINITY) => {
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(fullDuplex.path, asIs, asIs, metadata, {
      deadline
    })
    const messages = collect(call)
    const answer = async (asked: Asked, payloadBytes: number) => {
      const answered = once(call, 'data')
      call.write(message(asked, payloadBytes))
      await answered
    }
    return { call, answer, over: outcomeOf(call, () => messages) }
  }
  const send = () => {
    let answer: Buffer | undefined
    const call = client.makeClientStreamRequest<Buffer, Buffer>(input.path, asIs, asIs, (_error, bytes) => {
      answer = bytes
    })
    return { call, over: outcomeOf(call, () => (answer ? [answer] : [])) }
  }
  const freed = async () => {
    await t.resolves(
      eventually(() => inFlight(balancer).every((count) => count === 0)),
      'its slots are free'
    )
    t.equal(balancer.stats().backends[0]!.failed, 0, 'nobody is blamed')
  }
  return { client, noticed, talk, send, freed }
}

test('empty_unary, large_unary', async (t) => {
  const { client } = await open(t)
  t.match(await callOnce(client, empty, Buffer.alloc(0)), { code: OK, sizes: [0] })
  t.match(await callOnce(client, unary, message({ sizes: [314_159] }, 271_828)), {
    code: OK,
    sizes: [314_159]
  })
})

test('client_streaming', async (t) => {
  const { send } = await open(t)
  const { call, over } = send()
  for (const size of [27_182, 8, 1828, 45_904]) call.write(message({}, size))
  call.end()
  t.match(await over, { code: OK, text: '74922' })
})

test('server_streaming', async (t) => {
  const { client } = await open(t)
  const sizes = [31_415, 9, 2653, 58_979]
  const call = client.makeServerStreamRequest<Buffer, Buffer>(output.path, asIs, asIs, message({ sizes }))
  const messages = collect(call)
  t.match(await outcomeOf(call, () => messages), { code: OK, sizes })
})

test('ping_pong', async (t) => {
  const { talk } = await open(t)
  const { call, answer, over } = talk()
  const sizes = [31_415, 9, 2653, 58_979]
  for (const [i, size] of sizes.entries()) await answer({ sizes: [size] }, [27_182, 8, 1828, 45_904][i]!)
  call.end()
  t.match(await over, { code: OK, sizes })
})

test('empty_stream', async (t) => {
  const { talk } = await open(t)
  const { call, over } = talk()
  call.end()
  t.match(await over, { code: OK, sizes: [] })
})

test('timeout_on_sleeping_server', async (t) => {
  const { talk, freed } = await open(t)
  const { call, over } = talk(new Metadata(), Date.now() + 300)
  call.write(message({}, 27_182))
  t.match(await over, { code: DEADLINE_EXCEEDED, sizes: [] })
  await freed()
})

test('cancel_after_begin', async (t) => {
  const { send, noticed, freed } = await open(t)
  const { call, over } = send()
  await eventually(() => noticed.begun === 1)
  call.cancel()
  t.match(await over, { code: CANCELLED, sizes: [] })
  await t.resolves(
    eventually(() => noticed.cancelled === 1),
    'the server is told'
  )
  await freed()
})

test('cancel_after_first_response', async (t) => {
  const { talk, noticed, freed } = await open(t)
  const { call, answer, over } = talk()
  await answer({ sizes: [31_415] }, 27_182)
  call.cancel()
  t.match(await over, { code: CANCELLED, sizes: [31_415] })
  await t.resolves(
    eventually(() => noticed.cancelled === 1),
    'the server is told'
  )
  await freed()
})

test('custom_metadata', async (t) => {
  const { client, talk } = await open(t)
  const binary = Buffer.from([0xab, 0xab, 0xab])
  const metadata = new Metadata()
  metadata.set(ECHOED, 'test_initial_metadata_value')
  metadata.set(ECHOED_BEHIND, binary)
  const asked: Asked = { sizes: [314_159] }
  const { call, answer, over } = talk(metadata)
  await answer(asked, 271_828)
  call.end()
  for (const outcome of [await callOnce(client, unary, message(asked, 271_828), metadata), await over]) {
    t.match(outcome, { code: OK, sizes: asked.sizes })
    t.same(outcome.first.get(ECHOED), ['test_initial_metadata_value'])
    t.same(outcome.behind.get(ECHOED_BEHIND), [binary])
  }
})

const STATUSES: Record<string, string> = {
  status_code_and_message: 'test status message',
  special_status_message: '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n'
}

for (const [name, details] of Object.entries(STATUSES)) {
  test(name, async (t) => {
    const { client, talk } = await open(t)
    const asked: Asked = { status: { code: UNKNOWN, details } }
    const { call, over } = talk()
    call.write(message(asked))
    call.end()
    for (const outcome of [await callOnce(client, unary, message(asked)), await over])
      t.match(outcome, { code: UNKNOWN, details, sizes: [] })
  })
}

test('unimplemented_method, unimplemented_service', async (t) => {
  const { client } = await open(t)
  for (const path of [
    '/grpc.testing.TestService/UnimplementedCall',
    '/grpc.testing.UnimplementedService/UnimplementedCall'
  ])
    t.match(await callOnce(client, { path }, Buffer.alloc(0)), { code: UNIMPLEMENTED, sizes: [] })
})
