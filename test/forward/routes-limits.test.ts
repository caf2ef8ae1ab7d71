import { test, withoutChance } from '../helper.js'
import { Http2Client } from '../support/http2-client.js'
import { startWithRoute } from '../support/one-route.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { forHttp2 } from '../support/secure-ports.js'
import { fieldValue, type Message, statusOf } from '../support/wire.js'

// Limits of a route in place of those of its pool

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const codeOf = ({ body }: Message): string => JSON.parse(`${body}`).code

test('the head of a response has as long as the route says', async (t) => {
  const silent = await scripted(t, () => {})
  const { port } = await startWithRoute(t, [silent], { timeout: 0.1 })
  const answer = await exchange(t, port, GET)
  t.same([statusOf(answer), codeOf(answer)], [504, 'LB_RESPONSE_TIMEOUT'])
})

test('a route without a timeout waits where its pool would not', async (t) => {
  const slow = await scripted(t, (_request, socket) => void setTimeout(() => socket.write(OK), 400))
  const { port } = await startWithRoute(t, [slow], { timeout: 0 }, { LB_RESPONSE_TIMEOUT: '0.1' })
  t.equal(statusOf(await exchange(t, port, GET)), 200)
})

test('a request is retried as often as its route says', async (t) => {
  withoutChance(t)
  const breaking = await Promise.all([1, 2, 3].map(() => scripted(t, (_request, socket) => socket.destroy())))
  const env = { LB_OUTAGE_TIMEOUT: '0', LB_RETRY_BUDGET: '1' }
  const asked = () => breaking.reduce((sum, { requests }) => sum + requests.length, 0)
  for (const retries of [0, 2]) {
    const before = asked()
    const { port } = await startWithRoute(t, breaking, { retries }, { ...env, LB_RETRIES: '1' })
    t.equal(codeOf(await exchange(t, port, GET)), 'LB_CONNECTION_LOST')
    t.equal(asked() - before, retries + 1)
  }
})

test('a body may be as large as the route says: more or less than elsewhere', async (t) => {
  const backend = await scripted(t, answering(OK))
  const declared = (bytes: number) =>
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n${'b'.repeat(bytes)}`
  const chunked = (bytes: number) =>
    `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${'b'.repeat(bytes)}\r\n0\r\n\r\n`
  for (const [limit, ofAll] of [
    [10, '100'],
    [10, '5'],
    [10, '0']
  ] as const) {
    const env = { ...forHttp2(), LB_MAX_BODY_SIZE: ofAll }
    const { port } = await startWithRoute(t, [backend], { 'max-body-size': limit }, env)
    for (const request of [declared, chunked]) {
      t.equal(statusOf(await exchange(t, port, request(10))), 200, ofAll)
      const refused = await exchange(t, port, request(11))
      t.same([statusOf(refused), codeOf(refused)], [413, 'LB_BODY_TOO_LARGE'], ofAll)
    }
    const client = await Http2Client.open(t, port)
    t.equal((await client.ask({ ':path': '/', ':method': 'POST' }, 'b'.repeat(10))).status, 200)
    t.equal((await client.ask({ ':path': '/', ':method': 'POST' }, 'b'.repeat(11))).status, 413)
  }
})

test('a route serves some clients alone, and not all of those', async (t) => {
  const backend = await scripted(t, answering(OK))
  const from = (address: string) => `GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address}\r\n\r\n`
  const route = { allow: ['192.0.2.0/24'], deny: ['192.0.2.7'] }
  const { port } = await startWithRoute(t, [backend], route, { LB_TRUSTED_PROXIES: '127.0.0.1' })
  t.equal(statusOf(await exchange(t, port, from('192.0.2.1'))), 200)
  for (const address of ['192.0.2.7', '198.51.100.1']) {
    const answer = await exchange(t, port, from(address))
    t.same([statusOf(answer), codeOf(answer)], [403, 'LB_DENIED'])
  }
  t.equal(backend.requests.length, 1)
})

test('a client comes to a route as often as that says, and is told when to come again', async (t) => {
  const backend = await scripted(t, answering(OK))
  for (const [limit, policy, waitS] of [
    ['1/s;burst=2', '"client";q=1;w=1;fairlead-burst=2', 1],
    ['30/m;burst=2', '"client";q=1800;w=3600;fairlead-burst=2', 2]
  ] as const) {
    const { port } = await startWithRoute(t, [backend], { 'rate-limit': limit })
    const statuses = [
      await exchange(t, port, GET),
      await exchange(t, port, GET),
      await exchange(t, port, GET)
    ]
    t.same(statuses.map(statusOf), [200, 200, 429])
    t.equal(fieldValue(statuses[2]!.fields, 'ratelimit-policy'), policy)
    t.equal(fieldValue(statuses[2]!.fields, 'retry-after'), `${waitS}`)
  }
})
