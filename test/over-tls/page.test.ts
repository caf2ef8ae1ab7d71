import { copyFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { KeyPairFiles } from '../../lib/base/key-pair.js'
import { freePort } from '../../scenarios/processes.js'
import { atEnd, type Balancer, eventually, sleep, test } from '../helper.js'
import { TOKEN } from '../support/api.js'
import { Authority, authority, contents } from '../support/certificates.js'
import { lb } from '../support/child.js'
import { EventListener } from '../support/event-stream.js'
import { answerOn, Http2Client } from '../support/http2-client.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { shown, startSecureBalancer } from '../support/secure-balancer.js'
import { fieldValue, statusOf } from '../support/wire.js'

// Page

const HSTS = 'max-age=600'

const get = (target: string, ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: lb.internal', ...fields, '', ''].join('\r\n')

for (const [place, env] of [
  ['with the rest', {}],
  ['on a port of its own', { LB_ADMIN_PORT: '0' }]
] as const)
  test(`the page and its stream by TLS, ${place}`, async (t) => {
    const by = authority(t)
    if (!by) return
    const balancer = await startSecureBalancer(t, by, 'a.example:80', { ...env, LB_HSTS: '600' })
    const port = balancer.adminPort
    // What is on a port of its own is plain.
    const isSecure = port === balancer.port
    const scheme = isSecure ? 'https' : 'http'
    const page = await exchange(t, port, get('/__lb/'))
    t.equal(statusOf(page), 200)
    t.equal(fieldValue(page.fields, 'strict-transport-security'), isSecure ? HSTS : undefined)
    const own = get('/__lb/events', `Origin: ${scheme}://lb.internal`, 'Sec-Fetch-Site: same-origin')
    const listener = await EventListener.open(t, port, own)
    if (isSecure) t.match(listener.head.toLowerCase(), `strict-transport-security: ${HSTS}`)
    t.match(await listener.event(0), { name: 'all', data: { backends: [{ address: 'a.example:80' }] } })
    t.match(await listener.event(2), { name: 'tick', data: { backends: { changed: [] } } })
    const other = isSecure ? 'http' : 'https'
    t.equal(statusOf(await exchange(t, port, get('/__lb/events', `Origin: ${other}://lb.internal`))), 404)
    const closing = balancer.fastify.close()
    await listener.client.untilClosed(3000)
    t.equal(listener.events.at(-1)!.name, 'end')
    await closing
  })

test('by HTTP/2 a stream of events is the same', async (t) => {
  const by = authority(t)
  if (!by) return
  const env = { LB_ADMIN_TOKEN: TOKEN }
  const { port, fastify } = await startSecureBalancer(t, by, 'a.example:80 b.example:80', env)
  const client = await Http2Client.open(t, port)
  const host = { ':authority': 'lb.internal' }
  const listening = (fields: object) => client.begin({ ':path': '/__lb/events', ...host, ...fields })
  const own = { origin: 'https://lb.internal', 'sec-fetch-site': 'same-origin' }
  let text = ''
  const stream = listening(own).on('data', (part) => {
    text += part
  })
  await eventually(() => text.includes('event: tick'), 5000)
  t.match(text, /^retry: 1000\n\nevent: all\ndata: \{/)
  const change = {
    ...host,
    ':method': 'PATCH',
    ':path': '/__lb/api/backends/a.example:80',
    'content-type': 'application/json',
    authorization: `Bearer ${TOKEN}`
  }
  for (const [fields, status] of [
    [own, 200],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'http://lb.internal' }, 403],
    // It is malformed, and reset.
    [{ ...own, host: 'evil.example', origin: 'https://evil.example' }, 0]
  ] as const)
    t.equal(
      (await client.ask({ ...change, ...fields }, '{"weight":3}')).status,
      status,
      JSON.stringify(fields)
    )
  t.equal((await answerOn(listening({ origin: 'https://evil.example' }))).status, 404)
  const closing = fastify.close()
  await eventually(() => stream.closed, 3000)
  t.ok(text.endsWith('event: end\ndata: {}\n\n'))
  await closing
})

// Redirect

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

// Reload

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
/** To notice a change, and to wait whether more comes. */
const NOTICE_MS = 5000

/** Puts a pair into the place of another one, as certbot does. */
function replace(pair: KeyPairFiles, by: KeyPairFiles): void {
  for (const file of ['certFile', 'keyFile'] as const) {
    copyFileSync(by[file], `${pair[file]}.new`)
    renameSync(`${pair[file]}.new`, pair[file])
  }
}

/** The name that the balancer shows to a new client. */
function shownTo(ca: string, { port }: Pick<Balancer, 'port'>, servername = 'localhost'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectSecurely({ host: '127.0.0.1', port, ca, servername })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve(`${socket.getPeerCertificate().subject.CN}`)
      socket.destroy()
    })
  })
}

