import { constants } from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { atEnd, startBalancer, test } from '../helper.js'
import { authority, contents } from '../support/certificates.js'
import { answering, bodyOf, secureHttp2Backend } from '../support/http2-backend.js'
import { exchange } from '../support/raw-client.js'
import { openTunnel, SWITCHING } from '../support/tunnel.js'
import { answeredOf } from '../support/whole-requests.js'
import { statusOf } from '../support/wire.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'

test('HTTP/2 over TLS is agreed to, for requests and checks', async (t) => {
  const by = authority(t)
  if (!by) return
  const seen: unknown[] = []
  const backend = await secureHttp2Backend(
    t,
    async (asked) => {
      const { alpnProtocol } = asked.stream.session!.socket as TLSSocket
      seen.push([asked.headers[':method'], asked.headers[':scheme'], alpnProtocol])
      answering(await bodyOf(asked))(asked)
    },
    contents(by.issue('localhost'))
  )
  const env = { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_PERIOD: '60', LB_BACKEND_CA: by.file }
  const balancer = await startBalancer(t, [backend], env)
  const response = await exchange(t, balancer.port, POST)
  t.equal(response.body.toString(), 'hello')
  t.same(seen, [
    ['GET', 'https', 'h2'],
    ['POST', 'https', 'h2']
  ])
  t.equal(backend.connections, 2)
})

test('a backend that takes one request a connection refuses nobody for good', async (t) => {
  const by = authority(t)
  if (!by) return
  const seen = new Set<unknown>()
  const backend = await secureHttp2Backend(
    t,
    async (asked) => {
      const { session } = asked.stream
      if (seen.has(session)) return asked.stream.close(constants.NGHTTP2_REFUSED_STREAM)
      seen.add(session)
      session!.goaway(constants.NGHTTP2_NO_ERROR, asked.stream.id)
      answering(await bodyOf(asked))(asked)
    },
    contents(by.issue('localhost'))
  )
  const balancer = await startBalancer(t, [backend], { LB_BACKEND_CA: by.file, LB_RETRIES: '0' })
  t.equal(await answeredOf(t, balancer, 10, 5, POST), 50)
  t.equal(seen.size, 50)
})

test('the certificate has to be right as for HTTP/1.1', async (t) => {
  const by = authority(t)
  if (!by) return
  const backend = await secureHttp2Backend(t, answering(), contents(by.issue('other.test')))
  const url = backend.address
  const statusBy = async (address: string, env = {}) =>
    statusOf(await exchange(t, (await startBalancer(t, address, env)).port, GET))
  t.equal(await statusBy(url), 502)
  t.equal(await statusBy(url, { LB_BACKEND_CA: by.file }), 502)
  t.equal(backend.requests.length, 0)
  t.equal(await statusBy(`${url};tls-name=other.test`, { LB_BACKEND_CA: by.file }), 200)
})

for (const [what, options] of [
  ['says nothing of protocols', {}],
  ['agrees to another one', { ALPNProtocols: ['http/1.1'] }]
] as const) {
  test(`a server that ${what} does not speak HTTP/2, as checks find too`, async (t) => {
    const by = authority(t)
    if (!by) return
    const server = createServer({ ...contents(by.issue('localhost')), ...options }, (_req, res) =>
      res.end('one')
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    atEnd(t, () => server.close())
    const { port } = server.address() as AddressInfo
    const env = { LB_BACKEND_CA: by.file }
    const balancer = await startBalancer(t, `https://localhost:${port};h2`, env)
    t.equal(statusOf(await exchange(t, balancer.port, POST)), 502)
    t.ok(balancer.log.some(({ msg }) => msg.includes('does not speak HTTP/2')))
    const checked = await startBalancer(t, `https://localhost:${port};h2`, {
      ...env,
      LB_NO_HEALTH_CHECK: 'false',
      LB_HEALTH_CHECK_PERIOD: '60'
    })
    t.match(checked.stats().backends, [{ state: 'unhealthy', reason: /does not speak HTTP\/2/ }])
  })
}

test('a change of protocol asks for HTTP/1.1', async (t) => {
  const by = authority(t)
  if (!by) return
  const server = createServer({ ...contents(by.issue('localhost')), ALPNProtocols: ['h2', 'http/1.1'] })
  const protocols: unknown[] = []
  server.on('upgrade', (_req, socket) => {
    protocols.push((socket as TLSSocket).alpnProtocol)
    socket.write(SWITCHING)
    socket.on('error', () => {})
    atEnd(t, () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => server.close())
  const { port } = server.address() as AddressInfo
  await openTunnel(t, await startBalancer(t, `https://localhost:${port};h2`, { LB_BACKEND_CA: by.file }))
  t.same(protocols, ['http/1.1'])
})
