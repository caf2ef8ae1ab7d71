import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import tap, { type Test } from 'tap'
import { atEnd, eventually, sleep, startBalancer, test } from '../helper.js'
import { call, WITH_TOKEN } from '../support/api.js'
import { authority, contents } from '../support/certificates.js'
import { needs } from '../support/command.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { echo, openTunnel, SWITCHING } from '../support/tunnel.js'
import { fieldValue, statusOf } from '../support/wire.js'

// Unix sockets

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const CHECKED = { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_PERIOD: '1', LB_HEALTH_CHECK_URL: '/health' }

/** Listens, has as many connections as it has room for, and accepts none of them. */
const FULL = `
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(0)
clients = []
try:
    while True:
        clients.append(socket.socket(socket.AF_UNIX))
        clients[-1].setblocking(False)
        clients[-1].connect(sys.argv[1])
except BlockingIOError:
    print('full', flush=True)
sys.stdin.read()
`

/** A path for a socket, short enough for one. */
function socketPath(t: Test, name = 'App.sock'): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'unix-'))
  atEnd(t, () => rmSync(folder, { recursive: true }))
  return path.join(folder, name)
}

async function listen<T extends Server>(t: Test, server: T, at: string): Promise<T> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(at, resolve))
  atEnd(t, () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return server
}

/** A server that tells the head that it got. */
const telling = (seen: { url: string; host: string | undefined }[]) =>
  http.createServer((req, res) => {
    seen.push({ url: req.url!, host: req.headers.host })
    req.pipe(res)
  })

test('requests, checks and tunnels go to a Unix socket, and statistics and metrics show it', async (t) => {
  const at = socketPath(t)
  const seen: { url: string; host: string | undefined }[] = []
  const server = await listen(t, telling(seen), at)
  server.on('upgrade', (_req, socket: Socket) => {
    socket.write(SWITCHING)
    echo(socket)
  })
  const balancer = await startBalancer(t, `unix:${at};weight=3;max=9`, { ...CHECKED, LB_ALGORITHM: 'hash' })
  t.same(seen, [{ url: '/health', host: 'localhost' }])
  const post = 'POST /a?b HTTP/1.1\r\nHost: app.example\r\nContent-Length: 5\r\n\r\nhello'
  t.equal((await exchange(t, balancer.port, post)).body.toString(), 'hello')
  t.same(seen.at(-1), { url: '/a?b', host: 'app.example' })
  t.equal(statusOf(await exchange(t, balancer.port, 'GET /old HTTP/1.0\r\n\r\n')), 200)
  t.same(seen.at(-1), { url: '/old', host: 'localhost' }, 'as it has no other authority')
  const tunnel = await openTunnel(t, balancer)
  tunnel.send('through')
  await tunnel.until((text) => text.endsWith('through'))
  tunnel.socket.destroy()
  t.match(balancer.stats().backends, [
    {
      address: `unix:${at}`,
      url: `http://unix:${at}`,
      addresses: [],
      lookupFailure: null,
      state: /^healthy$/,
      weight: 3,
      max: 9,
      total: 3,
      failed: 0
    }
  ])
  const metrics = (await exchange(t, balancer.port, GET.replace('/', '/__lb/metrics'))).body.toString()
  t.match(metrics, `fairlead_backend_eligible{pool="default",backend="unix:${at}"} 1`)
})

