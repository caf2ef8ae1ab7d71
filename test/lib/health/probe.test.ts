import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http, { type RequestListener } from 'node:http'
import https from 'node:https'
import net, { type Socket } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { connectProbe } from '../../../lib/health/probe.js'
import { BackendCredentials } from '../../../lib/transport/sockets/credentials.js'
import { AMPLE_S, probeWith, socketBackend } from '../../support/check.js'
import { listen, nowhere } from '../../support/listen.js'
import { backendAt } from '../../support/registry.js'

const AMPLE = AMPLE_S
const SOCKETS = { credentials: new BackendCredentials({ caFile: '', certFile: '', keyFile: '' }) }
const SHORT = '0.1'

const probeOf = (timeout = AMPLE, env: Record<string, string> = {}) =>
  probeWith({ LB_HEALTH_CHECK_TIMEOUT: timeout, ...env })

async function httpBackend(t: Test, listener: RequestListener) {
  return backendAt(await listen(t, http.createServer(listener)))
}

/** When the next connection to a server is closed, in whatever way. */
async function nextClosed(server: net.Server): Promise<void> {
  const [socket] = await once(server, 'connection')
  await new Promise((resolve) => socket.resume().on('close', resolve))
}

t.test('a healthy answer', async (t) => {
  const requests: http.IncomingMessage[] = []
  const backend = await httpBackend(t, (req, res) => {
    requests.push(req)
    res.end('fine')
  })
  const before = new Date()
  const check = await probeOf(AMPLE, { LB_HEALTH_CHECK_URL: '/health?deep=1' })(backend)
  t.hasStrict(check, { ok: true, result: 'status 200' })
  t.ok(check.at >= before && check.at <= new Date())
  t.ok(check.latencyMs > 0 && check.latencyMs < 10_000)
  t.hasStrict(requests, [
    {
      method: 'GET',
      url: '/health?deep=1',
      headers: { host: backend.address, 'user-agent': 'fairlead-health-check', connection: 'close' }
    }
  ])
})

t.test('status codes decide', async (t) => {
  const backend = await httpBackend(t, (req, res) => res.writeHead(Number(req.url!.slice(1))).end())
  for (const [expected, status, ok] of [
    ['200-399', 200, true],
    ['200-399', 301, true],
    ['200-399', 399, true],
    ['200-399', 400, false],
    ['200-399', 503, false],
    ['204,301-302', 204, true],
    ['204,301-302', 302, true],
    ['204,301-302', 200, false],
    ['204,301-302', 303, false],
    ['404', 404, true]
  ] as const) {
    const env = { LB_HEALTH_CHECK_STATUS: expected, LB_HEALTH_CHECK_URL: `/${status}` }
    t.hasStrict(await probeOf(AMPLE, env)(backend), { ok, result: `status ${status}` }, expected)
  }
})

t.test('an early hint is not the answer', async (t) => {
  const backend = await socketBackend(t, (socket) =>
    socket.end('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n')
  )
  t.hasStrict(await probeOf()(backend), { ok: false, result: 'status 500' })
})

t.test('a redirect is not followed', async (t) => {
  const urls: (string | undefined)[] = []
  const backend = await httpBackend(t, (req, res) => {
    urls.push(req.url)
    res.writeHead(302, { location: '/elsewhere' }).end()
  })
  t.hasStrict(await probeOf()(backend), { ok: true, result: 'status 302' })
  t.same(urls, ['/'])
})

t.test('every check has a connection of its own, which it closes', async (t) => {
  const sockets: Socket[] = []
  const server = http.createServer((_, res) => res.end('fine'))
  server.on('connection', (socket) => sockets.push(socket))
  const backend = backendAt(await listen(t, server))
  const probe = probeOf()
  for (let checks = 1; checks <= 3; checks++) {
    t.ok((await probe(backend)).ok)
    t.equal(sockets.length, checks)
  }
  for (const socket of sockets) if (!socket.closed) await once(socket, 'close')
})

