import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import tap, { type Test } from 'tap'
import { atEnd, eventually, sleep, startBalancer, test } from '../helper.js'
import { NEW_KEY, openssl, selfSigned } from '../support/certificates.js'
import { lb } from '../support/child.js'
import { needs } from '../support/command.js'
import type { Env } from '../support/processes.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { statusOf } from '../support/wire.js'

const BIG = Buffer.alloc(20_000_000, 'over TLS ')

/** A certificate for `localhost` and `check.example` that signs itself, the same for all tests here; undefined without openssl. */
let made: ReturnType<typeof makeCertificate> | undefined

function certificateFor(t: Test) {
  if (needs(t, 'openssl')) made ??= makeCertificate()
  return made
}

function makeCertificate() {
  const folder = mkdtempSync(path.join(tmpdir(), 'tls-backend-'))
  tap.teardown(() => rmSync(folder, { recursive: true }))
  const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,DNS:check.example']
  const output = ['-keyout', keyFile, '-out', certFile, '-days', '2']
  openssl(['req', '-x509', ...NEW_KEY, ...output, ...subject])
  return { certFile, key: readFileSync(keyFile), cert: readFileSync(certFile) }
}

/** A backend of TLS, or undefined without a certificate. */
async function secureBackend(t: Test) {
  const certificate = certificateFor(t)
  if (!certificate) return undefined
  const seen: { method: string; host: string; servername: unknown; size: number }[] = []
  let written = 0
  const server = createServer(certificate, async (req, res) => {
    let size = 0
    for await (const chunk of req as AsyncIterable<Buffer>) size += chunk.length
    const { servername } = req.socket as TLSSocket
    seen.push({ method: req.method!, host: req.headers.host!, servername, size })
    if (req.url === '/big') res.writeHead(200, { 'Content-Length': BIG.length })
    for (let at = 0; req.url === '/big' && at < BIG.length; at += 100_000) {
      if (!res.write(BIG.subarray(at, at + 100_000)))
        await new Promise((resolve) => res.once('drain', resolve))
      written = at + 100_000
    }
    res.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, certFile: certificate.certFile, seen, written: () => written }
}

/** A balancer before it, or undefined without a certificate. */
async function start(t: Test, envOf: (certFile: string) => Env, host = 'localhost', options = '') {
  const backend = await secureBackend(t)
  if (!backend) return undefined
  const { certFile, seen, written } = backend
  const env = { LB_NO_HEALTH_CHECK: 'false', ...envOf(certFile) }
  const { port, log } = await startBalancer(t, `https://${host}:${backend.port}${options}`, env)
  return { port, messages: () => log.map(({ msg }) => msg).join('\n'), seen, written }
}

const trusting = (certFile: string): Env => ({ LB_BACKEND_CA: certFile })
const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: other.example\r\n\r\n`

test('a backend of TLS is asked by its own name, whatever Host the client sends', async (t) => {
  const backend = await secureBackend(t)
  if (!backend) return
  const { seen, certFile } = backend
  const other = mkdtempSync(path.join(tmpdir(), 'authority-'))
  atEnd(t, () => rmSync(other, { recursive: true }))
  // Node itself is told of an authority as a process starts; of the balancer's own there may be others.
  const child = lb(t, ['-p', '0', '-b', `https://localhost:${backend.port}`], {
    NODE_EXTRA_CA_CERTS: certFile,
    LB_BACKEND_CA: selfSigned(other, '/CN=other').certFile
  })
  const port = await child.listening()
  seen.length = 0
  for (let i = 0; i < 3; i++) t.equal(statusOf(await exchange(t, port, request('/'))), 200)
  const body = Buffer.alloc(3_000_000)
  const head = `POST / HTTP/1.1\r\nHost: other.example\r\nContent-Length: ${body.length}\r\n\r\n`
  t.equal(statusOf(await exchange(t, port, Buffer.concat([Buffer.from(head), body]))), 200)
  t.match(seen, [
    ...Array(3).fill({ method: 'GET', host: 'other.example', servername: 'localhost', size: 0 }),
    { method: 'POST', host: 'other.example', servername: 'localhost', size: body.length }
  ])
})

test('a client that does not read stops a backend of TLS', async (t) => {
  const balancer = await start(t, trusting)
  if (!balancer) return
  const { port, written } = balancer
  const client = await RawClient.open(t, port)
  client.socket.pause()
  client.send(request('/big'))
  let before = -1
  await eventually(async () => {
    before = written()
    await sleep(150)
    return before > 0 && before === written()
  }, 20_000)
  t.ok(before < BIG.length, `it got rid of ${before} bytes`)
  client.socket.resume()
  t.ok((await client.response()).body.equals(BIG))
})

test('checks go over TLS as requests do, with a method and a name of their own', async (t) => {
  const balancer = await start(t, (certFile) => ({
    ...trusting(certFile),
    LB_HEALTH_CHECK_METHOD: 'HEAD',
    LB_HEALTH_CHECK_HOST: 'check.example:8443'
  }))
  if (!balancer) return
  t.equal(statusOf(await exchange(t, balancer.port, request('/'))), 200)
  t.match(balancer.seen, [
    { method: 'HEAD', host: 'check.example:8443', servername: 'check.example' },
    { method: 'GET', host: 'other.example', servername: 'localhost' }
  ])
})

test('a check by a name that the certificate does not have fails', async (t) => {
  const balancer = await start(t, trusting, 'localhost', ';check-host=other.example')
  if (!balancer) return
  t.match(balancer.messages(), /UNHEALTHY.*certificate is for another name/)
  t.equal(balancer.seen.length, 0)
})

test('a check of a certificate that nobody vouches for fails', async (t) => {
  const balancer = await start(t, () => ({}))
  if (!balancer) return
  t.match(balancer.messages(), /UNHEALTHY.*certificate not trusted/)
  t.equal(balancer.seen.length, 0)
})

test('a certificate that nobody vouches for is refused, and the backend gets no request', async (t) => {
  const balancer = await start(t, () => ({ LB_NO_HEALTH_CHECK: 'true' }))
  if (!balancer) return
  const response = await exchange(t, balancer.port, request('/'))
  t.equal(statusOf(response), 502)
  t.equal(JSON.parse(response.body.toString()).code, 'LB_BACKEND_UNREACHABLE')
  t.equal(balancer.seen.length, 0)
})

test('a certificate for another name is refused', async (t) => {
  const balancer = await start(t, trusting, '127.0.0.1')
  if (!balancer) return
  t.equal(statusOf(await exchange(t, balancer.port, request('/'))), 503)
  t.match(balancer.messages(), /UNHEALTHY/)
  t.equal(balancer.seen.length, 0)
})
