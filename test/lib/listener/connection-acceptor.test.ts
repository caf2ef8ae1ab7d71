import { once } from 'node:events'
import { BlockList, connect, createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { DescriptorLimit } from '../../../lib/base/shortage/descriptor-limit.js'
import { Shortages } from '../../../lib/base/shortage/shortages.js'
import { clientAddress } from '../../../lib/listener/client/connection-info.js'
import {
  ConnectionAcceptor,
  type ConnectionAcceptorOptions,
  detachListener
} from '../../../lib/listener/connection-acceptor.js'
import { proxyHeader } from '../../../lib/transport/proxy-protocol/write-header.js'
import { listen } from '../../support/listen.js'
import { eventually } from '../../support/test.js'

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
/** As a proxy sends it for a client at 203.0.113.7. */
const PROXY_HEADER = 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n'

/** An acceptor behind a port, and what has become of its connections, by the bytes that came first. */
async function acceptorOf(t: Test, options: Partial<ConnectionAcceptorOptions> = {}) {
  const events: string[] = []
  const counted = { open: 0 }
  const trustedProxies = new BlockList()
  trustedProxies.addAddress('127.0.0.1')
  const serve = (version: string) => (socket: Socket) =>
    void socket.on('data', (bytes) => {
      events.push(`${version} ${clientAddress(socket)} ${bytes.toString().slice(0, 3)}`)
    })
  const limit = new DescriptorLimit('/nonexistent')
  const shortages = new Shortages(() => {})
  const acceptor = new ConnectionAcceptor({
    serveHttp: serve('http/1.1'),
    tls: undefined,
    http2: { accept: serve('h2') },
    acceptsPlainHttp2: false,
    proxyProtocol: false,
    trustedProxies,
    headTimeoutMs: 60_000,
    socketsPerClient: 0,
    descriptorLimit: limit,
    shortages,
    onDropped: () => events.push('dropped'),
    onProxyHeaderRefused: (reason, address) => events.push(`${address} ${reason}`),
    onOpen: (change) => {
      counted.open += change
    },
    onSecure: () => events.push('secure'),
    ...options
  })
  const server = createServer((socket) => {
    if (acceptor.hasDescriptorFor(socket)) acceptor.accept(socket)
  })
  const address = await listen(t, server)
  return { acceptor, events, counted, limit, shortages, send: sender(t, address) }
}

/** Sends bytes over a connection of its own. */
function sender(t: Test, address: string) {
  const port = Number(address.split(':')[1])
  return (bytes: string | Buffer): Socket => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.write(bytes)
    return socket
  }
}

/** However it closes, by a reset too. */
const closed = (socket: Socket) => new Promise<void>((resolve) => void socket.once('close', () => resolve()))

t.test('a connection is served by HTTP/1.1, and open until it closes', async (t) => {
  const { acceptor, events, counted, send } = await acceptorOf(t)
  const client = send('GET')
  await eventually(() => events.length > 0)
  t.same(events, ['http/1.1 127.0.0.1 GET'])
  t.same([acceptor.open.size, counted.open], [1, 1])
  client.destroy()
  await eventually(() => acceptor.open.size === 0)
  t.equal(counted.open, 0)
})

t.test('without TLS, the preface of HTTP/2 decides only where it is configured', async (t) => {
  for (const acceptsPlainHttp2 of [true, false]) {
    const { events, send } = await acceptorOf(t, { acceptsPlainHttp2 })
    send(PREFACE)
    await eventually(() => events.length > 0)
    t.same(events, [`${acceptsPlainHttp2 ? 'h2' : 'http/1.1'} 127.0.0.1 PRI`])
  }
  const { events, send } = await acceptorOf(t, { acceptsPlainHttp2: true })
  send('GET')
  await eventually(() => events.length > 0)
  t.same(events, ['http/1.1 127.0.0.1 GET'])
})

