import { createServer } from 'node:http'
import { sleep, startBalancer, test, withoutChance } from '../helper.js'
import { answering as answeringStreams, http2Backend } from '../support/http2-backend.js'
import { listen } from '../support/listen.js'
import { answering, OK, type RawBackend, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { switching } from '../support/tunnel.js'
import { fieldValues, statusOf } from '../support/wire.js'

const HOSTLESS: readonly [what: string, ...lines: string[]][] = [
  ['HTTP/1.0', 'GET /x HTTP/1.0'],
  ['HTTP/1.0 that keeps its connection', 'GET /x HTTP/1.0', 'Connection: keep-alive', 'A: 1'],
  ['HTTP/1.0 with an empty Host', 'GET /x HTTP/1.0', 'A: 1', 'hOST:'],
  ['HTTP/1.1 with an empty Host', 'GET /x HTTP/1.1', 'A: 1', 'Host: \t', 'B: 2'],
  ['a check of another balancer', 'OPTIONS * HTTP/1.0'],
  ['an upload without a body', 'POST /x HTTP/1.0', 'Content-Length: 0']
]

const latest = ({ requests }: RawBackend, name: string) => fieldValues(requests.at(-1)!.fields, name)

test('a request that names no host is for the authority of the backend that gets it', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], { LB_FORWARDED: 'true' })
  for (const [what, ...lines] of HOSTLESS) {
    t.equal(statusOf(await exchange(t, port, [...lines, '', ''].join('\r\n'))), 200, what)
    t.same(latest(backend, 'host'), [backend.address], what)
    t.same(latest(backend, 'x-forwarded-host'), [], 'nothing is made up of what the client asked for')
    t.same(latest(backend, 'forwarded'), ['for=127.0.0.1;proto=http'])
  }
  const upload = 'POST /x HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello'
  t.equal(statusOf(await exchange(t, port, upload)), 200)
  t.same([latest(backend, 'host'), `${backend.requests.at(-1)!.body}`], [[backend.address], 'hello'])
})

test('a host that is named goes on as it is, also in an absolute target of HTTP/1.0', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend])
  for (const [bytes, host] of [
    ['GET http://a.test:81/x HTTP/1.0\r\n\r\n', 'a.test:81'],
    ['GET http://a.test/x HTTP/1.0\r\nHost: A.test\r\n\r\n', 'A.test'],
    ['GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n', 'a.test']
  ] as const) {
    t.equal(statusOf(await exchange(t, port, bytes)), 200)
    t.same([latest(backend, 'host'), latest(backend, 'x-forwarded-host')], [[host], [host]])
    t.equal(backend.requests.at(-1)!.startLine, 'GET /x HTTP/1.1')
  }
})

test('a retry names the backend that is asked then', async (t) => {
  withoutChance(t)
  const first = await scripted(t, (_request, socket) => socket.resetAndDestroy())
  const other = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [first, other])
  t.equal(statusOf(await exchange(t, port, 'PUT / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello')), 200)
  t.same(
    [first, other].map((backend) => latest(backend, 'host')),
    [[first.address], [other.address]]
  )
  t.same(
    other.requests.map(({ body }) => `${body}`),
    ['hello']
  )
})

test('a hedge names the backend that is asked beside the first', async (t) => {
  withoutChance(t)
  const hosts: string[] = []
  let slow = false
  const backends = await Promise.all(
    ['first', 'other'].map(async (name) => {
      const server = createServer(({ headers: { host } }, res) => {
        hosts.push(`${name} ${host}`)
        setTimeout(() => res.end(name), slow && name === 'first' ? 3000 : 1)
      })
      return { name, address: await listen(t, server) }
    })
  )
  const balancer = await startBalancer(t, backends, { LB_HEDGE: 'true', LB_STALL_TIMEOUT: '0' })
  const request = 'GET / HTTP/1.0\r\n\r\n'
  for (let i = 0; i < 20; i++) await exchange(t, balancer.port, request)
  await sleep(1100)
  slow = true
  hosts.length = 0
  t.equal(`${(await exchange(t, balancer.port, request)).body}`, 'other')
  t.same(
    hosts,
    backends.map(({ name, address }) => `${name} ${address}`)
  )
})

test('a change of protocol with an empty Host', async (t) => {
  const backend = await switching(t, (socket) => socket.end())
  const { port } = await startBalancer(t, [backend])
  const upgrade = 'GET / HTTP/1.1\r\nHost:\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n'
  t.equal(statusOf(await exchange(t, port, upgrade)), 101)
  t.same(latest(backend, 'host'), [backend.address])
})

test('a backend of HTTP/2 is told its authority', async (t) => {
  const backend = await http2Backend(t, answeringStreams())
  const { port } = await startBalancer(t, [backend])
  for (const [what, ...lines] of HOSTLESS) {
    t.equal(statusOf(await exchange(t, port, [...lines, '', ''].join('\r\n'))), 200, what)
    const { headers } = backend.requests.at(-1)!
    t.equal(headers[':authority'], `127.0.0.1:${backend.port}`, what)
    t.same([headers.host, headers['x-forwarded-host']], [undefined, undefined])
  }
})
