import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { atEnd, type Balancer, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { answering, OK, type RawBackend, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { echo, openTunnel, switching, upgrade } from '../support/tunnel.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

// Limits

const request = (target: string, ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')
const codeOf = ({ body }: Message) => JSON.parse(`${body}`).code
const many = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: ${i}`)

interface Stage {
  readonly backend: RawBackend
  readonly balancer: Balancer
}

async function stage(t: Test, env: Readonly<Record<string, string>>, answer = OK): Promise<Stage> {
  const backend = await scripted(t, answering(answer))
  return { backend, balancer: await startBalancer(t, [backend], env) }
}

/** A request is refused: it is told so, its connection ends, and no backend hears of it. */
async function refused(t: Test, { backend, balancer }: Stage, sent: string, status: number, what: string) {
  const before = backend.requests.length
  const client = await RawClient.open(t, balancer.port)
  client.send(sent)
  const response = await client.response()
  t.equal(statusOf(response), status, what)
  await t.resolves(client.untilClosed())
  t.equal(client.received.length, 0, 'one answer, and no more')
  t.equal(backend.requests.length, before)
  t.equal(balancer.stats().requests.failed, 0, 'it is the fault of the client')
  return response
}

async function passed(t: Test, { balancer }: Stage, sent: string, what: string) {
  t.equal(statusOf(await exchange(t, balancer.port, sent)), 200, what)
}

for (const [name, env, fits, breaks, status, code] of [
  [
    'the head of a request may be so large',
    { LB_MAX_HEADER_SIZE: '2048' },
    request('/', `A: ${'a'.repeat(1800)}`),
    request('/', `A: ${'a'.repeat(2100)}`),
    431,
    undefined
  ],
  [
    'a request may have so many fields',
    { LB_MAX_HEADERS: '10' },
    request('/', ...many(9)),
    request('/', ...many(10)),
    431,
    'LB_TOO_MANY_FIELDS'
  ],
  [
    'a target may be so long',
    { LB_MAX_TARGET_LENGTH: '16' },
    request('/23456789abcdef?'),
    request('/23456789abcdef?x'),
    414,
    'LB_TARGET_TOO_LONG'
  ],
  [
    'an upgrade has the same limits',
    { LB_MAX_TARGET_LENGTH: '16', LB_MAX_HEADERS: '10' },
    request('/', 'Connection: Upgrade', 'Upgrade: test'),
    request('/', 'Connection: Upgrade', 'Upgrade: test', ...many(10)),
    431,
    'LB_TOO_MANY_FIELDS'
  ]
] as const) {
  test(name, async (t) => {
    const scene = await stage(t, env)
    await passed(t, scene, fits, 'within the limit')
    const response = await refused(t, scene, breaks, status, 'beyond it')
    if (code) {
      t.equal(codeOf(response), code)
      t.equal(fieldValue(response.fields, 'connection'), 'close')
    }
    await refused(t, scene, breaks + request('/smuggled'), status, 'with another request behind it')
    await passed(t, scene, fits, 'others are served')
  })
}

test('by default a head has 16 KiB and a target 8 KiB', async (t) => {
  const scene = await stage(t, {})
  await passed(t, scene, request('/', `A: ${'a'.repeat(15_000)}`), '15 KB of fields')
  await refused(t, scene, request('/', `A: ${'a'.repeat(17_000)}`), 431, '17 KB')
  await refused(t, scene, request('/', `A: ${'a'.repeat(2_000_000)}`), 431, '2 MB')
  await passed(t, scene, request(`/${'a'.repeat(8191)}`), 'a target of 8 KiB')
  await refused(t, scene, request(`/${'a'.repeat(8192)}`), 414, 'of a byte more')
})

test('heads of 60 KB pass in both directions, in one piece and in many, where that is allowed', async (t) => {
  const fields = Array.from({ length: 60 }, (_, i) => `X-${i}: ${`${i}`.padEnd(1000, 'v')}`)
  const answer = ['HTTP/1.1 200 OK', ...fields, 'Content-Length: 2', '', 'ok'].join('\r\n')
  const backend = await scripted(t, async ({ startLine }, socket) => {
    for (let at = 0; at < answer.length; at += 7000) {
      socket.write(answer.slice(at, at + 7000))
      if (startLine.includes('parts')) await sleep(3)
    }
  })
  const balancer = await startBalancer(t, [backend], { LB_MAX_HEADER_SIZE: '65536' })
  for (const target of ['/whole', '/parts']) {
    const client = await RawClient.open(t, balancer.port)
    const bytes = request(target, ...fields)
    for (let at = 0; at < bytes.length; at += 9000) {
      client.send(bytes.slice(at, at + 9000))
      if (target === '/parts') await sleep(3)
    }
    const response = await client.response()
    t.equal(`${response.body}`, 'ok')
    for (const [name, message] of [
      ['request', backend.requests.at(-1)!],
      ['response', response]
    ] as const) {
      const lines = message.fields.filter(([name]) => /^X-\d/.test(name)).map((field) => field.join(': '))
      t.ok(lines.join() === fields.join(), `${name} ${target}`)
    }
  }
})

test('a connection may carry so many requests', async (t) => {
  const scene = await stage(t, { LB_MAX_REQUESTS_PER_SOCKET: '3' })
  const { backend, balancer } = scene
  for (const [what, behind] of [
    ['one after another', ''],
    ['pipelined', request('/1') + request('/2')]
  ] as const) {
    const before = backend.requests.length
    const client = await RawClient.open(t, balancer.port)
    client.send(request('/__lb/live') + behind)
    const connections = [fieldValue((await client.response()).fields, 'connection')]
    for (const path of ['/1', '/2']) {
      if (!behind) client.send(request(path))
      connections.push(fieldValue((await client.response()).fields, 'connection'))
    }
    t.same(connections, ['keep-alive', 'keep-alive', 'close'], what)
    await t.resolves(client.untilClosed())
    t.equal(backend.requests.length, before + 2)
  }
  const client = await RawClient.open(t, balancer.port)
  for (let i = 0; i < 5; i++) client.send(request(`/${i}`))
  for (let i = 0; i < 3; i++) t.equal(statusOf(await client.response()), 200)
  await t.resolves(client.untilClosed(), 'more than that at once')
  t.notMatch(client.received.toString(), / 200 /)
})

// Limits of time

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const post = (framing: string, body = '', ...fields: string[]) =>
  ['POST / HTTP/1.1', 'Host: x', framing, ...fields, '', body].join('\r\n')
const LENGTH = 'Content-Length: 1000'
const CHUNKED = 'Transfer-Encoding: chunked'

/** Sends `bytes`, and `more` every 100 ms, until the end of the test. */
function trickle(t: Test, client: RawClient, bytes: string, more = ''): void {
  client.send(bytes)
  const timer = setInterval(() => more && client.socket.writable && client.send(more), 100)
  atEnd(t, () => clearInterval(timer))
}

/** How long it takes from `begunMs` until the client has an answer or is cut off, and its status. */
async function end(
  client: RawClient,
  begunMs: number
): Promise<readonly [tookMs: number, status: number | undefined]> {
  const response = await client.response().catch(() => undefined)
  const took = performance.now() - begunMs
  await client.untilClosed()
  return [took, response && statusOf(response)]
}

for (const [name, env, cases] of [
  [
    'the head of a request has to arrive in time',
    { LB_REQUEST_HEAD_TIMEOUT: '1' },
    [
      ['of which the end never comes', 'GET / HTTP/1.1\r\nHost: x\r\n', ''],
      ['that trickles in', 'GET / HTTP/1.1\r\n', 'A: b\r\n'],
      ['of which nothing comes', '', '']
    ]
  ],
  [
    'a request has to arrive whole in time',
    { LB_REQUEST_TIMEOUT: '1' },
    [
      ['whose body trickles in', post(LENGTH), 'x'],
      ['in chunks', post(CHUNKED), '1\r\nx\r\n'],
      ['whose body never comes', post(LENGTH), '']
    ]
  ],
  [
    'a request has to arrive whole in time, be that shorter than what its head may take or not',
    { LB_REQUEST_TIMEOUT: '1', LB_REQUEST_HEAD_TIMEOUT: '1' },
    [['whose body trickles in', post(LENGTH), 'x']]
  ],
  [
    'a body has to go on in time',
    { LB_REQUEST_BODY_TIMEOUT: '1' },
    [
      ['that never comes', post(LENGTH), ''],
      ['that stops', post(LENGTH, 'x'), ''],
      ['that stops amid a chunk', post(CHUNKED, '5\r\nab'), ''],
      ['that stops before the last chunk', post(CHUNKED, '2\r\nab\r\n'), '']
    ]
  ]
] as const) {
  test(name, async (t) => {
    const heard: Socket[] = []
    const backend = await serving(t, (socket) => void heard.push(socket.resume()))
    const balancer = await startBalancer(t, [backend], env)
    const ends = await Promise.all(
      cases.map(async ([, bytes, more]) => {
        const client = await RawClient.open(t, balancer.port)
        const begunMs = performance.now()
        trickle(t, client, bytes, more)
        return end(client, begunMs)
      })
    )
    for (const [i, [took, status]] of ends.entries()) {
      t.equal(status, 408, cases[i]![0])
      // Without this limit it would be a minute.
      t.ok(took > 900 && took < 20_000, `${took} ms`)
    }
    await t.resolves(eventually(() => inFlight(balancer).join() === '0,0'))
    await t.resolves(
      eventually(() => heard.every(({ destroyed }) => destroyed)),
      'the backend is left, too'
    )
    t.equal(balancer.stats().requests.failed, 0)
    t.equal(balancer.stats().backends[0]!.failed, 0)
  })
}

test('a response that has begun is cut when its request does not go on', async (t) => {
  const backend = await serving(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'))
  })
  const cases: Record<string, string>[] = [
    { LB_REQUEST_BODY_TIMEOUT: '1' },
    { LB_REQUEST_TIMEOUT: '1', LB_REQUEST_HEAD_TIMEOUT: '1' }
  ]
  for (const env of cases) {
    const balancer = await startBalancer(t, [backend], env)
    const client = await RawClient.open(t, balancer.port)
    client.send(post(LENGTH, 'x'))
    await client.until((text) => text.endsWith('hello'))
    await t.resolves(client.untilClosed(), JSON.stringify(env))
    t.ok(client.received.toString().endsWith('hello'), 'nothing is added to it')
  }
})

test('a limit of 0 is none, and a long one may be set', async (t) => {
  const backend = await scripted(t, answering(OK))
  const cases: Record<string, string>[] = [
    { LB_REQUEST_TIMEOUT: '0', LB_REQUEST_BODY_TIMEOUT: '0' },
    { LB_REQUEST_HEAD_TIMEOUT: '3600' },
    { LB_REQUEST_HEAD_TIMEOUT: '3600', LB_REQUEST_TIMEOUT: '1' },
    { LB_KEEP_ALIVE_TIMEOUT: '86400', LB_REQUEST_TIMEOUT: '86400', LB_REQUEST_BODY_TIMEOUT: '86400' }
  ]
  for (const env of cases) {
    try {
      const { port } = await startBalancer(t, [backend], env)
      const client = await RawClient.open(t, port)
      client.send(post('Content-Length: 5'))
      await sleep(50)
      client.send('hello')
      t.equal(statusOf(await client.response()), 200, JSON.stringify(env))
      t.equal(statusOf(await exchange(t, port, GET)), 200)
    } catch (error) {
      t.fail(`${JSON.stringify(env)}: ${error}`)
    }
  }
})

// Sockets of a client

/** A balancer whose last connection has closed before it is looked at. */
async function bounded(t: Test, backend: RawBackend, env: Record<string, string>): Promise<Balancer> {
  const balancer = await startBalancer(t, [backend], env)
  atEnd(t, () => eventually(() => balancer.stats().connections.open === 0))
  return balancer
}

/** A connection from `address` with a request on it: whether it is served, and how to close it. */
async function ask(t: Test, port: number, address: string, sent = GET) {
  const socket = connect({ port, host: '127.0.0.1', localAddress: address })
  atEnd(t, () => socket.destroy())
  let text = ''
  let isClosed = false
  socket.on('data', (bytes) => {
    text += bytes
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  socket.write(sent)
  await eventually(() => text !== '' || isClosed)
  return { status: text.split(' ')[1], close: () => socket.destroy() }
}

test('one address may have so many connections open at once', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, stats } = await bounded(t, backend, { LB_MAX_SOCKETS_PER_CLIENT: '2' })
  const first = await ask(t, port, '127.0.0.1')
  const statuses = [first.status, (await ask(t, port, '127.0.0.1')).status]
  for (let i = 0; i < 3; i++) statuses.push((await ask(t, port, '127.0.0.1')).status)
  t.same(statuses, ['200', '200', undefined, undefined, undefined])
  t.match(stats(), { connections: { open: 2, dropped: 3 }, requests: { total: 2 } })
  t.equal((await ask(t, port, '127.0.0.2')).status, '200', 'another address has its own')
  first.close()
  await eventually(() => stats().connections.open === 2)
  t.equal((await ask(t, port, '127.0.0.1')).status, '200', 'there is room again')
  t.equal((await ask(t, port, '127.0.0.1')).status, undefined, 'for one')
  t.equal((await ask(t, port, '127.0.0.1', GET.replace(' /', ' /__lb/live'))).status, undefined)
})

test('a tunnel is a connection as well, until it ends', async (t) => {
  const balancer = await bounded(t, await switching(t, echo), { LB_MAX_SOCKETS_PER_CLIENT: '1' })
  const { port, stats } = balancer
  const client = await openTunnel(t, balancer)
  t.equal((await ask(t, port, '127.0.0.1', upgrade())).status, undefined)
  t.equal((await ask(t, port, '127.0.0.2', upgrade())).status, '101')
  client.abort()
  await eventually(() => stats().connections.open === 1)
  t.equal((await ask(t, port, '127.0.0.1', upgrade())).status, '101')
})

test('by default there is no limit but that of all', async (t) => {
  const { port } = await bounded(t, await scripted(t, answering(OK)), { LB_MAX_SOCKETS: '50' })
  for (let i = 0; i < 50; i++) t.equal((await ask(t, port, '127.0.0.1')).status, '200')
  t.equal((await ask(t, port, '127.0.0.1')).status, undefined)
})
