import http from 'node:http'
import t, { type Test } from 'tap'
import { probeWith, socketBackend } from '../../support/check.js'
import { listen } from '../../support/listen.js'
import { backendAt } from '../../support/registry.js'

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

t.test('by default', async (t) => {
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

t.test('they go before those of the check', async (t) => {
  const head = await headOf(t, { LB_HEALTH_CHECK_HEADERS: 'user-agent: probe/1;ACCEPT: text/plain' })
  t.match(head, '\r\nConnection: close\r\nuser-agent: probe/1\r\nACCEPT: text/plain\r\n\r\n')
  t.notMatch(head, 'fairlead')
  t.notMatch(head, '*/*')
})

t.test('what a backend says of its own checks goes before what holds for all', async (t) => {
  const env = { LB_HEALTH_CHECK_URL: '/all', LB_HEALTH_CHECK_HOST: 'all.example' }
  t.match(await headOf(t, env, ';check=/own?a=1'), /^GET \/own\?a=1 HTTP\/1.1\r\nHost: all.example\r\n/)
  t.match(
    await headOf(t, env, ';check-host=own.example:81'),
    /^GET \/all HTTP\/1.1\r\nHost: own.example:81\r\n/
  )
  t.match(await headOf(t, env, ';check=/b;weight=3;check-host=b'), /^GET \/b HTTP\/1.1\r\nHost: b\r\n/)
})

t.test('a port of its own for checks', async (t) => {
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

t.test('status codes of its own', async (t) => {
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