for (const kind of ['h2c', 'https', 'h2'] as const) {
  test(`${kind} is spoken over a Unix socket`, async (t) => {
    const by = kind === 'h2c' ? undefined : authority(t)
    if (kind !== 'h2c' && !by) return
    const at = socketPath(t)
    const seen: [version: string, authority: string | undefined, servername: unknown][] = []
    const answer = (req: http.IncomingMessage | http2.Http2ServerRequest, res: http.ServerResponse) => {
      const named = req.headers[':authority'] ?? req.headers.host
      seen.push([req.httpVersion, named as string, (req.socket as TLSSocket).servername])
      res.end('ok')
    }
    const pair = by ? contents(by.issue('localhost')) : {}
    const makers = {
      h2c: () => http2.createServer(answer as never),
      https: () => https.createServer(pair, answer),
      h2: () => http2.createSecureServer(pair, answer as never)
    }
    await listen(t, makers[kind]() as Server, at)
    const backend = `${by ? 'https://' : ''}unix:${at}${kind === 'https' ? '' : ';h2'}`
    const ca: Record<string, string> = by ? { LB_BACKEND_CA: by.file } : {}
    const balancer = await startBalancer(t, backend, { ...CHECKED, ...ca })
    t.equal(balancer.stats().backends[0]!.state, 'healthy')
    t.equal(statusOf(await exchange(t, balancer.port, 'GET / HTTP/1.0\r\n\r\n')), 200)
    const version = kind === 'https' ? '1.1' : '2.0'
    t.same(new Set(seen.map(String)), new Set([`${[version, 'localhost', by ? 'localhost' : undefined]}`]))
  })
}

test('the certificate at a Unix socket has to be for localhost, or for the name that is given', async (t) => {
  const by = authority(t)
  if (!by) return
  const at = socketPath(t)
  const server = https.createServer(contents(by.issue('app.example')), (_req, res) => res.end('ok'))
  await listen(t, server, at)
  const checked = { ...CHECKED, LB_BACKEND_CA: by.file }
  const wrong = await startBalancer(t, `https://unix:${at}`, checked)
  t.match(wrong.stats().backends[0], { lastCheck: { result: 'certificate is for another name' } })
  const right = await startBalancer(t, `https://unix:${at};tls-name=app.example`, checked)
  t.equal(statusOf(await exchange(t, right.port, GET)), 200)
})

test('a socket that is not there, or at which nobody listens, is a backend that cannot be reached', async (t) => {
  const other = await scripted(t, answering(OK))
  const missing = socketPath(t)
  const file = socketPath(t, 'no-socket')
  writeFileSync(file, '')
  for (const [at, reason] of [
    [missing, 'no such socket'],
    [file, 'connection refused']
  ] as const) {
    const alone = await startBalancer(t, `unix:${at}`)
    const { startLine, body } = await exchange(t, alone.port, GET)
    t.equal(startLine, 'HTTP/1.1 502 Bad Gateway')
    t.equal(JSON.parse(body.toString()).code, 'LB_BACKEND_UNREACHABLE')
    t.notOk(body.includes('sock'), 'clients do not hear of it')
    t.match(alone.stats().backends[0], { failed: 1 })
    t.match(alone.log.at(-1), { backend: `unix:${at}`, detail: reason })
    const balancer = await startBalancer(t, `unix:${at} ${other.address};weight=1`, {
      LB_ALGORITHM: 'round-robin'
    })
    for (let i = 0; i < 4; i++) t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
    t.match(balancer.stats().backends[0], { state: 'unhealthy', reason })
  }
})

test('a backend is back when its server has made its socket anew', async (t) => {
  const at = socketPath(t)
  const balancer = await startBalancer(t, `unix:${at}`, CHECKED)
  t.match(balancer.stats().backends[0], { state: 'unhealthy', lastCheck: { result: 'no such socket' } })
  const first = await listen(t, telling([]), at)
  await eventually(() => balancer.stats().backends[0]!.state === 'healthy', 10_000)
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
  first.closeAllConnections()
  await new Promise((resolve) => first.close(resolve))
  t.notOk(existsSync(at))
  await listen(t, telling([]), at)
  await eventually(async () => statusOf(await exchange(t, balancer.port, GET)) === 200, 10_000)
})