test('certificates are replaced under load: no handshake fails, and new clients see the new ones', async (t) => {
  const by = authority(t)
  if (!by) return
  const [first, second] = [by.issue('old.test', 'localhost'), by.issue('old-two.test', 'two.test')]
  const newer = [by.issue('new.test', 'localhost'), by.issue('new-two.test', 'two.test')]
  const backend = await scripted(t, answering(OK))
  const balancer = await startSecureBalancer(t, by, [backend], shown(first, second))
  const stays = await RawClient.open(t, balancer.port)
  const faults: unknown[] = []
  const seen = new Set<string>()
  let isLoaded = true
  const load = async (servername: string) => {
    while (isLoaded) {
      const name = await shownTo(by.pem, balancer, servername).catch((error) => void faults.push(error))
      if (name) seen.add(name)
    }
  }
  const loads = ['localhost', 'two.test', 'localhost', 'two.test'].map(load)
  await eventually(() => seen.size === 2)
  replace(first, newer[0]!)
  replace(second, newer[1]!)
  await eventually(() => seen.size === 4, NOTICE_MS)
  isLoaded = false
  await Promise.all(loads)
  t.same(faults, [])
  t.same(seen, new Set(['old.test', 'old-two.test', 'new.test', 'new-two.test']))
  t.equal(await shownTo(by.pem, balancer), 'new.test')
  t.equal(await shownTo(by.pem, balancer, 'two.test'), 'new-two.test')
  stays.send(GET)
  t.equal(statusOf(await stays.response()), 200, 'those that are there stay')
  t.match(balancer.log.at(-1), { names: ['new-two.test', 'two.test'] })
})

test('a wrong pair changes nothing, says so, and is followed by a right one', async (t) => {
  const by = authority(t)
  if (!by) return
  const [pair, newer] = [by.issue('old.test', 'localhost'), by.issue('new.test', 'localhost')]
  const balancer = await startSecureBalancer(t, by, [await scripted(t, answering(OK))], shown(pair))
  const errors = () => balancer.log.filter(({ level }) => level === 50).map(({ msg }) => msg)
  copyFileSync(newer.certFile, pair.certFile)
  await eventually(() => errors().length === 1, NOTICE_MS)
  t.match(errors()[0], /all stays as it was: ".*key" is not the key of the certificate in ".*pem"/)
  t.equal(await shownTo(by.pem, balancer), 'old.test')
  writeFileSync(pair.certFile, contents(newer).cert.slice(0, 300))
  await eventually(() => errors().length === 2, NOTICE_MS)
  t.match(errors()[1], /has no certificate in PEM/)
  t.notMatch(JSON.stringify(balancer.log), /BEGIN|at .*:\d+:\d+/, 'neither a secret nor a stack')
  t.equal(await shownTo(by.pem, balancer), 'old.test')
  replace(pair, newer)
  await eventually(async () => (await shownTo(by.pem, balancer)) === 'new.test', NOTICE_MS)
  t.equal(errors().length, 2)
})

test('whose certificates clients may show is read anew as well, and no session outlives that', async (t) => {
  const by = authority(t)
  if (!by) return
  const other = new Authority(by.folder, 'other')
  const file = `${by.folder}/clients.pem`
  copyFileSync(by.file, file)
  const [own, others] = [contents(by.issue('a.test')), contents(other.issue('b.test'))]
  const env = { ...shown(by.issue('localhost')), LB_TLS_CLIENT_CA: file }
  const balancer = await startSecureBalancer(t, by, [await scripted(t, answering(OK))], env, others)
  const known = { ca: by.pem, servername: 'localhost', maxVersion: 'TLSv1.2' } as const
  const sessions: Buffer[] = []
  const before = connectSecurely({ host: '127.0.0.1', port: balancer.port, ...known, ...own })
  atEnd(t, () => before.destroy())
  before.on('session', (session: Buffer) => sessions.push(session))
  await eventually(() => sessions.length > 0)
  copyFileSync(other.file, file)
  const works = async (options: object) => {
    const client = await RawClient.open(t, balancer.port, { ...known, ...options }).catch(() => undefined)
    client?.send(GET)
    const response = await client?.response().catch(() => undefined)
    client?.socket.destroy()
    return response !== undefined
  }
  await eventually(() => works(others), NOTICE_MS)
  t.notOk(await works(own))
  t.notOk(await works({ ...own, session: sessions.at(-1) }))
})
