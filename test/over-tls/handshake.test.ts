import { connect as connectPlain, type Socket } from 'node:net'
import { type ConnectionOptions, connect, type DetailedPeerCertificate } from 'node:tls'
import type { Test } from 'tap'
import { atEnd, eventually, test } from '../helper.js'
import { authority, contents, selfSigned } from '../support/certificates.js'
import { lb } from '../support/child.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { shown, startSecureBalancer } from '../support/secure-balancer.js'
import { securePorts } from '../support/secure-ports.js'
import { fieldValue, statusOf } from '../support/wire.js'

// Handshake

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

const backend = async (t: Test) => [await scripted(t, answering(OK))]

interface Handshake {
  readonly name: string
  readonly version: string | null
  readonly protocol: string | false | null
  readonly cipher: string
}

/** What a client gets to see, or the code of its error. */
async function handshake(t: Test, port: number, options: ConnectionOptions): Promise<Handshake | string> {
  const socket = connect({ host: '127.0.0.1', port, ...options })
  atEnd(t, () => socket.destroy())
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.once('secureConnect', () => {
      const { subject } = socket.getPeerCertificate() as DetailedPeerCertificate
      const { alpnProtocol, authorized } = socket
      if (!authorized) resolve('not authorized')
      resolve({
        name: `${subject.CN}`,
        version: socket.getProtocol(),
        protocol: alpnProtocol,
        cipher: socket.getCipher().name
      })
      socket.destroy()
    })
  })
}

test('the name that a client asks for decides on the certificate, and the first is for all others', async (t) => {
  const by = authority(t)
  if (!by) return
  const pairs = [by.issue('first.test'), by.issue('*.wild.test', 'two.test'), by.issue('a.wild.test')]
  const { port } = await startSecureBalancer(t, by, await backend(t), shown(...pairs), {
    servername: 'first.test'
  })
  const identity = { ca: by.pem, checkServerIdentity: () => undefined }
  for (const [servername, name] of [
    ['first.test', 'first.test'],
    ['two.test', '*.wild.test'],
    ['TWO.test', '*.wild.test'],
    ['b.wild.test', '*.wild.test'],
    ['a.wild.test', 'a.wild.test'],
    ['a.b.wild.test', 'first.test'],
    ['wild.test', 'first.test'],
    ['unknown.test', 'first.test'],
    ['', 'first.test']
  ] as const)
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
      t.match(
        await handshake(t, port, { ...identity, servername, maxVersion }),
        { name },
        `${servername} ${maxVersion}`
      )
})

test('versions, ciphers and protocols', async (t) => {
  const by = authority(t)
  if (!by) return
  const { port } = await startSecureBalancer(t, by, await backend(t))
  const known = { ca: by.pem, servername: 'localhost' }
  const old = { ...known, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  t.match(await handshake(t, port, known), { version: 'TLSv1.3' })
  t.match(await handshake(t, port, { ...known, maxVersion: 'TLSv1.2' }), {
    version: 'TLSv1.2',
    cipher: /^ECDHE-.*GCM/
  })
  for (const maxVersion of ['TLSv1.1', 'TLSv1'] as const)
    t.match(
      await handshake(t, port, { ...old, maxVersion }),
      /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/,
      maxVersion
    )
  const weak = { ...known, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' } as const
  t.match(await handshake(t, port, weak), /HANDSHAKE_FAILURE/, 'a cipher that does not find changes')
  t.match(await handshake(t, port, { ...known, ALPNProtocols: ['http/1.1', 'h2'] }), { protocol: 'h2' })
  t.match(await handshake(t, port, { ...known, ALPNProtocols: ['spdy/3'] }), /NO_APPLICATION_PROTOCOL/)
  t.match(await handshake(t, port, known), { protocol: false }, 'none is needed')
  const env = { LB_TLS_MIN_VERSION: 'TLSv1.3' }
  const newest = await startSecureBalancer(t, by, await backend(t), env)
  t.match(await handshake(t, newest.port, known), { version: 'TLSv1.3' })
  t.match(await handshake(t, newest.port, { ...known, maxVersion: 'TLSv1.2' }), /PROTOCOL_VERSION/)
})

test('a client without a certificate of the authority is refused where one is wanted', async (t) => {
  const by = authority(t)
  if (!by) return
  const own = contents(by.issue('client.test'))
  const unsigned = selfSigned(by.folder, '/CN=client.test')
  const backends = await backend(t)
  const pairs = shown(by.issue('localhost'), by.issue('other.test'))
  const balancer = await startSecureBalancer(t, by, backends, { ...pairs, LB_TLS_CLIENT_CA: by.file }, own)
  const { port, stats } = balancer
  t.equal(statusOf(await exchange(t, port, GET)), 200)
  for (const servername of ['localhost', 'other.test']) {
    const known = { ca: by.pem, servername }
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const [what, shownByClient] of [
        ['none', {}],
        ['another', contents(unsigned)]
      ] as const) {
        const before = stats().connections.handshakesFailed
        // With TLS 1.3 it is for the client over before the balancer has seen its certificate.
        const client = await RawClient.open(t, port, { ...known, ...shownByClient, maxVersion }).catch(
          () => undefined
        )
        client?.send(GET)
        await client?.untilClosed()
        t.equal(client?.received.length ?? 0, 0, `${what}, ${maxVersion}, ${servername}`)
        await t.resolves(eventually(() => stats().connections.handshakesFailed === before + 1))
      }
      const client = await RawClient.open(t, port, { ...known, ...own, maxVersion })
      client.send(GET)
      t.equal(statusOf(await client.response()), 200)
      client.socket.destroy()
    }
  }
  t.equal(backends[0]!.requests.length, 5, 'nothing of those refused reached the backend')
})