test('without checks, a socket that is there again is asked for a connection', async (t) => {
  const at = socketPath(t)
  const other = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, `unix:${at};no-check ${other.address}`)
  await eventually(async () => {
    t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
    return balancer.stats().backends[0]!.state === 'unhealthy'
  })
  await listen(t, telling([]), at)
  await eventually(() => balancer.stats().backends[0]!.state === 'healthy', 10_000)
})

test('more connections than a Unix socket has room for wait for it', async (t) => {
  const at = socketPath(t)
  const server = http.createServer((_req, res) => res.end('ok'))
  server.listen({ path: at, backlog: 1 })
  await once(server, 'listening')
  atEnd(t, () => server.close().closeAllConnections())
  const balancer = await startBalancer(t, `unix:${at};max-requests=1`, { LB_CONNECTION_TIMEOUT: '20' })
  const answers = await Promise.all(Array.from({ length: 60 }, () => exchange(t, balancer.port, GET)))
  t.same(new Set(answers.map(statusOf)), new Set([200]))
  t.equal(balancer.stats().backends[0]!.failed, 0)
})

test('an answer to the head of an upload arrives, though the rest of that cannot be written', async (t) => {
  const at = socketPath(t)
  const server = createServer((socket) =>
    socket.once('data', () => {
      socket.pause()
      socket.write('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', () =>
        socket.destroy()
      )
    })
  )
  await listen(t, server, at)
  const balancer = await startBalancer(t, `unix:${at}`)
  for (let i = 0; i < 10; i++) {
    const client = await RawClient.open(t, balancer.port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n')
    client.socket.write(Buffer.alloc(4_000_000))
    t.equal(statusOf(await client.response()), 413)
  }
  t.equal(balancer.stats().backends[0]!.failed, 0)
})

test('a Unix socket at which nobody accepts is given up after the time for connecting', async (t) => {
  const at = socketPath(t)
  if (!needs(t, 'python3')) return
  const held = spawn('python3', ['-c', FULL, at], { stdio: ['pipe', 'pipe', 'inherit'] })
  atEnd(t, () => held.kill())
  await once(held.stdout, 'data')
  const balancer = await startBalancer(t, `unix:${at}`, { LB_CONNECTION_TIMEOUT: '0.3' })
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 504)
  const client = await RawClient.open(t, balancer.port)
  client.send(GET)
  await sleep(50)
  client.abort()
  await eventually(() => balancer.registry.inFlight === 0)
})

test('operators add, find, drain and remove such a backend, and a file keeps it', async (t) => {
  const at = socketPath(t, "a%2F+'&=~#?{}.Sock")
  const server = await listen(t, telling([]), at)
  t.ok(server.listening)
  const state = path.join(path.dirname(at), 'state')
  const other = await scripted(t, answering(OK))
  const env = { ...WITH_TOKEN, LB_STATE_FILE: state }
  const { port, registry } = await startBalancer(t, [other], env)
  const added = await call(port, 'POST', '/backends', { body: { address: `unix:${at}`, 'max-age': 60 } })
  t.match(added, { status: 201, json: { address: `unix:${at}`, options: { 'max-age': 60 } } })
  const location = added.headers.get('location')!.replace('/__lb/api', '')
  const named = `/backends/${encodeURIComponent(`unix:${at}`)}`
  for (const target of [location, named]) {
    t.match(await call(port, 'GET', target), { status: 200, json: { address: `unix:${at}` } })
  }
  t.equal((await call(port, 'GET', named.toLowerCase())).status, 404, 'a path has its case')
  t.match(await call(port, 'PATCH', named, { body: { draining: true } }), { json: { state: 'draining' } })
  t.match(JSON.parse(readFileSync(state, 'utf8')).backends[1], { address: `unix:${at}`, draining: true })
  const second = await startBalancer(t, [other], env)
  t.ok(second.registry.backendAt(`unix:${at}`)?.draining)
  const again = await call(port, 'POST', '/backends', { body: { address: `http://unix:/${at}` } })
  t.equal(again.status, 400, 'not in this form')
  t.equal((await call(port, 'POST', '/backends', { body: { address: `http://unix:${at}` } })).status, 409)
  t.equal((await call(port, 'DELETE', named)).status, 204)
  t.equal(registry.backendAt(`unix:${at}`), undefined)
  for (const [address, fault] of [
    ['unix:/run/my app.sock', 'visible ASCII'],
    ['unix:/run/a,b.sock', 'no comma'],
    ['unix:run/a.sock', 'absolute'],
    [`unix:/${'x'.repeat(200)}`, 'no more than']
  ]) {
    const { status, json } = await call(port, 'POST', '/backends', { body: { address } })
    t.equal(status, 400)
    t.ok(json.message.includes(fault), json.message)
  }
})

