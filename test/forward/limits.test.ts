import type { Test } from 'tap'
import { type Balancer, sleep, startBalancer, test } from '../helper.js'
import { answering, OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

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
  await t.resolves(client.untilClosed(3000))
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
    await t.resolves(client.untilClosed(1000))
    t.equal(backend.requests.length, before + 2)
  }
  const client = await RawClient.open(t, balancer.port)
  for (let i = 0; i < 5; i++) client.send(request(`/${i}`))
  for (let i = 0; i < 3; i++) t.equal(statusOf(await client.response()), 200)
  await t.resolves(client.untilClosed(1000), 'more than that at once')
  t.notMatch(client.received.toString(), / 200 /)
})
