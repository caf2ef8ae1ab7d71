import { copyFileSync } from 'node:fs'
import { constants } from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { atEnd, eventually, startBalancer, test } from '../helper.js'
import { Authority, authority, contents } from '../support/certificates.js'
import { answering, bodyOf, secureHttp2Backend } from '../support/http2-backend.js'
import type { Env } from '../support/processes.js'
import { exchange } from '../support/raw-client.js'
import { openTunnel, SWITCHING } from '../support/tunnel.js'
import { answeredOf } from '../support/whole-requests.js'
import { statusOf } from '../support/wire.js'

// Backend

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const CHECKED = { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_PERIOD: '1' }

interface Seen {
  readonly servername: unknown
  readonly client: string | undefined
  readonly isCheck: boolean
}

/** A backend of TLS as `names`, at a port of 127.0.0.1. */
async function secureBackend(t: Test, by: Authority, names: readonly string[], clientCa?: string) {
  const seen: Seen[] = []
  const options = {
    ...contents(by.issue(...names)),
    ...(clientCa ? { ca: clientCa, requestCert: true } : {})
  }
  const server = createServer(options, (req, res) => {
    const { servername } = req.socket as TLSSocket
    const client = (req.socket as TLSSocket).getPeerCertificate().subject?.CN
    const isCheck = req.headers['user-agent'] === 'fairlead-health-check'
    seen.push({ servername, client: client === undefined ? undefined : `${client}`, isCheck })
    res.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, seen }
}

const statusBy = async (t: Test, backends: string, env: Env) => {
  const balancer = await startBalancer(t, backends, env)
  return { balancer, status: statusOf(await exchange(t, balancer.port, GET)) }
}

test('backends are believed by an authority of their own, beside those that are known', async (t) => {
  const by = authority(t)
  if (!by) return
  const { port, seen } = await secureBackend(t, by, ['localhost'])
  const url = `https://localhost:${port}`
  t.equal((await statusBy(t, url, {})).status, 502)
  t.equal((await statusBy(t, url, CHECKED)).status, 503)
  t.equal(seen.length, 0)
  const { balancer, status } = await statusBy(t, url, { ...CHECKED, LB_BACKEND_CA: by.file })
  t.equal(status, 200)
  t.match(seen, [{ isCheck: true }, { isCheck: false }])
  t.ok(balancer.log.every(({ level }) => level < 40))
})

test('a backend is asked for, and has to be, the name that is set beside it', async (t) => {
  const by = authority(t)
  if (!by) return
  const { port, seen } = await secureBackend(t, by, ['app.test'])
  const env = { ...CHECKED, LB_BACKEND_CA: by.file }
  t.equal((await statusBy(t, `https://localhost:${port}`, env)).status, 503, 'not by the host')
  t.equal((await statusBy(t, `https://localhost:${port};tls-name=other.test`, env)).status, 503)
  t.equal(
    (await statusBy(t, `https://localhost:${port};tls-name=other.test`, { LB_BACKEND_CA: by.file })).status,
    502
  )
  t.equal(seen.length, 0)
  const options = ';tls-name=app.test;check-host=checks.test'
  t.equal((await statusBy(t, `https://localhost:${port}${options}`, env)).status, 200)
  t.match(seen, [
    { servername: 'app.test', isCheck: true },
    { servername: 'app.test', isCheck: false }
  ])
})

test('a backend can be believed whatever it shows, which is warned of', async (t) => {
  const by = authority(t)
  if (!by) return
  const [open, strict] = [await secureBackend(t, by, ['a.test']), await secureBackend(t, by, ['a.test'])]
  const backends = `https://localhost:${open.port};tls-no-verify https://localhost:${strict.port}`
  const { balancer, status } = await statusBy(t, backends, CHECKED)
  t.equal(status, 200)
  t.match(
    balancer.stats().backends.map(({ state }) => state),
    ['healthy', 'unhealthy'],
    'that one alone'
  )
  t.same([open.seen.filter(({ isCheck }) => !isCheck).length, strict.seen.length], [1, 0])
  const warnings = balancer.log.filter(({ msg }) => msg.includes('whatever certificate it shows'))
  t.match(warnings, [{ level: 40, backend: `localhost:${open.port}` }])
})

test('a certificate is shown to backends that want one', async (t) => {
  const by = authority(t)
  if (!by) return
  const { port, seen } = await secureBackend(t, by, ['localhost'], by.pem)
  const { certFile, keyFile } = by.issue('balancer.test')
  const url = `https://localhost:${port}`
  const believed = { ...CHECKED, LB_BACKEND_CA: by.file }
  t.equal((await statusBy(t, url, believed)).status, 503)
  t.equal(seen.length, 0)
  const own = { LB_BACKEND_CERT: certFile, LB_BACKEND_KEY: keyFile }
  t.equal((await statusBy(t, url, { ...believed, ...own })).status, 200)
  t.match(seen, [
    { client: 'balancer.test', isCheck: true },
    { client: 'balancer.test', isCheck: false }
  ])
})

test('the files are read anew when they change', async (t) => {
  const by = authority(t)
  if (!by) return
  const other = new Authority(by.folder, 'other')
  const { port } = await secureBackend(t, by, ['localhost'])
  const file = `${by.folder}/backends.pem`
  copyFileSync(other.file, file)
  const balancer = await startBalancer(t, `https://localhost:${port}`, { LB_BACKEND_CA: file })
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 502)
  copyFileSync(by.file, file)
  await eventually(async () => statusOf(await exchange(t, balancer.port, GET)) === 200, 5000)
})

// Backends that speak HTTP/2

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
