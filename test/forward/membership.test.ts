import http, { type RequestListener } from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { Server, Socket } from 'node:net'
import tap, { type Test } from 'tap'
import { atEnd, type Balancer, eventually, sleep, startBalancer, test } from '../helper.js'
import { authority, contents } from '../support/certificates.js'
import { namesOf, portAt } from '../support/names.js'
import { answering, BEFORE_IDLE_MS, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { backendConfigs } from '../support/registry.js'
import { echo, openTunnel, SWITCHING } from '../support/tunnel.js'
import { statusOf } from '../support/wire.js'

// Membership

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const configOf = (text: string) => backendConfigs(text)[0]!

test('backends join, leave and change under load, and no request fails', async (t) => {
  const backends = await Promise.all(Array.from({ length: 4 }, () => scripted(t, answering(OK))))
  const balancer = await startBalancer(t, backends.slice(0, 2))
  const { registry } = balancer
  let stopped = false
  const statuses = new Map<number, number>()
  const worker = async () => {
    const client = await RawClient.open(t, balancer.port)
    while (!stopped) {
      client.send(GET)
      const status = statusOf(await client.response())
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const workers = Array.from({ length: 16 }, worker)
  for (let i = 0; i < 50; i++) {
    const { address } = backends[i % 4]!
    const there = registry.backendAt(address)
    if (!there) registry.add(configOf(address))
    else if (registry.backends.length > 1) registry.remove(there)
    const [first] = registry.backends
    registry.reconfigure(first!, configOf(`${first!.address};weight=${1 + (i % 5)}`))
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
  stopped = true
  await Promise.all(workers)
  t.same([...statuses.keys()], [200])
  for (const { requests } of backends) t.ok(requests.length > 20, `${requests.length} requests`)
  // Those that have left are released within a tick.
  const left = backends.filter(({ address }) => !registry.backendAt(address))
  await eventually(() => left.every(({ sockets }) => sockets.size === 0), BEFORE_IDLE_MS)
})

test('a backend that leaves finishes what it has, tunnels included', async (t) => {
  const leaving = await scripted(t, ({ startLine }, socket) => {
    if (startLine.includes('/upgrade'))
      socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n')
    else setTimeout(() => socket.write(OK), 300)
  })
  const other = await scripted(t, answering(OK))
  const balancer = await startBalancer(t, [leaving])
  const { registry } = balancer
  const tunnel = await RawClient.open(t, balancer.port)
  tunnel.send('GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n')
  t.equal(statusOf(await tunnel.response()), 101)
  const client = await RawClient.open(t, balancer.port)
  client.send(GET)
  await eventually(() => registry.backends[0]!.active === 2)
  const [backend] = registry.backends
  registry.add(configOf(other.address))
  registry.remove(backend!)
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 200)
  t.equal(other.requests.length, 1)
  t.equal(statusOf(await client.response()), 200)
  t.equal(backend!.active, 1, 'the tunnel goes on')
  tunnel.socket.destroy()
  await eventually(() => backend!.active === 0 && leaving.sockets.size === 0, BEFORE_IDLE_MS)
})

test('one that joins is checked before it gets requests, and one that leaves is not checked any more', async (t) => {
  let checks = 0
  const first = await scripted(t, answering(OK))
  const joining = await scripted(t, (_request, socket) => {
    checks++
    socket.write(OK)
  })
  const balancer = await startBalancer(t, [first], {
    LB_NO_HEALTH_CHECK: 'false',
    LB_HEALTH_CHECK_PERIOD: '0.1'
  })
  const { registry } = balancer
  const backend = registry.add(configOf(joining.address))
  t.equal(backend.state, 'checking')
  await eventually(() => backend.state === 'healthy')
  registry.remove(backend)
  await eventually(() => joining.sockets.size === 0, BEFORE_IDLE_MS)
  const { length } = first.requests
  const before = checks
  await eventually(() => first.requests.length >= length + 3)
  t.ok(checks <= before + 1, 'at most the one that was under way')
})

// Names that move

const NAME = 'app.test'
const OLD = '127.0.0.2'
const NEW = '127.0.0.3'
/** Long enough for a few look-ups to have been made with `;resolve=0.1`. */
const FEW_LOOKUPS_MS = 500
const CHECKED = { LB_NO_HEALTH_CHECK: 'false', LB_HEALTH_CHECK_PERIOD: '1', LB_HEALTH_CHECK_URL: '/health' }

type MakeServer = (answer: RequestListener) => Server

const ADDRESSES = [OLD, NEW]

/** A server at each of two addresses, which tells its own. `/slow` is answered when `release` is called. */
async function twoPlaces(t: Test, makeServer: MakeServer = http.createServer) {
  const port = await portAt(...ADDRESSES)
  const sockets = new Map(ADDRESSES.map((address) => [address, new Set<Socket>()]))
  const checks: string[] = []
  const held: (() => void)[] = []
  for (const address of ADDRESSES) {
    const server = makeServer((req, res) => {
      if (req.url === '/health') checks.push(address)
      if (req.url === '/slow') held.push(() => res.end(address))
      else res.end(address)
    })
    server.on('upgrade', (_req, socket: Socket) => {
      socket.write(SWITCHING)
      echo(socket)
    })
    server.on('connection', (socket: Socket) => {
      const own = sockets.get(address)!
      own.add(socket)
      socket.on('close', () => own.delete(socket)).on('error', () => {})
    })
    await new Promise<void>((resolve) => server.listen(port, address, resolve))
    atEnd(t, () => {
      server.close()
      for (const socket of sockets.get(address)!) socket.destroy()
    })
  }
  const open = () => ADDRESSES.map((address) => sockets.get(address)!.size)
  const release = () => {
    for (const answer of held.splice(0)) answer()
  }
  return { port, checks, held, open, release, backend: `${NAME}:${port};resolve=0.1` }
}

const addressBy = async (t: Test, { port }: Balancer, bytes = GET) =>
  (await exchange(t, port, bytes)).body.toString()

test('requests go to the address that a name has by now, though its connections are never idle', async (t) => {
  const names = namesOf(t, { [NAME]: [OLD] })
  const { backend, open } = await twoPlaces(t)
  const balancer = await startBalancer(t, backend)
  const client = await RawClient.open(t, balancer.port)
  const ask = async () => {
    client.send(GET)
    return (await client.response()).body.toString()
  }
  t.equal(await ask(), OLD)
  names.answers.set(NAME, [NEW])
  await eventually(async () => (await ask()) === NEW, 10_000)
  for (let i = 0; i < 20; i++) t.equal(await ask(), NEW)
  await eventually(() => open()[0] === 0, BEFORE_IDLE_MS)
  t.same(open(), [0, 1], 'nothing is left at the old address')
  t.equal(names.mostAtOnce, 1)
  t.match(balancer.stats().backends[0], { addresses: [NEW], lookupFailure: null, failed: 0 })
  t.match(
    balancer.log.filter(({ host }) => host === NAME),
    [{ level: 30, msg: `${NAME} has moved to ${NEW} from ${OLD}` }]
  )
})

test('what is under way at the old address is answered there, and its connections then close', async (t) => {
  const names = namesOf(t, { [NAME]: [OLD] })
  const { backend, open, held, release } = await twoPlaces(t)
  const balancer = await startBalancer(t, backend)
  const slow = exchange(t, balancer.port, GET.replace('/', '/slow'))
  await eventually(() => held.length === 1, 10_000)
  t.equal(await addressBy(t, balancer), OLD)
  t.same(open(), [2, 0])
  names.answers.set(NAME, [NEW])
  await eventually(() => open()[0] === 1, 10_000)
  t.equal(await addressBy(t, balancer), NEW)
  release()
  t.equal((await slow).body.toString(), OLD)
  await eventually(() => open()[0] === 0, BEFORE_IDLE_MS)
  t.match(balancer.stats().backends[0], { failed: 0, state: /^healthy$/ })
})

test('tunnels stay where they are', async (t) => {
  const names = namesOf(t, { [NAME]: [OLD] })
  const { backend, open } = await twoPlaces(t)
  const balancer = await startBalancer(t, backend)
  const tunnel = await openTunnel(t, balancer)
  names.answers.set(NAME, [NEW])
  await eventually(async () => (await addressBy(t, balancer)) === NEW, 10_000)
  tunnel.send('still there')
  await eventually(() => tunnel.received.toString().includes('still there'))
  t.same(open(), [1, 1])
})

for (const scheme of ['h2c', 'h2', 'https'] as const) {
  test(`connections move as well with ${scheme}`, async (t) => {
    const by = scheme === 'h2c' ? undefined : authority(t)
    if (scheme !== 'h2c' && !by) return
    const pair = by ? contents(by.issue(NAME)) : {}
    const makers = {
      h2c: (answer: RequestListener) => http2.createServer(answer as never),
      h2: (answer: RequestListener) => http2.createSecureServer(pair, answer as never),
      https: (answer: RequestListener) => https.createServer(pair, answer)
    }
    const names = namesOf(t, { [NAME]: [OLD] })
    const { backend, open, held, release, checks } = await twoPlaces(t, makers[scheme] as MakeServer)
    const h2 = scheme === 'https' ? '' : ';h2'
    const balancer = await startBalancer(t, `${by ? 'https://' : ''}${backend}${h2}`, {
      ...CHECKED,
      ...(by ? { LB_BACKEND_CA: by.file } : {})
    })
    const slow = exchange(t, balancer.port, GET.replace('/', '/slow'))
    await eventually(() => held.length === 1, 10_000)
    t.equal(await addressBy(t, balancer), OLD)
    names.answers.set(NAME, [NEW])
    await eventually(async () => (await addressBy(t, balancer)) === NEW, 10_000)
    for (let i = 0; i < 10; i++) t.equal(await addressBy(t, balancer), NEW)
    await eventually(() => checks.at(-1) === NEW, 10_000)
    release()
    t.equal((await slow).body.toString(), OLD)
    await eventually(() => open()[0] === 0, 10_000)
    t.match(balancer.stats().backends[0], { failed: 0, state: /^healthy$/ })
  })
}

test('checks judge the address that requests go to', async (t) => {
  const names = namesOf(t, { [NAME]: [OLD] })
  const { backend, checks } = await twoPlaces(t)
  // Checks alone would ask for the name each time, and requests hardly ever.
  const balancer = await startBalancer(t, backend.replace('0.1', '60'), CHECKED)
  names.answers.set(NAME, [NEW])
  await sleep(FEW_LOOKUPS_MS)
  t.equal(await addressBy(t, balancer), OLD)
  t.same(new Set(checks), new Set([OLD]))
  t.equal(names.asked.length, 1)
})

test('a watch of health by gRPC moves as well', async (t) => {
  const names = namesOf(t, { [NAME]: [OLD] })
  const port = await portAt(...ADDRESSES)
  const watched = new Map(ADDRESSES.map((address) => [address, new Set<http2.ServerHttp2Stream>()]))
  for (const address of ADDRESSES) {
    const sessions = new Set<http2.ServerHttp2Session>()
    const server = http2.createServer().on('session', (session) => sessions.add(session))
    server.on('stream', (stream, headers) => {
      const isWatch = headers[':path']!.endsWith('/Watch')
      stream
        .on('error', () => {})
        .respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      // SERVING
      stream[isWatch ? 'write' : 'end'](Buffer.from([0, 0, 0, 0, 2, 8, 1]))
      if (!isWatch) return
      watched.get(address)!.add(stream)
      stream.on('close', () => watched.get(address)!.delete(stream))
    })
    await new Promise<void>((resolve) => server.listen(port, address, resolve))
    atEnd(t, () => {
      for (const session of sessions) session.destroy()
      server.close()
    })
  }
  const at = () => ADDRESSES.map((address) => watched.get(address)!.size)
  await startBalancer(t, `${NAME}:${port};h2;resolve=0.1`, { ...CHECKED, LB_HEALTH_CHECK_URL: 'grpc:' })
  await eventually(() => at()[0] === 1, 10_000)
  names.answers.set(NAME, [NEW])
  await eventually(() => at()[0] === 0 && at()[1] === 1, 10_000)
})

test('a backend that is gone from its address is found at its new one without waiting for the next look-up', async (t) => {
  const names = namesOf(t, { [NAME]: ['127.0.0.4'] })
  const { backend } = await twoPlaces(t)
  const balancer = await startBalancer(t, backend.replace('0.1', '60'), CHECKED)
  t.match(balancer.stats().backends[0], { state: 'unhealthy', lastCheck: { result: 'connection refused' } })
  names.answers.set(NAME, [NEW])
  await eventually(() => balancer.stats().backends[0]!.state === 'healthy', 10_000)
  t.equal(await addressBy(t, balancer), NEW)
})

test('a name that is not found any more keeps its last addresses, which is shown and logged once', async (t) => {
  const names = namesOf(t, { [NAME]: [OLD] })
  const { backend } = await twoPlaces(t)
  const balancer = await startBalancer(t, backend, CHECKED)
  names.answers.delete(NAME)
  await eventually(() => balancer.stats().backends[0]!.lookupFailure, 10_000)
  await sleep(FEW_LOOKUPS_MS)
  t.equal(await addressBy(t, balancer), OLD)
  const shown = { addresses: [OLD], lookupFailure: 'host name not found', state: /^healthy$/, failed: 0 }
  t.match(balancer.stats().backends[0], shown)
  const logged = () => balancer.log.filter(({ host }) => host === NAME).map(({ msg }) => msg)
  t.same(logged(), [`${NAME} is not resolved (host name not found): its last addresses are kept`])
  const metrics = (await exchange(t, balancer.port, GET.replace('/', '/__lb/metrics'))).body.toString()
  const label = `{pool="default",backend="${backend.split(';')[0]}"`
  t.match(metrics, `fairlead_backend_lookup_failing${label}} 1`)
  t.match(metrics, `fairlead_backend_address_info${label},address="${OLD}"} 1`)
  t.match(metrics, /fairlead_name_lookups_total\{result="failed"\} [1-9]/)
  names.answers.set(NAME, [OLD])
  await eventually(() => balancer.stats().backends[0]!.lookupFailure === null, 10_000)
  t.same(logged().slice(1), [`${NAME} is resolved: ${OLD}`])
})

test('a name that was never found is a backend that cannot be reached, until it is', async (t) => {
  const names = namesOf(t, {})
  const { backend } = await twoPlaces(t)
  const balancer = await startBalancer(t, backend, CHECKED)
  t.match(balancer.stats().backends[0], {
    state: 'unhealthy',
    addresses: [],
    lastCheck: { result: 'host name not found' }
  })
  t.equal(statusOf(await exchange(t, balancer.port, GET)), 503)
  names.answers.set(NAME, [OLD])
  await eventually(() => balancer.stats().backends[0]!.state === 'healthy', 10_000)
  t.equal(await addressBy(t, balancer), OLD)
})

test('of several addresses the first that works is used, for requests and checks alike', async (t) => {
  const names = namesOf(t, { [NAME]: ['127.0.0.4', NEW, OLD] })
  const { backend, checks, open } = await twoPlaces(t)
  const balancer = await startBalancer(t, backend, CHECKED)
  for (let i = 0; i < 5; i++) t.equal(await addressBy(t, balancer), NEW)
  names.answers.set(NAME, [OLD, '127.0.0.4', NEW])
  await sleep(FEW_LOOKUPS_MS)
  for (let i = 0; i < 5; i++) t.equal(await addressBy(t, balancer), NEW, 'another order moves nothing')
  t.same(new Set(checks), new Set([NEW]))
  t.equal(open()[0], 0)
  t.same(balancer.stats().backends[0]!.addresses, [NEW, '127.0.0.4', OLD])
})

test('a name is looked up at once when its backend joins, and not once it has left', async (t) => {
  const names = namesOf(t, { [NAME]: [OLD], 'other.test': [NEW] })
  const { backend, port } = await twoPlaces(t)
  const balancer = await startBalancer(t, backend)
  const { registry } = balancer
  const [first] = registry.backends
  const another = { ...first!.config, hostname: 'other.test', address: `other.test:${port}` }
  registry.add(another)
  registry.remove(first!)
  await eventually(() => names.of('other.test') > 1)
  await eventually(() => !registry.backendAt(first!.address) && inactive())
  t.equal(await addressBy(t, balancer), NEW)
  async function inactive(): Promise<boolean> {
    const asked = names.of(NAME)
    await sleep(FEW_LOOKUPS_MS)
    return names.of(NAME) === asked
  }
})

test('how often a name is looked up can be changed while its backend runs', async (t) => {
  const names = namesOf(t, { [NAME]: [OLD] })
  const { backend } = await twoPlaces(t)
  const balancer = await startBalancer(t, backend.replace('0.1', '0'))
  t.equal(await addressBy(t, balancer), OLD)
  names.answers.set(NAME, [NEW])
  await sleep(FEW_LOOKUPS_MS)
  t.equal(await addressBy(t, balancer), OLD)
  const [running] = balancer.registry.backends
  balancer.registry.reconfigure(running!, { ...running!.config, resolveMs: 50 })
  await eventually(async () => (await addressBy(t, balancer)) === NEW, 10_000)
})

tap.setTimeout(120_000)
