import { connect } from 'node:net'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, eventually, sleep, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { lb } from '../support/child.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { shown, startSecureBalancer } from '../support/secure-balancer.js'
import { fieldValue, statusOf } from '../support/wire.js'

test('plain HTTP is sent to the same at https', async (t) => {
  const by = authority(t)
  if (!by) return
  const plain = await freePort()
  const backend = await scripted(t, answering(OK))
  const env = { ...shown(by.issue('localhost')), LB_HTTPS_REDIRECT_PORT: `${plain}`, LB_HSTS: '60' }
  const { port } = await startSecureBalancer(t, by, [backend], env)
  const at = `https://a.test:${port}`
  for (const [sent, location] of [
    ['GET / HTTP/1.1\r\nHost: a.test\r\n\r\n', `${at}/`],
    ['GET /a/../b//%zz?x=%0d%0a&y=1 HTTP/1.1\r\nHost: a.test:80\r\n\r\n', `${at}/a/../b//%zz?x=%0d%0a&y=1`],
    ['GET //evil.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', `${at}//evil.test/`],
    ['GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n', `${at}/x`],
    ['GET /__lb/stats HTTP/1.1\r\nHost: a.test\r\n\r\n', `${at}/__lb/stats`],
    ['GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n', `https://[::1]:${port}/`],
    ['GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', `${at}/`],
    ['POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc', `${at}/up`],
    ['PUT /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n', `${at}/up`]
  ] as const) {
    const response = await exchange(t, plain, sent)
    t.equal(response.startLine, 'HTTP/1.1 308 Permanent Redirect', sent)
    t.equal(fieldValue(response.fields, 'location'), location)
    t.equal(fieldValue(response.fields, 'connection'), 'close')
    t.equal(fieldValue(response.fields, 'strict-transport-security'), undefined, 'RFC 6797, 7.2')
  }
  for (const sent of [
    'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.1\r\nHost:\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a@b.test\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n',
    'GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x00\r\n\r\n'
  ])
    t.equal(statusOf(await exchange(t, plain, sent)), 400, JSON.stringify(sent))
  t.equal(statusOf(await exchange(t, plain, 'BAN / HTTP/1.1\r\nHost: a.test\r\n\r\n')), 501)
  t.equal(backend.requests.length, 0)
})

test('the port that clients are sent to can be another one', async (t) => {
  const by = authority(t)
  if (!by) return
  const plain = await freePort()
  const env = { ...shown(by.issue('localhost')), LB_HTTPS_REDIRECT_PORT: `${plain}`, LB_HTTPS_PORT: '443' }
  await startSecureBalancer(t, by, [await scripted(t, answering(OK))], env)
  const { fields } = await exchange(t, plain, 'GET /x HTTP/1.1\r\nHost: a.test:8080\r\n\r\n')
  t.equal(fieldValue(fields, 'location'), 'https://a.test/x')
})

test('the PROXY protocol is read there too', async (t) => {
  const by = authority(t)
  if (!by) return
  const plain = await freePort()
  const proxied = { LB_PROXY_PROTOCOL: 'true', LB_TRUSTED_PROXIES: '127.0.0.1' }
  const env = { ...shown(by.issue('localhost')), ...proxied, LB_HTTPS_REDIRECT_PORT: `${plain}` }
  const balancer = await startSecureBalancer(t, by, [await scripted(t, answering(OK))], env)
  const header = 'PROXY TCP4 203.0.113.9 192.0.2.1 4000 80\r\n'
  const asked = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'
  t.equal(statusOf(await exchange(t, plain, header + asked)), 308)
  // TLS ends at the proxy in front: who is sent to https would come back by the same way.
  const overTls = `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14${'\xcb\0\x71\x09'.repeat(3)}\x20\0\x05\x01\0\0\0\x01`
  t.equal(statusOf(await exchange(t, plain, overTls + asked)), 200)
  await balancer.fastify.close()
})

test('it ends with the balancer, and a port that is taken ends the start', async (t) => {
  const by = authority(t)
  if (!by) return
  const plain = await freePort()
  const backend = await scripted(t, answering(OK))
  const env = {
    ...shown(by.issue('localhost')),
    LB_HTTPS_REDIRECT_PORT: `${plain}`,
    LB_NO_HEALTH_CHECK: 'true'
  }
  const first = lb(t, ['-p', '0', '-b', backend.address], env)
  await first.listening()
  const open = await RawClient.open(t, plain)
  const second = lb(t, ['-p', '0', '-b', backend.address], env)
  t.equal(await second.untilEnded(20_000), 1)
  t.match(second.output, /EADDRINUSE/)
  first.kill('SIGTERM')
  t.equal(await first.untilEnded(), 0)
  await open.untilClosed()
  const refused = connect(plain, '127.0.0.1')
  atEnd(t, () => refused.destroy())
  let code: string | undefined
  refused.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code
  })
  await eventually(() => code === 'ECONNREFUSED')
})

test('a drain answers what was being asked there, and closes what is idle', async (t) => {
  const by = authority(t)
  if (!by) return
  const plain = await freePort()
  const env = {
    ...shown(by.issue('localhost')),
    LB_HTTPS_REDIRECT_PORT: `${plain}`,
    LB_NO_HEALTH_CHECK: 'true'
  }
  const child = lb(t, ['-p', '0', '-b', '127.0.0.1:1'], { ...env, LB_DRAIN_TIMEOUT: '6' })
  await child.listening()
  const clients = await Promise.all([0, 1, 2].map(() => RawClient.open(t, plain)))
  const [late, never, fresh] = clients as [RawClient, RawClient, RawClient]
  for (const client of [late, never]) client.send('GET / HTTP/1.1\r\nHost: a.test\r\n')
  await eventually(() => late.socket.bytesWritten > 0)
  await sleep(100)
  child.kill('SIGTERM')
  await child.untilPrinted('Draining')
  await fresh.untilClosed()
  late.send('\r\n')
  t.equal(statusOf(await late.response()), 308)
  t.equal(statusOf(await never.response()), 408)
  t.equal(await child.untilEnded(), 0)
})
