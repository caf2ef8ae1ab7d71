import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { atEnd, eventually, inFlight, sleep, startBalancer, test } from '../helper.js'
import { answering, OK, scripted, serving } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

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

/** How long it takes until the client has an answer or is cut off, and its status. */
async function end(client: RawClient): Promise<readonly [tookMs: number, status: number | undefined]> {
  const begun = performance.now()
  const response = await client.response().catch(() => undefined)
  const took = performance.now() - begun
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
    const clients: RawClient[] = []
    for (const [, bytes, more] of cases) {
      const client = await RawClient.open(t, balancer.port)
      trickle(t, client, bytes, more)
      clients.push(client)
    }
    const ends = await Promise.all(clients.map(end))
    for (const [i, [took, status]] of ends.entries()) {
      t.equal(status, 408, cases[i]![0])
      // Node looks once a second.
      t.ok(took > 900 && took < 2600, `${took} ms`)
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
    await t.resolves(client.untilClosed(3000), JSON.stringify(env))
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
