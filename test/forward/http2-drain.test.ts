import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { FrameClient } from '../support/frame-client.js'
import { block, data, Flag, frame, get, headers, request, Type } from '../support/http2-frames.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { forHttp2 } from '../support/secure-ports.js'

const PROMPTLY_MS = 5000
const post = (id: number, path = '/') =>
  headers(id, request('POST', path, ['content-length', '10']), { open: true })

async function start(t: Test, env: Readonly<Record<string, string>> = {}) {
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/held')) held.push(socket)
    else socket.write(OK)
  })
  const settings = { ...forHttp2(), LB_DRAIN_TIMEOUT: '20', ...env }
  return { held, balancer: await startBalancer(t, [backend], settings) }
}

function closing(balancer: Balancer) {
  const state = { isOver: false }
  void balancer.fastify.close().then(() => {
    state.isOver = true
  })
  return state
}

/** Waits for the end of a stream, whatever its session is told meanwhile. */
async function ended(client: FrameClient, id: number) {
  const stream = client.stream(id)
  await eventually(() => stream.ended || stream.resetCode !== undefined || client.ended, PROMPTLY_MS)
  return stream
}

/** Streams of which the rest never comes. */
const STALLED: Record<string, Buffer> = {
  'half a body': Buffer.concat([post(1), data(1, 'half')]),
  'nothing of a body': post(1),
  'half a body for a page of the balancer': Buffer.concat([post(1, '/__lb/stats'), data(1, 'half')])
}

test('the limits of a request’s time act on streams in a drain', async (t) => {
  for (const limit of ['LB_REQUEST_TIMEOUT', 'LB_REQUEST_BODY_TIMEOUT']) {
    const { balancer } = await start(t, { [limit]: '1' })
    const clients: FrameClient[] = []
    for (const sent of Object.values(STALLED)) {
      const client = await FrameClient.open(t, balancer.port)
      client.send(sent)
      clients.push(client)
    }
    await eventually(() => balancer.registry.inFlight === 2)
    const state = closing(balancer)
    const [first, second] = await Promise.all(clients.map((client) => ended(client, 1)))
    t.same([first!.status, second!.status], [408, 408], limit)
    await t.resolves(
      eventually(() => state.isOver, PROMPTLY_MS),
      'and nothing else is waited for'
    )
  }
})

test('what a session has sent when a drain begins is answered, and it ends with that', async (t) => {
  const { balancer } = await start(t)
  const [idle, used] = [await FrameClient.open(t, balancer.port), await FrameClient.open(t, balancer.port)]
  used.send(headers(1, get('/')))
  t.equal((await used.over(1)).status, 200)
  const state = closing(balancer)
  for (const [client, id] of [
    [idle, 1],
    [used, 3]
  ] as const) {
    client.send(headers(id, get('/')))
    t.equal((await ended(client, id)).status, 200)
  }
  await Promise.all([idle, used].map((client) => eventually(() => client.ended)))
  t.same([idle.goawayCode, used.goawayCode], [0, 0])
  await eventually(() => state.isOver, PROMPTLY_MS)
})

/** What sessions without a whole request do, and go on doing. */
const LEFT: Record<string, Buffer[]> = {
  nothing: [],
  'half a head': [frame(Type.headers, 0, 1, block(get('/')).subarray(0, 9))],
  'half a head behind an answered request': [
    headers(1, get('/')),
    frame(Type.headers, Flag.endStream, 3, block(get('/')).subarray(0, 9))
  ],
  'half a frame': [headers(1, get('/')).subarray(0, 12)],
  'a head without its continuation': [
    frame(Type.headers, Flag.endStream, 1, block(get('/'))),
    frame(Type.continuation, 0, 1, block([['a', 'b']]))
  ]
}

test('sessions without a whole request are closed in a drain, whatever their clients do', async (t) => {
  const { balancer, held } = await start(t)
  const busy = await FrameClient.open(t, balancer.port)
  busy.send(headers(1, get('/held')))
  await eventually(() => held.length === 1)
  const clients: FrameClient[] = []
  for (const sent of Object.values(LEFT)) {
    const client = await FrameClient.open(t, balancer.port)
    // It keeps its side open, too.
    client.socket.allowHalfOpen = true
    client.send(...sent)
    clients.push(client)
  }
  await sleep(100)
  const state = closing(balancer)
  for (const [i, name] of Object.keys(LEFT).entries())
    await t.resolves(
      eventually(() => clients[i]!.isOver, PROMPTLY_MS),
      name
    )
  await eventually(() => balancer.connections.size === 1, PROMPTLY_MS)
  t.notOk(state.isOver)
  held[0]!.write(OK)
  t.equal((await ended(busy, 1)).status, 200)
  await eventually(() => state.isOver, PROMPTLY_MS)
})

test('a session whose preface never comes does not hold a drain', async (t) => {
  const balancer = await startBalancer(t, [await scripted(t, answering(OK))], {
    ...forHttp2(),
    LB_DRAIN_TIMEOUT: '20'
  })
  await FrameClient.open(t, balancer.port, { opening: Buffer.from('PRI * HTTP/2.0\r\n\r\nS') })
  await FrameClient.open(t, balancer.port, { opening: Buffer.alloc(0) })
  await eventually(() => balancer.connections.size === 2)
  const state = closing(balancer)
  await t.resolves(eventually(() => state.isOver, PROMPTLY_MS))
})
