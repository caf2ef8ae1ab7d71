import { copyFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { atEnd, eventually, startBalancer, test } from '../helper.js'
import { Authority, authority, contents } from '../support/certificates.js'
import type { Env } from '../support/processes.js'
import { exchange } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

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