test('what is no handshake, or none that ends, is closed, counted and not logged', async (t) => {
  const by = authority(t)
  if (!by) return
  const balancer = await startSecureBalancer(t, by, await backend(t), { LB_REQUEST_HEAD_TIMEOUT: '1' })
  const { port, stats, log } = balancer
  const hello = Buffer.from('160301020001000', 'hex')
  const cases: readonly (readonly [string, (client: RawClient) => void])[] = [
    ['plain HTTP', (client) => client.send(GET)],
    ['random bytes', (client) => client.send(Buffer.from('5f8a00d3ffee'.repeat(50), 'hex'))],
    ['a broken record', (client) => client.send('\x16\x03\x01\xff\xff')],
    ['half of it', (client) => client.send(hello)],
    ['a byte now and then', (client) => trickle(client, hello)],
    ['a reset', (client) => void client.socket.write(hello, () => setTimeout(() => client.abort(), 100))],
    ['an end', (client) => client.socket.end(hello)]
  ]
  const logged = log.length
  await Promise.all(
    cases.map(async ([name, act]) => {
      const client = await RawClient.open(t, port, null)
      act(client)
      await t.resolves(client.untilClosed(), name)
      t.notMatch(client.received.toString('latin1'), /HTTP/, name)
    })
  )
  await eventually(() => stats().connections.handshakesFailed === cases.length)
  const looking = connectPlain(port, '127.0.0.1')
  await new Promise<void>((resolve) =>
    looking.once('connect', () => looking.destroy()).once('close', () => resolve())
  )
  await eventually(() => stats().connections.open === 0)
  t.equal(stats().connections.handshakesFailed, cases.length, 'one that only looks does not count')
  t.same(log.slice(logged), [])
  t.equal(statusOf(await exchange(t, port, GET)), 200)
})

function trickle(client: RawClient, hello: Buffer): void {
  client.send(hello)
  const timer = setInterval(() => client.send('\x01'), 100)
  client.socket.once('close', () => clearInterval(timer))
}

test('the limits of connections hold under TLS', async (t) => {
  const by = authority(t)
  if (!by) return
  const limited = await startSecureBalancer(t, by, await backend(t), { LB_MAX_SOCKETS_PER_CLIENT: '2' })
  const clients = [await RawClient.open(t, limited.port), await RawClient.open(t, limited.port)]
  await t.rejects(RawClient.open(t, limited.port))
  t.match(limited.stats().connections, { open: 2, dropped: 1 })
  for (const client of clients) client.socket.destroy()
  await eventually(() => limited.stats().connections.open === 0)
  t.equal(statusOf(await exchange(t, limited.port, GET)), 200, 'room is given back')
  await eventually(() => limited.stats().connections.open === 0)
  const full = await startSecureBalancer(t, by, await backend(t), { LB_MAX_SOCKETS: '1' })
  const first = await RawClient.open(t, full.port)
  await t.rejects(RawClient.open(t, full.port))
  first.socket.destroy()
  await eventually(() => full.stats().connections.open === 0)
})

test('a session is resumed', async (t) => {
  const by = authority(t)
  if (!by) return
  const { port } = await startSecureBalancer(t, by, await backend(t))
  const known = { host: '127.0.0.1', port, ca: by.pem, servername: 'localhost' }
  const first = connect(known)
  const session = await new Promise<Buffer>((resolve) => first.once('session', resolve))
  first.destroy()
  const second = connect({ ...known, session })
  await new Promise((resolve) => second.once('secureConnect', resolve))
  t.ok(second.isSessionReused())
  second.destroy()
})

// Drain

test('a drain lets requests end, and closes what is idle or still shakes hands', async (t) => {
  const by = authority(t)
  if (!by) return
  const held: Socket[] = []
  const backend = await scripted(t, ({ startLine }, socket) => {
    if (startLine.startsWith('GET')) held.push(socket)
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  })
  const env = { ...shown(by.issue('localhost')), LB_NO_HEALTH_CHECK: 'true', LB_DRAIN_TIMEOUT: '20' }
  const child = lb(t, ['-p', '0', '-b', backend.address], env)
  const port = await child.listening()
  const known = { ca: by.pem, servername: 'localhost' }
  const [busy, silent, idle] = [
    await RawClient.open(t, port, known),
    await RawClient.open(t, port, known),
    await RawClient.open(t, port, known)
  ]
  const shaking = await RawClient.open(t, port, null)
  shaking.send('\x16\x03\x01\x02\x00\x01\x00')
  idle!.send('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n')
  await idle!.response({ head: true })
  busy!.send(GET)
  await eventually(() => held.length === 1)
  child.kill('SIGTERM')
  await Promise.all([silent!.untilClosed(), idle!.untilClosed(), shaking.untilClosed(4500)])
  t.notOk(busy!.closed)
  held[0]!.write(OK)
  const response = await busy!.response()
  t.same([statusOf(response), fieldValue(response.fields, 'connection')], [200, 'close'])
  t.equal(await child.untilEnded(), 0)
})

let portBefore = 0

test('a balancer of the tests speaks TLS', async (t) => {
  const by = authority(t)
  if (!by) return
  const { port } = await startSecureBalancer(t, by, await backend(t))
  t.ok(securePorts.has(port))
  portBefore = port
})

test('whoever gets its port then need not', async (t) => {
  t.notOk(securePorts.has(portBefore))
})