t.test('no answer in time', async (t) => {
  const server = http.createServer(() => {})
  const backend = backendAt(await listen(t, server))
  const closed = nextClosed(server)
  t.hasStrict(await probeOf(SHORT)(backend), { ok: false, result: 'no answer within 0.1 s' })
  await closed
})

t.test('half a head in time', async (t) => {
  const backend = await socketBackend(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-'))
  t.hasStrict(await probeOf(SHORT)(backend), { ok: false, result: 'no answer within 0.1 s' })
})

t.test('connection refused', async (t) => {
  const backend = backendAt(await nowhere(t, net.createServer))
  t.hasStrict(await probeOf()(backend), { ok: false, result: 'connection refused' })
})

t.test('connection reset', async (t) => {
  const backend = await socketBackend(t, (socket) => socket.resetAndDestroy())
  t.hasStrict(await probeOf()(backend), { ok: false, result: 'connection reset' })
})

t.test('connection closed without an answer', async (t) => {
  const backend = await socketBackend(t, (socket) => socket.destroy())
  t.hasStrict(await probeOf()(backend), { ok: false, result: 'connection closed' })
})

t.test('an answer that is not HTTP', async (t) => {
  const backend = await socketBackend(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))
  t.hasStrict(await probeOf()(backend), {
    ok: false,
    result: 'broken response (no HTTP)'
  })
})

t.test('the head is enough: a body that never ends delays nothing, and is cut at the timeout', async (t) => {
  const server = http.createServer((_, res) => void res.writeHead(200).write('a'))
  const backend = backendAt(await listen(t, server))
  const closed = nextClosed(server)
  const check = await probeOf('0.5')(backend)
  t.hasStrict(check, { ok: true, result: 'status 200' })
  await closed
})

t.test('a body without bounds is cut', async (t) => {
  const server = http.createServer((_, res) => {
    const write = () => {
      while (!res.destroyed && res.write(Buffer.alloc(16_384)));
    }
    res.on('drain', write)
    write()
  })
  const backend = backendAt(await listen(t, server))
  const closed = nextClosed(server)
  const startMs = performance.now()
  t.hasStrict(await probeOf()(backend), { ok: true, result: 'status 200' })
  await closed
  t.ok(performance.now() - startMs < 8000, 'before the timeout would cut it')
})

t.test('a certificate that nobody vouches for', async (t) => {
  const folder = t.testdir()
  const files = { key: path.join(folder, 'key.pem'), cert: path.join(folder, 'cert.pem') }
  try {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
    const output = ['-nodes', '-keyout', files.key, '-out', files.cert, '-days', '2']
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...output, ...subject], { stdio: 'pipe' })
  } catch (error) {
    t.pass('needs openssl to make a certificate', { skip: (error as Error).message })
    return
  }
  let asked = 0
  const credentials = { key: readFileSync(files.key), cert: readFileSync(files.cert) }
  const server = https.createServer(credentials, (_, res) => {
    asked++
    res.end()
  })
  const address = await listen(t, server)
  const check = await probeOf()(backendAt(`https://${address}`))
  t.match(check, { ok: false, result: /certificate not trusted/ })
  t.equal(asked, 0, 'it is never asked anything')
})

t.test('connectProbe asks for a connection, and nothing else', async (t) => {
  const received: Buffer[] = []
  const server = net.createServer((socket) => socket.on('data', (chunk) => received.push(chunk)))
  const backend = backendAt(await listen(t, server))
  const closed = nextClosed(server)
  t.hasStrict(await connectProbe(10_000, SOCKETS)(backend), { ok: true, result: 'connection accepted' })
  await closed
  t.same(received, [])
})

t.test('connectProbe sees that nothing listens', async (t) => {
  const backend = backendAt(await nowhere(t, net.createServer))
  t.hasStrict(await connectProbe(10_000, SOCKETS)(backend), { ok: false, result: 'connection refused' })
})