test('the longest path is found by its name, too', async (t) => {
  const folder = path.dirname(socketPath(t))
  const longest = process.platform === 'linux' ? 107 : 103
  const at = path.join(folder, 'd/'.repeat((longest - folder.length - 1) >> 1)).slice(0, longest - 1)
  const address = `unix:${at.replace(/.$/, 'x')}y`
  const { port } = await startBalancer(t, address, WITH_TOKEN)
  t.equal((await call(port, 'GET', `/backends/${encodeURIComponent(address)}`)).status, 200)
})

test('nginx at a Unix socket is a backend as any other, with HTTP/1.1 and with HTTP/2 over TLS', async (t) => {
  if (!needs(t, 'nginx')) return
  const by = authority(t)
  if (!by) return
  const at = socketPath(t, 'nginx.sock')
  const secure = at.replace('nginx', 'secure')
  const folder = path.dirname(at)
  const { certFile, keyFile } = by.issue('localhost')
  writeFileSync(
    path.join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
    events {}
    http {
      access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      server { listen unix:${at}; location / { return 200 "$server_protocol $http_host"; } }
      server {
        listen unix:${secure} ssl http2; ssl_certificate ${certFile}; ssl_certificate_key ${keyFile};
        location / { return 200 "$server_protocol $http_host"; }
      }
    }`
  )
  const nginx = spawn('nginx', ['-c', path.join(folder, 'nginx.conf'), '-p', folder], { stdio: 'ignore' })
  atEnd(t, async () => {
    nginx.kill('SIGTERM')
    if (nginx.exitCode === null) await once(nginx, 'exit')
  })
  await eventually(() => existsSync(at) && existsSync(secure), 10_000)
  const env = { ...CHECKED, LB_BACKEND_CA: by.file }
  for (const [backend, answer] of [
    [`unix:${at}`, 'HTTP/1.1 localhost'],
    [`https://unix:${secure}`, 'HTTP/1.1 localhost'],
    [`https://unix:${secure};h2`, 'HTTP/2.0 localhost']
  ] as const) {
    const balancer = await startBalancer(t, backend, env)
    await eventually(() => balancer.registry.backends[0]!.eligible, 10_000)
    t.equal((await exchange(t, balancer.port, 'GET / HTTP/1.0\r\n\r\n')).body.toString(), answer)
  }
})

test('a session stays on its socket', async (t) => {
  const places = [socketPath(t), socketPath(t)]
  for (const [i, at] of places.entries()) {
    await listen(
      t,
      http.createServer((_req, res) => res.end(`${i}`)),
      at
    )
  }
  const backends = places.map((at) => `unix:${at}`).join(' ')
  const { port } = await startBalancer(t, backends, {
    LB_STICKY_COOKIE: 'lb',
    LB_STICKY_SECRET: 's'.repeat(32)
  })
  const first = await exchange(t, port, GET)
  const cookie = fieldValue(first.fields, 'set-cookie')!.split(';')[0]
  for (let i = 0; i < 10; i++) {
    const next = await exchange(t, port, `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`)
    t.equal(next.body.toString(), first.body.toString())
  }
})

tap.setTimeout(120_000)

// Zones of IPv6