t.test('over TLS, ALPN decides, and the connection under it is not counted twice', async (t) => {
  for (const alpnProtocol of ['h2', 'http/1.1']) {
    const tls = {
      accept: (raw: Socket, serve: (socket: TLSSocket) => void) =>
        serve(Object.assign(raw, { alpnProtocol }) as unknown as TLSSocket)
    }
    const { acceptor, events, counted, send } = await acceptorOf(t, { tls })
    send('GET')
    await eventually(() => events.length > 1)
    t.same(events, ['secure', `${alpnProtocol} 127.0.0.1 GET`])
    t.same([acceptor.open.size, counted.open], [1, 1])
  }
})

t.test('the PROXY header of a trusted proxy is read first, and names the client', async (t) => {
  const { acceptor, events, send } = await acceptorOf(t, { proxyProtocol: true })
  const client = send(PROXY_HEADER)
  await once(client, 'connect')
  await eventually(() => acceptor.open.size === 1)
  client.write('GET')
  await eventually(() => events.length > 0)
  t.same(events, ['http/1.1 203.0.113.7 GET'])
})

t.test('no PROXY header is expected from others', async (t) => {
  const { events, send } = await acceptorOf(t, { proxyProtocol: true, trustedProxies: new BlockList() })
  send('GET')
  await eventually(() => events.length > 0)
  t.same(events, ['http/1.1 127.0.0.1 GET'])
})

t.test(
  'a connection with a wrong PROXY header is dropped, and so is one that is silent when opening ends',
  async (t) => {
    const { acceptor, events, send } = await acceptorOf(t, { proxyProtocol: true })
    const wrong = send('GET / HTTP/1.1\r\n\r\n')
    await closed(wrong)
    t.match(events, ['dropped', /^127\.0\.0\.1 /])
    const silent = send('PROXY')
    await eventually(() => acceptor.open.size === 1)
    acceptor.opening.destroyAll()
    await closed(silent)
    t.equal(events.length, 2, 'which is no fault of the proxy')
  }
)

t.test('a client has so many connections, and one beyond that is dropped', async (t) => {
  const { acceptor, events, send } = await acceptorOf(t, { socketsPerClient: 1 })
  send('')
  await eventually(() => acceptor.open.size === 1)
  await closed(send('GET'))
  t.same(events, ['dropped'])
})

t.test(
  'a connection that takes one of the last descriptors is dropped and counted as a shortage',
  async (t) => {
    const { acceptor, events, limit, shortages, send } = await acceptorOf(t)
    limit.value = 1
    await closed(send('GET'))
    t.same(events, ['dropped'])
    t.equal(shortages.total('descriptors', 'clients'), 1)
    t.equal(acceptor.open.size, 0)
    shortages.flush()
  }
)

t.test(
  'another server reads PROXY headers too; clients of TLS are served as on the first port',
  async (t) => {
    const { acceptor, events } = await acceptorOf(t, { proxyProtocol: true })
    const redirect: Server = createServer((socket) =>
      socket.on('data', (bytes) => events.push(`redirect ${clientAddress(socket)} ${bytes}`))
    )
    acceptor.readProxyHeaders(redirect)
    const send = sender(t, await listen(t, redirect))
    send(`${PROXY_HEADER}GET`)
    await eventually(() => events.length > 0)
    t.same(events, ['redirect 203.0.113.7 GET'])
    t.equal(acceptor.open.size, 0, 'its connections are its own')
    const source = { address: '203.0.113.8', port: 4711, localAddress: '192.0.2.1', localPort: 443 }
    for (const alpn of ['http/1.1', 'h2']) {
      events.length = 0
      send(Buffer.concat([proxyHeader(2, { source, tls: {}, alpn }), Buffer.from(PREFACE)]))
      await eventually(() => events.length > 1)
      t.same(events, ['secure', `${alpn} 203.0.113.8 PRI`])
    }
  }
)

t.test('a detached listener serves on, for the server that it was taken from', async (t) => {
  const seen: unknown[] = []
  const server = createServer(function (this: Server, socket) {
    seen.push(this, socket)
  })
  const serve = detachListener(server)
  const socket = {} as Socket
  server.emit('connection', socket)
  t.same(seen, [])
  serve(socket)
  t.equal(seen[0], server)
  t.equal(seen[1], socket)
})
