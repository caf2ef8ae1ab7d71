import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http, { type RequestListener } from 'node:http'
import https from 'node:https'
import net, { type Socket } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { BodyMatch } from '../../../lib/health/body-match.js'
import { connectProbe } from '../../../lib/health/probe.js'
import { BackendCredentials } from '../../../lib/transport/sockets/credentials.js'
import { NEW_KEY } from '../../support/certificates.js'
import { AMPLE_S, probeWith, socketBackend } from '../../support/check.js'
import { listen, nowhere } from '../../support/listen.js'
import { backendAt } from '../../support/registry.js'

// Probes

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

t.test('an answer that comes too late', async (t) => {
  const server = http.createServer(() => {})
  const backend = backendAt(await listen(t, server))
  const closed = nextClosed(server)
  t.hasStrict(await probeOf(SHORT)(backend), { ok: false, result: 'no answer within 0.1 s' })
  await closed
})

t.test('a head that is incomplete at the timeout', async (t) => {
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

t.test('a certificate of an unknown authority', async (t) => {
  const folder = t.testdir()
  const files = { key: path.join(folder, 'key.pem'), cert: path.join(folder, 'cert.pem') }
  try {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
    const output = ['-keyout', files.key, '-out', files.cert, '-days', '2']
    execFileSync('openssl', ['req', '-x509', ...NEW_KEY, ...output, ...subject], { stdio: 'pipe' })
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

t.test('connectProbe only opens a connection', async (t) => {
  const received: Buffer[] = []
  const server = net.createServer((socket) => socket.on('data', (chunk) => received.push(chunk)))
  const backend = backendAt(await listen(t, server))
  const closed = nextClosed(server)
  t.hasStrict(await connectProbe(10_000, SOCKETS)(backend), { ok: true, result: 'connection accepted' })
  await closed
  t.same(received, [])
})

t.test('connectProbe fails when nothing listens', async (t) => {
  const backend = backendAt(await nowhere(t, net.createServer))
  t.hasStrict(await connectProbe(10_000, SOCKETS)(backend), { ok: false, result: 'connection refused' })
})

// Requests of probes

/** The head that a check sends, where it is answered `200`, and the port that it is sent to. */
async function headOf(t: Test, env: Record<string, string>, options = '') {
  let head = ''
  const backend = await socketBackend(
    t,
    (socket, received) => {
      head = received
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    },
    options
  )
  const check = await probeWith(env)(backend)
  t.hasStrict(check, { ok: true, result: 'status 200' })
  return head.replaceAll(backend.address, 'ADDRESS')
}

t.test('the request by default', async (t) => {
  t.equal(
    await headOf(t, {}),
    'GET / HTTP/1.1\r\nHost: ADDRESS\r\nConnection: close\r\nUser-Agent: fairlead-health-check\r\nAccept: */*\r\n\r\n'
  )
})

t.test('the method', async (t) => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PROPFIND']) {
    const head = await headOf(t, { LB_HEALTH_CHECK_METHOD: method, LB_HEALTH_CHECK_URL: '/health' })
    t.equal(head.split('\r\n')[0], `${method} /health HTTP/1.1`)
    t.notMatch(head, /content-length/i)
  }
  t.match(await headOf(t, { LB_HEALTH_CHECK_METHOD: 'POST' }), /\r\nContent-Length: 0\r\n/)
})

t.test('an answer to HEAD has no body, whatever its length says', async (t) => {
  const backend = await socketBackend(t, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n')
  )
  const check = await probeWith({ LB_HEALTH_CHECK_METHOD: 'HEAD' })(backend)
  t.hasStrict(check, { ok: true, result: 'status 200' })
})

t.test('the host', async (t) => {
  for (const host of ['app.example', 'app.example:8080', '192.0.2.7', '[2001:db8::7]:80'])
    t.match(await headOf(t, { LB_HEALTH_CHECK_HOST: host }), `\r\nHost: ${host}\r\n`)
})

t.test('further fields', async (t) => {
  const head = await headOf(t, {
    LB_HEALTH_CHECK_HEADERS: 'X-Check: a b ;Authorization:Bearer xyz==; x-empty:'
  })
  t.match(head, '\r\nX-Check: a b\r\nAuthorization: Bearer xyz==\r\nx-empty: \r\n\r\n')
})

t.test('fields on lines of their own may have a semicolon', async (t) => {
  const head = await headOf(t, { LB_HEALTH_CHECK_HEADERS: 'X-A: 1;2\r\nX-B: 3\n\nX-C: a:b\n' })
  t.match(head, '\r\nX-A: 1;2\r\nX-B: 3\r\nX-C: a:b\r\n\r\n')
})

t.test('configured fields override those of the check', async (t) => {
  const head = await headOf(t, { LB_HEALTH_CHECK_HEADERS: 'user-agent: probe/1;ACCEPT: text/plain' })
  t.match(head, '\r\nConnection: close\r\nuser-agent: probe/1\r\nACCEPT: text/plain\r\n\r\n')
  t.notMatch(head, 'fairlead')
  t.notMatch(head, '*/*')
})

t.test("a backend's own options of checks override the common ones", async (t) => {
  const env = { LB_HEALTH_CHECK_URL: '/all', LB_HEALTH_CHECK_HOST: 'all.example' }
  t.match(await headOf(t, env, ';check=/own?a=1'), /^GET \/own\?a=1 HTTP\/1.1\r\nHost: all.example\r\n/)
  t.match(
    await headOf(t, env, ';check-host=own.example:81'),
    /^GET \/all HTTP\/1.1\r\nHost: own.example:81\r\n/
  )
  t.match(await headOf(t, env, ';check=/b;weight=3;check-host=b'), /^GET \/b HTTP\/1.1\r\nHost: b\r\n/)
})

t.test('a separate port for checks', async (t) => {
  const hosts: (string | undefined)[] = []
  const server = http.createServer((req, res) => {
    hosts.push(req.headers.host)
    res.end()
  })
  const address = await listen(t, server)
  const backend = backendAt(`127.0.0.1:1;check-port=${address.split(':')[1]}`)
  t.hasStrict(await probeWith()(backend), { ok: true, result: 'status 200' })
  t.same(hosts, [address])
  t.equal(backend.address, '127.0.0.1:1', 'it is known by the port for requests')
})

t.test("a backend's own status codes", async (t) => {
  for (const [status, ok] of [
    [200, false],
    [204, true],
    [299, true],
    [404, true],
    [405, false]
  ] as const) {
    const answer = `HTTP/1.1 ${status} S\r\nContent-Length: 0\r\n\r\n`
    const backend = await socketBackend(t, (socket) => socket.end(answer), ';check-status=201-299+404')
    t.hasStrict(await probeWith()(backend), { ok, result: `status ${status}` })
  }
})

t.test('a check takes no longer than the period of its backend', async (t) => {
  const backend = await socketBackend(t, () => {}, ';check-period=0.2')
  t.hasStrict(await probeWith()(backend), { ok: false, result: 'no answer within 0.2 s' })
})

// Bodies that probes look at

const KIB_64 = 65_536
const BEFORE_BODY = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'

/** What a check that wants `wanted` says of an answer. */
async function check(t: Test, wanted: string, answer: (socket: Socket) => unknown, timeout = '10') {
  const backend = await socketBackend(t, (socket) => void answer(socket))
  const { ok, result } = await probeWith({
    LB_HEALTH_CHECK_BODY: wanted,
    LB_HEALTH_CHECK_TIMEOUT: timeout
  })(backend)
  return [ok, result]
}

/** The same of a body that comes in parts, each in a packet of its own. */
function inParts(t: Test, wanted: string, ...parts: (string | Buffer)[]) {
  return check(t, wanted, async (socket) => {
    socket.setNoDelay(true).write(BEFORE_BODY)
    for (const part of parts) {
      socket.write(part)
      await sleep(20)
    }
    socket.end()
  })
}

const PASSED = [true, 'status 200']
const NO_TEXT = [false, 'status 200, body without the text wanted']
const NO_MATCH = [false, 'status 200, body without a match of the pattern']

t.test('a text', async (t) => {
  t.same(await inParts(t, 'ready', '{"state":"ready"}'), PASSED)
  t.same(await inParts(t, 'ready', '{"state":"Ready"}'), NO_TEXT)
  t.same(await inParts(t, 'ready', ''), NO_TEXT)
  t.same(await inParts(t, 'grün', 'alles grün'), PASSED)
})

t.test('a text across parts of the body', async (t) => {
  t.same(await inParts(t, 'ready', 'rea', 'd', 'y'), PASSED)
  const [first, second] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)]
  t.same(await inParts(t, 'grün', 'gr', first, second, 'n'), PASSED)
  t.same(await inParts(t, '/gr.n/', 'gr', first, second, 'n'), PASSED)
})

t.test('a text across chunks of a chunked body: their sizes are no part of it', async (t) => {
  const answer = (socket: Socket) =>
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n')
  t.same(await check(t, 'ready', answer), PASSED)
})

t.test('a pattern', async (t) => {
  t.same(await inParts(t, '/"state": *"(ok|ready)"/', '{"state": ', '"ready"}'), PASSED)
  t.same(await inParts(t, '/READY/', 'ready'), NO_MATCH)
  t.same(await inParts(t, '/READY/i', 'ready'), PASSED)
  t.same(await inParts(t, '/^b$/m', 'a\nb\nc'), PASSED)
  t.same(await inParts(t, '/a/b/', 'a/b'), PASSED)
  t.same(await inParts(t, '/^ready$/', 'ready', ' not'), NO_MATCH)
})

t.test('a pattern keeps no state between checks', async (t) => {
  let body = 'ready'
  const backend = await socketBackend(t, (socket) => socket.end(BEFORE_BODY + body))
  const probe = probeWith({ LB_HEALTH_CHECK_BODY: '/^ready$/' })
  for (const [text, ok] of [
    ['ready', true],
    ['not ready', false],
    ['ready', true],
    ['ready', true]
  ] as const) {
    body = text
    t.equal((await probe(backend)).ok, ok, text)
  }
})

t.test('only the first 64 KiB count, and the rest is not awaited', async (t) => {
  const start = (size: number, text: string) => (socket: Socket) => {
    socket.on('error', () => {})
    socket.write(`${BEFORE_BODY}${'.'.repeat(size)}${text}`)
  }
  const filler = 'x'.repeat(KIB_64)
  t.same(await check(t, 'ready', start(KIB_64 - 5, `ready${filler}`)), PASSED)
  t.same(await check(t, 'ready', start(KIB_64 - 4, `ready${filler}`)), NO_TEXT)
  t.same(await check(t, '/ready/', start(KIB_64 - 4, `ready${filler}`)), NO_MATCH)
})

t.test('the timeout of a check includes the body that it searches', async (t) => {
  const answer = (socket: Socket) => socket.write(`${BEFORE_BODY}ready`)
  t.same(await check(t, 'ready', answer, '0.2'), [false, 'no answer within 0.2 s'])
})

t.test('a body that breaks', async (t) => {
  const answer = (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nready')
  t.same(await check(t, 'ready', answer), [false, 'connection closed'])
})

t.test('with an unexpected status the body is not searched', async (t) => {
  const answer = (socket: Socket) => socket.write('HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nready')
  t.same(await check(t, 'ready', answer), [false, 'status 503'])
})

t.test('an answer that has no body', async (t) => {
  const answer = (socket: Socket) => socket.end('HTTP/1.1 204 None\r\n\r\n')
  t.same(await check(t, 'ready', answer), [false, 'status 204, body without the text wanted'])
})

t.test('a search that did not get the processor is made again, a few times', (t) => {
  const { cpuUsage } = process
  process.cpuUsage = () => ({ user: 0, system: 0 })
  t.teardown(() => {
    process.cpuUsage = cpuUsage
  })
  const startMs = performance.now()
  const found = new BodyMatch(/^(a+)+$/).explain(Buffer.from(`${'a'.repeat(40)}!`))
  t.equal(found, 'pattern of the body not matched within 100 ms')
  t.ok(performance.now() - startMs >= 290)
  t.end()
})

t.test('a pattern that backtracks for too long is stopped', async (t) => {
  const startMs = performance.now()
  const body = 'a'.repeat(40)
  t.same(await inParts(t, '/^(a+)+$/', body, '!'), [
    false,
    'status 200, pattern of the body not matched within 100 ms'
  ])
  t.ok(performance.now() - startMs < 5000)
})
