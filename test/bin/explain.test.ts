import { writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import type { Report } from '../../bin/explain/report.js'
import { sentRequest } from '../../bin/explain/request.js'
import { startRoutes, test } from '../helper.js'
import { authority } from '../support/certificates.js'
import { SettingsFile } from '../support/config-file.js'
import { scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'
import { runInProcess } from '../support/run-in-process.js'
import { shown } from '../support/secure-balancer.js'
import { statusOf } from '../support/wire.js'

const named = (name: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`

/** A file with the pools and routes, and what explains a request with it. */
function explaining(t: Test, content: object, env: Readonly<Record<string, string>> = {}) {
  const { name: file } = new SettingsFile(t)
  writeFileSync(file, JSON.stringify(content))
  const explain = (...args: string[]) => runInProcess(['explain', ...args], { LB_CONFIG: file, ...env })
  const report = async (...args: string[]) => {
    const { code, stdout, stderr } = await explain(...args, '--json')
    t.equal(stderr, '')
    return { code, ...(JSON.parse(stdout) as Report) }
  }
  return { file, explain, report }
}

/** Requests, each with what becomes of it: a pool, or a status. */
const CASES: readonly (readonly [expected: string | number, line: string, ...fields: string[]])[] = [
  ['api', 'GET http://api.example/v2/users?q=%2F', 'X-Debug: 1', 'x-tenant: forged', 'Accept: */*'],
  ['api', 'POST http://API.example:8080/%762', 'Content-Length: 0'],
  ['api', 'GET http://api.example/v2//x/./y'],
  ['web', 'GET http://other.example/v2/x', 'Cookie: a=b', 'Connection: x-hop', 'X-Hop: 1', 'TE: trailers'],
  ['web', 'GET http://www.example/shop/../a%7e', 'Upgrade: websocket', 'Connection: Upgrade'],
  ['raw', 'GET http://www.example/raw/../x'],
  ['web', 'OPTIONS *', 'Max-Forwards: 3'],
  ['web', 'GET http://www.example/fixed?x', 'X-Forwarded-For: 192.0.2.1', 'Via: 1.0 x'],
  [200, 'OPTIONS *', 'Max-Forwards: 0'],
  [308, 'GET http://www.example/old/a%2Fb?x=1'],
  [308, 'POST http://www.example/old'],
  [302, 'GET http://www.example/elsewhere'],
  [307, 'PUT http://www.example/elsewhere', 'Content-Length: 0'],
  [410, 'GET http://www.example/gone'],
  [400, 'GET http://www.example/shop/..%2fold'],
  [400, 'GET http://api.example/v2/..%5c..%5cx'],
  [400, 'GET http://www.example/', 'Host: a', 'Host: b'],
  [417, 'GET http://www.example/', 'Expect: much'],
  [403, 'GET http://www.example/office', 'Accept: text/html'],
  [413, 'POST http://www.example/small', 'Content-Length: 11'],
  [404, 'GET http://[::1]:80/missing', 'Content-Type: application/grpc', 'TE: trailers'],
  [404, 'GET http://www.example/missing/x']
]

test('what is explained is what happens', async (t) => {
  const pools = { api: 'api', web: 'web', raw: 'raw' }
  const backends = await Promise.all(
    Object.values(pools).map((name) => scripted(t, (_request, socket) => void socket.write(named(name))))
  )
  const content = {
    pools: Object.fromEntries(
      Object.keys(pools).map((name, i) => [name, { backends: [backends[i]!.address] }])
    ),
    routes: [
      {
        name: 'api',
        match: { host: 'api.example', 'path-prefix': '/v2' },
        pool: 'api',
        rewrite: { 'path-prefix': '/', host: 'api.internal' },
        'request-headers': { set: { 'X-Tenant': 'shop' }, add: { Accept: 'text/plain' }, remove: ['X-Debug'] }
      },
      { match: { 'path-prefix': '/old' }, redirect: { 'path-prefix': '/new', status: 308 } },
      { match: { path: '/elsewhere' }, redirect: { host: 'else.example' } },
      { match: { 'path-prefix': '/raw' }, paths: 'raw', pool: 'raw' },
      { match: { path: '/gone' }, respond: { status: 410, body: 'Gone.\n', headers: { 'X-A': ['1', '2'] } } },
      {
        match: { path: '/office' },
        pool: 'web',
        allow: ['192.0.2.0/24'],
        errors: [{ status: 403, html: '<p>No.</p>' }],
        'response-headers': { set: { 'X-Front': 'yes' } }
      },
      { match: { path: '/small' }, pool: 'web', 'max-body-size': 10 },
      { match: { path: '/fixed' }, pool: 'web', rewrite: { path: '/other' } },
      { match: { 'path-prefix': '/missing' }, respond: { status: 404 } },
      { pool: 'web' }
    ]
  }
  const { report } = explaining(t, content)
  const { port } = await startRoutes(t, content)
  for (const [expected, line, ...given] of CASES) {
    const [method = '', url = ''] = line.split(' ')
    const headers = ['X-Request-Id: id', ...given]
    const flags = headers.flatMap((header) => ['-H', header])
    const told = await report(method, url, '--port', `${port}`, ...flags)
    const { head } = sentRequest({ method, url, headers, client: '127.0.0.1', port, tlsName: undefined })
    const before = backends.map(({ requests }) => requests.length)
    const body = /Content-Length: ([1-9]\d*)/.exec(given.join())?.[1] ?? '0'
    const response = await exchange(t, port, head.toString('latin1') + 'x'.repeat(Number(body)))
    const asked = backends.findIndex(({ requests }, i) => requests.length > before[i]!)
    if (typeof expected === 'string') {
      t.equal(Object.keys(pools)[asked], expected, line)
      t.equal(told.pools[0]!.pool, expected, line)
      t.equal(told.answer, null)
      const { startLine, fields } = backends[asked]!.requests.at(-1)!
      t.equal(startLine, `${told.backendRequest!.method} ${told.backendRequest!.target} HTTP/1.1`)
      t.same(told.backendRequest!.fields, fields, line)
    } else {
      t.same([asked, statusOf(response)], [-1, expected], line)
      t.equal(told.backendRequest, null)
      const ofConnection = /^(?:date|connection|keep-alive)$/i
      const own = response.fields.filter(([name]) => !ofConnection.test(name))
      t.same([told.answer!.status, told.answer!.fields], [statusOf(response), own], line)
      t.equal(told.answer!.body, `${response.body}`, line)
    }
  }
})

const SHOP = {
  pools: { web: { backends: ['app1:3000', 'app2:3000'] }, next: { backends: ['app3:3000'] } },
  routes: [
    {
      name: 'admin',
      match: { host: 'shop.example', 'path-prefix': '/admin' },
      pool: 'web',
      deny: '192.0.2.0/24'
    },
    { name: 'beta', match: { host: 'shop.example', headers: { 'x-beta': true } }, pool: 'next' },
    {
      name: 'shop',
      match: { host: ['shop.example', '*.shop.example'] },
      split: [
        { pool: 'web', weight: 3 },
        { pool: 'next', weight: 1 }
      ],
      'split-by': 'client',
      mirror: { pool: 'next', percent: 10 },
      retries: 0,
      'rate-limit': '10/s;burst=20'
    },
    { name: 'secure', match: { host: 'tls.example', 'tls-name': 'tls.example', port: 443 }, pool: 'next' }
  ]
}

test('the explanation for people says route, pools, backend, limits and other routes', async (t) => {
  const { explain } = explaining(t, SHOP)
  const { code, stdout, stderr } = await explain(
    ...['GET', 'http://www.shop.example/a%7eb?q', '-H', 'X-Request-Id: id', '--client', '198.51.100.7']
  )
  t.same([code, stderr], [0, ''])
  t.match(
    stdout,
    /^The route is shop\.\nThe pool web gets 75 %: app1:3000 app2:3000; timeout 60 s, retries: 0\.\n/
  )
  t.match(stdout, /\nThe pool next gets 25 %: .*\nAll requests of this client go to (?:web|next)\.\n\n/)
  t.ok(
    stdout.includes(
      'A backend gets:\n  GET /a%7eb?q HTTP/1.1\n  Host: www.shop.example\n  X-Forwarded-For: 198.51.100.7\n'
    )
  )
  t.ok(stdout.includes('  mirror: 10 % to the pool next\n  rate limit: 10/s of a client, 20 at once\n'))
  t.notOk(stdout.includes('Other routes'))
})

test('other routes are named with their reasons, those for other hosts and paths on demand', async (t) => {
  const { report, explain } = explaining(t, SHOP)
  const url = 'http://shop.example/admin/%78'
  const { route, matchedPath, path: read, others } = await report('GET', url)
  t.same([route, matchedPath, read], ['admin', '/admin/*', '/admin/x'])
  t.same(others, [
    { route: 'beta', reason: 'the field x-beta is not what it asks for' },
    { route: 'shop', reason: 'admin comes first: its path is more specific' }
  ])
  const all = await report('GET', url, '--all')
  t.same(
    all.others.map(({ route }) => route),
    ['beta', 'shop', 'secure']
  )
  const denied = await explain('GET', url, '--client', '192.0.2.7')
  t.equal(denied.code, 0)
  t.match(denied.stdout, /^The route is admin, as \/admin\/x matches \/admin\/\*; refused: LB_DENIED\.\n/)
  t.match(denied.stdout, 'clients: this one is denied')
})

test('the exit code tells of routes, of none, and of ambiguous paths', async (t) => {
  const { explain } = explaining(t, SHOP)
  const lost = await explain('GET', 'http://other.example/')
  t.equal(lost.code, 2)
  t.match(lost.stdout, /^No route matches \/\.\n\nThe client gets:\n {2}404\n/)
  const twofold = await explain('GET', 'http://shop.example/x/..%2fadmin')
  t.equal(twofold.code, 3)
  t.match(
    twofold.stdout,
    /^The path is ambiguous: servers read \/x\/\.\.%2Fadmin as paths of different routes\.\n/
  )
  t.match(twofold.stdout, /^ {2}\/x\/\.\.%2Fadmin +shop +as it is$/m)
  t.match(twofold.stdout, /^ {2}\/admin +admin +decoded, dot segments removed$/m)
  t.equal((await explain('GET', 'http://shop.example/', '-H', 'Host: a', '-H', 'Host: b')).code, 2)
  const cut = explaining(t, {
    pools: SHOP.pools,
    routes: [
      { name: 'all', match: { 'path-prefix': ['/v2', '/'] }, pool: 'web', rewrite: { 'path-prefix': '/' } }
    ]
  })
  const climbing = await cut.explain('GET', '/v2/..%2fx')
  t.equal(climbing.code, 3)
  t.match(climbing.stdout, 'what the route all leaves of it may lead out of its prefix')
  const own = await explain('GET', '/__lb/stats')
  t.same([own.code, own.stdout], [0, "No route: this is one of the balancer's own pages.\n"])
})

test('port and TLS name count as they would on a connection', async (t) => {
  const { report } = explaining(t, SHOP, {
    LB_PROXY_PROTOCOL: 'true',
    LB_TRUSTED_PROXIES: '192.0.2.200',
    LB_HSTS: '60',
    PORT: '443'
  })
  const url = 'https://tls.example/'
  const { route, backendRequest } = await report('GET', url)
  t.equal(route, 'secure')
  t.match(Object.fromEntries(backendRequest!.fields), {
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Port': '443'
  })
  for (const args of [[url, '--port', '8443'], [url, '--tls-name', 'other.example'], ['http://tls.example/']])
    t.equal((await report('GET', ...args)).outcome, 'no-route', args.join(' '))
  const lost = await report('GET', 'https://none.example/')
  t.same(lost.answer!.fields.at(-1), ['Strict-Transport-Security', 'max-age=60'])
})

test('a balancer that speaks TLS gets no plain HTTP', async (t) => {
  const by = authority(t)
  if (!by) return
  const { explain, report } = explaining(t, SHOP, shown(by.issue('shop.example')))
  const host = ['-H', 'Host: shop.example']
  const { backendRequest } = await report('GET', '/', ...host, '--client', '2001:DB8:0:0::1')
  t.match(Object.fromEntries(backendRequest!.fields), {
    'X-Forwarded-For': '2001:db8::1',
    'X-Forwarded-Proto': 'https'
  })
  const { code, stderr } = await explain('GET', 'http://shop.example/')
  t.equal(code, 1)
  t.ok(stderr.includes('the balancer speaks TLS (LB_TLS_CERT)'), stderr)
})

test('without routes the only pool gets everything', async (t) => {
  const told = await runInProcess(['explain', 'GET', '/a//b', '-H', 'X-Request-Id: id'], {
    LB_BACKENDS: 'app1:3000',
    LB_TRACEPARENT: 'true'
  })
  t.equal(told.code, 0)
  t.match(told.stdout, /^There are no routes\.\nThe pool default: app1:3000; /)
  t.match(
    told.stdout,
    /\n {2}GET \/a\/\/b HTTP\/1\.1\n {2}Host: localhost\n {2}traceparent: 00-0{32}-0{16}-01\n/
  )
})

test('what is no request, and a configuration that is wrong, is said in a line', async (t) => {
  const { explain, file } = explaining(t, { ...SHOP, pools: { web: { timeout: 5 } } })
  const env = { LB_BACKENDS: 'app1:3000' }
  for (const [args, said] of [
    [['G T', '/'], '"G T" is not a method'],
    [['FETCH', '/'], 'it is no request that can be read: Parse Error: Invalid method encountered'],
    [['GET', 'ftp://a/'], '"ftp://a/" must be a URL such as http://app.example/path, or a path'],
    [['GET', '/a b'], '"/a b" must be a URL'],
    [['GET', '/', '-H', 'nonsense'], '"nonsense" must be a field such as "X-Version: 2"'],
    [['GET', '/', '-H', 'A: b\r\nC: d'], 'must be a field'],
    [['GET', '/', '--client', 'x'], '--client must be an IP address, but is "x"'],
    [['GET', '/', '--port', '65536'], '--port must be a port number, but is "65536"'],
    [['GET', 'http://a/', '--tls-name', 'b'], '--tls-name needs a URL that begins with https://'],
    [['GET', 'https://a/'], 'the balancer has no TLS (LB_TLS_CERT)'],
    [['GET'], "missing required argument 'url'"]
  ] as const) {
    const { code, stdout, stderr } = await runInProcess(['explain', ...args], env)
    t.same([code, stdout], [1, ''], said)
    t.ok(stderr.includes(said), said, { stderr })
  }
  const wrong = await explain('GET', '/')
  t.equal(wrong.code, 1)
  t.ok(wrong.stderr.includes('pools.web.timeout'), 'the file of LB_CONFIG')
  const other = await runInProcess(['explain', 'GET', '/', '--config', file], env)
  t.ok(other.stderr.includes('pools.web.timeout'), 'or that of --config')
})
