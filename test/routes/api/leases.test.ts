import { BlockList } from 'node:net'
import { leasedBackend, type Registrant } from '../../../lib/admin/lease-address.js'
import { eventually, startBalancer, startRoutes, test } from '../../helper.js'
import { WITH_TOKEN } from '../../support/api.js'
import { answering, OK, scripted } from '../../support/raw-backend.js'
import { exchange } from '../../support/raw-client.js'
import { statusOf } from '../../support/wire.js'

const TOKEN = 'a-token-to-register-with'
const GET = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
const OPEN = { LB_REGISTER_TOKEN: TOKEN, LB_REGISTER_RANGES: '127.0.0.0/8' }

async function send(port: number, method: string, path: string, body?: object, token = TOKEN) {
  const response = await fetch(`http://127.0.0.1:${port}/__lb/api/${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, ...(body ? { 'Content-Type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {})
  })
  const text = await response.text()
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text) }
}

test('a backend registers itself, renews that, and ends it', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { address } = backend
  const { port, registry, stats } = await startBalancer(t, '', { ...OPEN, ...WITH_TOKEN })
  t.equal(statusOf(await exchange(t, port, GET)), 503)
  const at = `leases/${encodeURIComponent(address)}`
  t.match(await send(port, 'PUT', at, { ttl: 5, weight: 3 }), {
    status: 201,
    json: { pool: 'default', address, ttl: 5, weight: 3, draining: false }
  })
  t.equal(statusOf(await exchange(t, port, GET)), 200)
  t.match(await send(port, 'PUT', at, { ttl: 5, weight: 3 }), { status: 200 })
  t.match(stats().pools[0]!.sources, [{ source: 'leases', members: 1, failure: null }])
  t.match(await send(port, 'PUT', at, { ttl: 5, draining: true }), { status: 200, json: { weight: 1 } })
  t.match(registry.backends, [{ address, weight: 1, status: 'draining' }])
  t.equal((await send(port, 'DELETE', at)).status, 204)
  t.same(registry.backends, [])
  t.match(await send(port, 'DELETE', at), { status: 404, json: { code: 'LB_NO_SUCH_LEASE' } })
})

test('a registration that is not renewed lapses, and changes no version', async (t) => {
  const [a, b] = await Promise.all([1, 2].map(() => scripted(t, answering(OK))))
  const { port, registry, pools, log } = await startBalancer(t, a!.address, OPEN)
  const [pool] = pools()
  const { version } = pool!.backendList
  t.equal((await send(port, 'PUT', `leases/${b!.address}`, { ttl: 300 })).status, 201)
  t.equal(registry.backends.length, 2)
  registry.tick(registry.tickMs + 299_000)
  t.equal(registry.backends.length, 2)
  // By the time of the next tick of the server's own clock it is earlier again, which moves no lease.
  registry.tick(registry.tickMs + 2000)
  t.same(
    registry.backends.map(({ address }) => address),
    [a!.address]
  )
  t.equal(pool!.backendList.version, version)
  await eventually(() =>
    log.some(({ msg }) => msg === `${b!.address} has not renewed its registration in time`)
  )
})

test('who has no token of the pool, or comes from elsewhere, registers nothing', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { address } = backend
  const configured = {
    pools: { web: { backends: [] }, api: { backends: [] }, closed: { backends: [address] } },
    routes: [
      { match: { path: '/api' }, pool: 'api' },
      { match: { path: '/no' }, pool: 'closed' },
      { pool: 'web' }
    ]
  }
  const { port, pools } = await startRoutes(t, configured, {
    LB_REGISTER_TOKEN: `web:${TOKEN} api:${TOKEN}-of-api`,
    LB_REGISTER_RANGES: '127.0.0.0/8',
    LB_REGISTER_MAX: '1',
    ...WITH_TOKEN
  })
  const terms = { ttl: 9 }
  for (const [path, token] of [
    [`pools/api/leases/${address}`, TOKEN],
    [`pools/closed/leases/${address}`, TOKEN],
    [`pools/none/leases/${address}`, TOKEN],
    [`leases/${address}`, `${TOKEN}-of-api`],
    [`pools/web/leases/${address}`, WITH_TOKEN.LB_ADMIN_TOKEN]
  ])
    t.match(await send(port, 'PUT', path!, terms, token), {
      status: 401,
      json: { message: /LB_REGISTER_TOKEN/ }
    })
  t.equal((await send(port, 'PUT', `pools/api/leases/${address}`, terms, `${TOKEN}-of-api`)).status, 201)
  t.match(await send(port, 'PUT', `pools/api/leases/127.0.0.9:99`, terms, `${TOKEN}-of-api`), {
    status: 409,
    json: { code: 'LB_TOO_MANY_LEASES' }
  })
  for (const body of [{}, { ttl: 4 }, { ttl: 301 }, { ttl: 9, weight: 0 }, { ttl: 9, max: 3 }, { ttl: '9' }])
    t.match(
      await send(port, 'PUT', `pools/web/leases/${address}`, body),
      { status: 400 },
      JSON.stringify(body)
    )
  t.match(await send(port, 'GET', `pools/web/backends`, undefined, TOKEN), { status: 200 })
  t.match(
    await send(port, 'PUT', `pools/web/backends`, [{ address }], TOKEN),
    { status: 401 },
    'good for nothing else'
  )
  t.same(
    pools().map(({ registry }) => registry.backends.length),
    [0, 1, 1]
  )
  const closed = await startBalancer(t, address, { ...OPEN, LB_REGISTER_ALLOW: '10.0.0.0/8' })
  t.equal((await send(closed.port, 'PUT', `leases/${address}`, terms)).status, 404)
  const off = await startBalancer(t, address)
  t.equal((await send(off.port, 'PUT', `leases/${address}`, terms)).status, 404)
  t.match(await send(port, 'PUT', `pools/web/leases/127.0.0.1:${port}`, terms), {
    status: 403,
    json: { code: 'LB_FOREIGN_ADDRESS' }
  })
})

test('a balancer registers neither of its ports, whichever it is asked at', async (t) => {
  const { port, adminPort } = await startBalancer(t, '', {
    LB_REGISTER_TOKEN: TOKEN,
    LB_REGISTER_RANGES: '0.0.0.0/0 ::/0',
    LB_ADMIN_PORT: '0'
  })
  for (const own of [port, adminPort])
    for (const host of ['127.0.0.1', '0.0.0.0', '0', '127.1', '[::]', '[0::0]'])
      t.match(
        await send(adminPort, 'PUT', `leases/${encodeURIComponent(`${host}:${own}`)}`, { ttl: 9 }),
        { status: 403, json: { code: 'LB_FOREIGN_ADDRESS' } },
        `${host}:${own}`
      )
})

test('what may be registered depends on where the request comes from', async (t) => {
  const ranges = new BlockList()
  ranges.addSubnet('10.9.0.0', 16, 'ipv4')
  ranges.addSubnet('fd09::', 32, 'ipv6')
  const from = (source: string): Registrant => ({
    source,
    ranges,
    isOwn: (host, port) => host === '10.9.0.1' && port === 80
  })
  const registered = (address: string, source: string) => {
    try {
      return leasedBackend(address, 1, from(source)).address
    } catch (error) {
      return (error as { statusCode: number }).statusCode
    }
  }
  for (const [address, source, expected] of [
    ['10.1.0.1:80', '10.1.0.1', '10.1.0.1:80'],
    ['0.0.0.0:80', '10.1.0.1', '10.1.0.1:80'],
    ['[::]:80', 'fd01::1', '[fd01::1]:80'],
    ['[fd01:0::1]:80', 'fd01::1', '[fd01::1]:80'],
    ['10.9.0.2:80', '10.1.0.1', '10.9.0.2:80'],
    ['[fd09::2]:80', '10.1.0.1', '[fd09::2]:80'],
    ['0:80', '10.1.0.1', '10.1.0.1:80'],
    ['0x0.0:80', '10.9.0.1', 403],
    ['[0::0]:80', '10.1.0.1', '10.1.0.1:80'],
    ['10.1.0.2:80', '10.1.0.1', 403],
    ['10.9.0.1:80', '10.9.0.1', 403],
    ['10.9.0.1:81', '10.9.0.1', '10.9.0.1:81'],
    ['127.0.0.1:80', '127.0.0.1', 403],
    ['[::1]:80', '::1', 403],
    ['169.254.1.1:80', '169.254.1.1', 403],
    ['[fe80::1]:80', 'fe80::1', 403],
    ['[fe80::1%25eth0]:80', 'fe80::1', 400],
    ['[::ffff:10.9.0.2]:80', '10.1.0.1', 400],
    ['app.example:80', '10.1.0.1', 400],
    ['localhost:80', '127.0.0.1', 400],
    ['unix:/run/app.sock', '10.1.0.1', 400],
    ['https://10.1.0.1:80', '10.1.0.1', 400],
    ['10.1.0.1', '10.1.0.1', 400],
    ['10.1.0.1:80;max=1', '10.1.0.1', 400],
    ['10.1.0.1:0', '10.1.0.1', 400]
  ] as const)
    t.equal(registered(address, source), expected, `${address} from ${source}`)
})