const OLD_GET = 'GET / HTTP/1.0\r\n\r\n'

interface Link {
  readonly address: string
  readonly zone: string
  readonly index: number
}

/** An address of this machine that means something on one link alone; without one the test is skipped. */
function linkLocal(t: Test): Link | undefined {
  for (const [zone, addresses = []] of Object.entries(networkInterfaces())) {
    for (const { address, family, ...more } of addresses) {
      const { scopeid: index = 0 } = more as { scopeid?: number }
      if (family === 'IPv6' && address.startsWith('fe80:') && index > 0) return { address, zone, index }
    }
  }
  t.pass('this machine has no link-local address', { skip: true })
  return undefined
}

/** A server that notes what it is asked as, at a port of every IPv6 address. */
async function listening(t: Test, makeServer: (answer: http.RequestListener) => Server = http.createServer) {
  const hosts: (string | undefined)[] = []
  const server = makeServer((req, res) => {
    hosts.push(req.headers.host ?? (req.headers[':authority'] as string | undefined))
    res.end('ok')
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '::', ipv6Only: true }, resolve))
  atEnd(t, () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { hosts, port: (server.address() as AddressInfo).port }
}

test('the zone of an address reaches the socket, and neither Host nor a check says it', async (t) => {
  const link = linkLocal(t)
  if (!link) return
  const { address, zone, index } = link
  for (const version of ['1.1', '2'] as const) {
    const make =
      version === '2' ? (answer: unknown) => http2.createServer(answer as never) as never : undefined
    const { hosts, port } = await listening(t, make)
    for (const [backend, named] of [
      [`[${address}%${zone}]:${port}`, zone],
      [`http://[${address}%25${zone}]:${port}`, zone],
      [`[${address.toUpperCase()}%${index}]:${port}`, `${index}`]
    ] as const) {
      const balancer = await startBalancer(t, version === '2' ? `${backend};h2` : backend, CHECKED)
      t.match(balancer.stats().backends, [
        {
          address: `[${address}%${named}]:${port}`,
          url: `http://[${address}%25${named}]:${port}`,
          state: /^healthy$/
        }
      ])
      t.equal(statusOf(await exchange(t, balancer.port, OLD_GET)), 200)
    }
    t.same(new Set(hosts), new Set([`[${address}]:${port}`]))
  }
})

test('an interface that there is not is no other one', async (t) => {
  const { port, hosts } = await listening(t)
  const address = linkLocal(t)?.address ?? 'fe80::1'
  const balancer = await startBalancer(t, `[${address}%none0]:${port}`, CHECKED)
  t.match(balancer.stats().backends[0], {
    state: 'unhealthy',
    lastCheck: { result: 'no such network interface' }
  })
  t.same(hosts, [])
})

test('the zone of an address that needs none does no harm', async (t) => {
  const { port, hosts } = await listening(t)
  const balancer = await startBalancer(t, `[::1%lo]:${port}`)
  t.equal(statusOf(await exchange(t, balancer.port, OLD_GET)), 200)
  t.same(hosts, [`[::1]:${port}`])
})

test('an operator names such a backend with its zone', async (t) => {
  const { port } = await startBalancer(t, 'a.example:80', WITH_TOKEN)
  const address = '[fe80::7%none0]:80'
  const added = await call(port, 'POST', '/backends', { body: { address: `https://[fe80::7%none0]:80` } })
  t.match(added, { status: 201, json: { address, url: 'https://[fe80::7%25none0]:80' } })
  t.equal(added.headers.get('location'), '/__lb/api/backends/[fe80::7%25none0]:80')
  for (const path of ['[fe80::7%25none0]:80', encodeURIComponent(address)])
    t.equal((await call(port, 'GET', `/backends/${path}`)).status, 200, path)
  t.equal((await call(port, 'DELETE', `/backends/${encodeURIComponent(address)}`)).status, 204)
})
