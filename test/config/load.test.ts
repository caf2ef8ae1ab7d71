import t from 'tap'
import { type Config, loadConfig } from '../../lib/config/load.js'
import { describeVariables } from '../../lib/config/schema.js'
import { DEFAULTS } from '../../lib/pool/spec/backend-options.js'
import { parseBackends } from '../../lib/pool/spec/backend-spec.js'
import { faultsOf } from '../support/config.js'

const addresses = (LB_BACKENDS: string) => loadConfig({ LB_BACKENDS }).backends.map(({ address }) => address)

t.test('defaults', async (t) => {
  const { trustedProxies, ...config } = loadConfig({})
  const { allow: adminAllow, ...admin } = config.admin
  const lifetime = { maxAgeMs: 3_600_000, maxRequests: 100_000, resolveMs: 10_000 }
  const options = { weight: 1, max: 0, backup: false, ...lifetime }
  t.strictSame(
    { ...config, admin },
    {
      file: '',
      port: 80,
      backends: [
        { protocol: 'http:', hostname: '127.0.0.1', port: 8080, address: '127.0.0.1:8080', ...options },
        { protocol: 'http:', hostname: '127.0.0.1', port: 8081, address: '127.0.0.1:8081', ...options }
      ],
      sources: [],
      registration: undefined,
      fleet: undefined,
      discovery: { dns: { servers: [] }, kubernetes: { kubeconfig: '', zone: '' } },
      threads: 1,
      maxConnections: 1000,
      maxSockets: 4000,
      tls: undefined,
      http2: undefined,
      backendTls: { caFile: '', certFile: '', keyFile: '' },
      healthCheck: {
        enabled: true,
        periodMs: 5000,
        downPeriodMs: 0,
        timeoutMs: 2000,
        method: 'GET',
        path: '/',
        host: '',
        fields: [],
        body: '',
        rise: 2,
        fall: 3,
        expectedStatus: [{ from: 200, to: 399 }],
        maxHeadBytes: 65_536
      },
      connectTimeoutMs: 3000,
      responseTimeoutMs: 60_000,
      bufferSizeBytes: 32_768,
      maxHeadBytes: 16_384,
      maxResponseHeadBytes: 65_536,
      methods: new Set(),
      lane: 'auto',
      limits: {
        headTimeoutMs: 60_000,
        requestTimeoutMs: 3_600_000,
        bodyTimeoutMs: 60_000,
        keepAliveTimeoutMs: 72_000,
        requestsPerSocket: 0,
        socketsPerClient: 0,
        headers: 1000,
        targetBytes: 8192,
        bodyBytes: 0
      },
      balancing: {
        algorithm: 'least-connections',
        hashKey: { from: 'address', name: '' },
        sticky: undefined
      },
      resilience: {
        retries: 2,
        retryStatus: [],
        retryBufferBytes: 65_536,
        retryBudget: 0.2,
        ejection: true,
        stallTimeoutMs: 250,
        hedge: false,
        slowStartMs: 10_000,
        queueSize: 1000,
        queueTimeoutMs: 5000,
        outageTimeoutMs: 0,
        panic: false
      },
      access: { rateLimit: undefined, allow: undefined, deny: undefined },
      tunnelTimeoutMs: 3_600_000,
      proxyProtocol: false,
      hstsSeconds: 0,
      forwarded: false,
      statsIntervalMs: 30_000,
      admin: { hosts: [], token: '', port: undefined, stateFile: '' },
      accessLog: undefined,
      tracing: { makesParent: false, spans: undefined },
      drainTimeoutMs: 30_000,
      upgradeDrainTimeoutMs: 600_000,
      pidFile: '',
      routing: undefined
    }
  )
  t.same(trustedProxies.rules, [])
  t.ok(adminAllow.check('127.0.0.1', 'ipv4'))
  t.ok(adminAllow.check('127.255.0.9', 'ipv4'))
  t.ok(adminAllow.check('::1', 'ipv6'))
  t.notOk(adminAllow.check('10.0.0.1', 'ipv4'))
  t.notOk(adminAllow.check('::2', 'ipv6'))
})

t.test('names, flags and defaults of the specification', async (t) => {
  const promised: [name: string, flags: string, fallback: string][] = [
    ['PORT', '-p, --port', '80'],
    ['LB_BACKENDS', '-b, --backends', '127.0.0.1:8080 127.0.0.1:8081'],
    ['LB_MAX_CONNECTIONS', '--max-connections', '1000'],
    ['LB_HEALTH_CHECK_PERIOD', '--health-check-period', '5'],
    ['LB_HEALTH_CHECK_URL', '--health-check-url', '/'],
    ['LB_CONNECTION_TIMEOUT', '--connection-timeout', '3'],
    ['LB_BUFFER_SIZE', '--buffer-size', '32768'],
    ['LB_NO_HEALTH_CHECK', '--no-health-check', 'false'],
    ['LB_STATS_INTERVAL', '--stats-interval', '30']
  ]
  const said = new Map(describeVariables().map(({ name, info }) => [name as string, info]))
  for (const [name, flags, fallback] of promised) {
    const info = said.get(name)
    t.equal(info?.flags?.replace(/ <.*/, ''), flags, name)
    t.equal(info?.fallback, fallback, name)
  }
})

t.test('setting a variable to its default changes nothing', async (t) => {
  const written = Object.fromEntries(describeVariables().map(({ name, info }) => [name, info.fallback]))
  // Lists of addresses are objects of the system's.
  const comparable = ({ admin: { allow, ...admin }, ...config }: Config) => ({
    ...config,
    admin,
    allow: allow.rules
  })
  t.strictSame(comparable(loadConfig(written)), comparable(loadConfig({})))
})

t.test('lists of backends', async (t) => {
  const two = ['a:80', 'b:81']
  for (const text of ['a:80,b:81', 'a:80 b:81', 'a:80\nb:81', 'a:80,\tb:81\r\n', ' ,a:80 , b:81, ']) {
    t.same(addresses(text), two, JSON.stringify(text))
  }
  t.same(addresses('b:81 a:80'), ['b:81', 'a:80'], 'in the order given')
})

t.test('forms of a backend', async (t) => {
  const parsed = (text: string) => {
    const [backend] = parseBackends(text, (fault) => t.fail(fault))
    return backend
  }
  const http = { protocol: 'http:', ...DEFAULTS }
  t.same(parsed('a:8080'), { ...http, hostname: 'a', port: 8080, address: 'a:8080' })
  t.same(parsed('10.0.0.7:1'), { ...http, hostname: '10.0.0.7', port: 1, address: '10.0.0.7:1' })
  t.same(parsed('[::1]:65535'), { ...http, hostname: '::1', port: 65535, address: '[::1]:65535' })
  t.same(parsed('[0:0:0::1]:80'), { ...http, hostname: '::1', port: 80, address: '[::1]:80' })
  t.same(parsed('http://a'), { ...http, hostname: 'a', port: 80, address: 'a:80' })
  t.same(parsed('http://a/'), { ...http, hostname: 'a', port: 80, address: 'a:80' })
  t.same(parsed('HTTP://[::1]:8080'), { ...http, hostname: '::1', port: 8080, address: '[::1]:8080' })
  const https = { ...http, protocol: 'https:' }
  t.same(parsed('https://a.test'), { ...https, hostname: 'a.test', port: 443, address: 'a.test:443' })
  t.same(parsed('https://a:80'), { ...https, hostname: 'a', port: 80, address: 'a:80' })
  for (const name of ['my_app', 'my-app.default.svc', 'xn--bcher-kva.test', 'a.test.', '7up'])
    t.hasStrict(parsed(`${name}:80`), { hostname: name, address: `${name}:80` }, name)
  t.hasStrict(parsed('MyApp:80'), { hostname: 'myapp', address: 'myapp:80' }, 'names have no case')
})

t.test('weights', async (t) => {
  const { backends } = loadConfig({
    LB_BACKENDS: 'a:80;weight=1 b:80;weight=256 c:80 https://d;weight=007 [::1]:80;weight=3'
  })
  t.same(
    backends.map(({ weight }) => weight),
    [1, 256, 1, 7, 3]
  )
  t.same(
    backends.map(({ address }) => address),
    ['a:80', 'b:80', 'c:80', 'd:443', '[::1]:80']
  )
})

t.test('options of backends', async (t) => {
  const options = (text: string) => {
    const { weight, max, backup } = loadConfig({ LB_BACKENDS: `a:80${text}` }).backends[0]!
    return [weight, max, backup]
  }
  t.same(options(''), [1, 0, false])
  t.same(options(';max=1'), [1, 1, false])
  t.same(options(';max=1000000'), [1, 1_000_000, false])
  t.same(options(';backup'), [1, 0, true])
  t.same(options(';backup=true'), [1, 0, true])
  t.same(options(';backup=false'), [1, 0, false])
  t.same(options(';backup;max=7;weight=3'), [3, 7, true], 'in any order')
})

t.test('numbers', async (t) => {
  t.equal(loadConfig({ PORT: '0' }).port, 0)
  t.equal(loadConfig({ PORT: ' 8000 ' }).port, 8000)
  t.equal(loadConfig({ PORT: '65535' }).port, 65535)
  t.equal(loadConfig({ LB_MAX_CONNECTIONS: '7' }).maxSockets, 1024, 'no fewer sockets')
  t.equal(loadConfig({ LB_MAX_CONNECTIONS: '700' }).maxSockets, 2800, 'four for each request in flight')
  t.equal(loadConfig({ LB_MAX_CONNECTIONS: '7', LB_MAX_SOCKETS: '9' }).maxSockets, 9)
  t.equal(
    loadConfig({ LB_SERVICE_HOST: '10.0.0.1', LB_PORT_80_TCP_ADDR: '10.0.0.1', LB_PORT: 'tcp://10.0.0.1:80' })
      .port,
    80,
    'what Kubernetes sets for a service of the name lb is not ours'
  )
  t.equal(loadConfig({ LB_BUFFER_SIZE: '1024' }).bufferSizeBytes, 1024)
  const { healthCheck } = loadConfig({ LB_HEALTH_CHECK_RISE: '1', LB_HEALTH_CHECK_FALL: '100' })
  t.hasStrict(healthCheck, { rise: 1, fall: 100 })
})

t.test('seconds', async (t) => {
  t.equal(loadConfig({ LB_CONNECTION_TIMEOUT: '0.25' }).connectTimeoutMs, 250)
  t.equal(loadConfig({ LB_CONNECTION_TIMEOUT: '1.001' }).connectTimeoutMs, 1001, 'whole milliseconds')
  t.equal(loadConfig({ LB_RESPONSE_TIMEOUT: '0' }).responseTimeoutMs, 0)
  t.equal(loadConfig({ LB_RESPONSE_TIMEOUT: '0.0001' }).responseTimeoutMs, 1, 'little is not none')
  t.equal(loadConfig({ LB_STATS_INTERVAL: '0' }).statsIntervalMs, 0)
  t.equal(loadConfig({ LB_STATS_INTERVAL: '86400' }).statsIntervalMs, 86_400_000)
  t.equal(loadConfig({ LB_DRAIN_TIMEOUT: '1.5' }).drainTimeoutMs, 1500)
  const { healthCheck } = loadConfig({ LB_HEALTH_CHECK_PERIOD: '0.5', LB_HEALTH_CHECK_DOWN_PERIOD: '0.1' })
  t.hasStrict(healthCheck, { periodMs: 500, downPeriodMs: 100 })
})

t.test('booleans', async (t) => {
  for (const word of ['true', 'TRUE', '1', 'yes', 'On', ' true ']) {
    t.equal(loadConfig({ LB_NO_HEALTH_CHECK: word }).healthCheck.enabled, false, word)
    t.equal(loadConfig({ LB_FORWARDED: word }).forwarded, true, word)
  }
  for (const word of ['false', 'FALSE', '0', 'no', 'oFF']) {
    t.equal(loadConfig({ LB_NO_HEALTH_CHECK: word }).healthCheck.enabled, true, word)
    t.equal(loadConfig({ LB_FORWARDED: word }).forwarded, false, word)
  }
})

t.test('status codes', async (t) => {
  const expected = (LB_HEALTH_CHECK_STATUS: string) =>
    loadConfig({ LB_HEALTH_CHECK_STATUS }).healthCheck.expectedStatus.map(({ from, to }) => [from, to])
  t.same(expected('204'), [[204, 204]])
  t.same(expected('200-299,404 , 500 - 503'), [
    [200, 299],
    [404, 404],
    [500, 503]
  ])
  t.same(expected('200-200'), [[200, 200]])
})

t.test('paths of health checks', async (t) => {
  for (const path of ['/', '/health?deep=1', '//', '/%zz', '/a;b=c@d'])
    t.equal(loadConfig({ LB_HEALTH_CHECK_URL: path }).healthCheck.path, path)
})

t.test('requests of health checks', async (t) => {
  const check = (name: string, value: string) =>
    loadConfig({ [`LB_HEALTH_CHECK_${name}`]: value }).healthCheck
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'M-SEARCH'])
    t.equal(check('METHOD', method).method, method)
  for (const host of ['', 'a', 'a.test.', 'my_app:80', '10.0.0.7:1', '[::1]', '[2001:db8::7]:65535'])
    t.equal(check('HOST', host).host, host)
  t.same(check('HEADERS', 'X-A: 1;X-B:').fields, [
    { name: 'X-A', value: '1' },
    { name: 'X-B', value: '' }
  ])
  for (const text of ['ready', '/', '//', '/a', 'a/b/', '{"a": 1}'])
    t.equal(check('BODY', text).body, text, 'a text')
  t.same(check('BODY', '/a|b/i').body, /a|b/i)
  t.same(check('BODY', '/a/b/').body, /a\/b/)
})

t.test('health checks of a backend', async (t) => {
  const { backends } = loadConfig({
    LB_BACKENDS:
      'a:80;check=/a?b=c;check-host=a.test:81;check-port=82;check-status=200-299+404;check-period=0.5,b:80;no-check c:80;no-check=false;check=/'
  })
  t.hasStrict(backends, [
    {
      checkPath: '/a?b=c',
      checkHost: 'a.test:81',
      checkPort: 82,
      checkStatus: [
        { from: 200, to: 299 },
        { from: 404, to: 404 }
      ],
      checkPeriodMs: 500
    },
    { noCheck: true },
    { noCheck: false, checkPath: '/' }
  ])
})

t.test('address ranges', async (t) => {
  const { allow: adminAllow } = loadConfig({ LB_ADMIN_ALLOW: '10.0.0.0/8, 192.168.1.7\nfd00::/8 ::1' }).admin
  for (const address of ['10.255.0.1', '192.168.1.7']) t.ok(adminAllow.check(address, 'ipv4'), address)
  for (const address of ['fd12::1', '::1']) t.ok(adminAllow.check(address, 'ipv6'), address)
  for (const address of ['11.0.0.1', '192.168.1.8']) t.notOk(adminAllow.check(address, 'ipv4'), address)
  t.notOk(adminAllow.check('fe80::1', 'ipv6'))
  const everybody = loadConfig({ LB_ADMIN_ALLOW: '0.0.0.0/0 ::/0' }).admin.allow
  t.ok(everybody.check('203.0.113.1', 'ipv4'))
  t.ok(everybody.check('2001:db8::1', 'ipv6'))
})

t.test('rate limits', async (t) => {
  for (const [text, count, windowS, burst] of [
    ['100/s', 100, 1, 100],
    ['1000/m', 1000, 60, 1000],
    ['1000000/h', 1_000_000, 3600, 1_000_000],
    [' 100/s;burst=1 ', 100, 1, 1],
    ['1/m;burst=1000000', 1, 60, 1_000_000]
  ] as const)
    t.same(loadConfig({ LB_RATE_LIMIT: text }).access.rateLimit, { count, windowS, burst }, text)
})

t.test('allowed and denied clients', async (t) => {
  const { allow, deny } = loadConfig({ LB_ALLOW: '10.0.0.0/8', LB_DENY: '10.6.0.0/16 ::1' }).access
  t.same([allow?.rules.length, deny?.rules.length], [1, 2])
  t.ok(allow?.check('10.1.1.1'))
  t.ok(deny?.check('10.6.1.1'))
})

t.test('the path of the state file is relative to the working directory at the start', async (t) => {
  t.equal(loadConfig({ LB_STATE_FILE: 'state.json' }).admin.stateFile, `${process.cwd()}/state.json`)
  t.equal(loadConfig({ LB_STATE_FILE: '' }).admin.stateFile, '')
  t.same(loadConfig({ LB_ADMIN_HOSTS: 'LB.example., *.Ops.example\n* 10.0.0.1 [::1]' }).admin.hosts, [
    ...['lb.example', '*.ops.example', '*', '10.0.0.1', '[::1]']
  ])
})

t.test('the port for administration', async (t) => {
  t.equal(loadConfig({ LB_ADMIN_PORT: '8001' }).admin.port, 8001)
  t.equal(loadConfig({ LB_ADMIN_PORT: '0' }).admin.port, 0)
  t.equal(loadConfig({ LB_ADMIN_PORT: '0', PORT: '0' }).admin.port, 0, 'both chosen by the system')
})

const STICKY = { LB_STICKY_COOKIE: 'lb' }

const stickyOf = (env: Record<string, string>) => loadConfig({ ...STICKY, ...env }).balancing.sticky

t.test('attributes of the cookie, by default and as configured', async (t) => {
  t.same(stickyOf({}), {
    cookie: 'lb',
    pool: '',
    secret: '',
    maxAgeMs: 0,
    path: '/',
    domain: '',
    sameSite: 'Lax',
    secure: 'auto',
    isHttpOnly: true,
    isPartitioned: false
  })
  const set = stickyOf({
    LB_STICKY_PATH: '/app',
    LB_STICKY_DOMAIN: '.App.example',
    LB_STICKY_SAME_SITE: 'none',
    LB_STICKY_SECURE: 'always',
    LB_STICKY_HTTP_ONLY: 'off',
    LB_STICKY_PARTITIONED: 'yes'
  })
  const attributes = { path: '/app', domain: 'App.example', sameSite: 'None', secure: 'always' }
  t.match(set, { ...attributes, isHttpOnly: false, isPartitioned: true })
  for (const word of ['Strict', 'strict', 'STRICT'])
    t.equal(stickyOf({ LB_STICKY_SAME_SITE: word })!.sameSite, 'Strict')
})

t.test('values that are invalid in a cookie', async (t) => {
  for (const [name, values] of Object.entries({
    LB_STICKY_PATH: ['', 'app', '/a;b', '/a b', '/\u00e9', '/\r\nX: y', '*'],
    LB_STICKY_DOMAIN: [
      'a.test:80',
      '127.0.0.1',
      '[::1]',
      '::1',
      'a.test.',
      'a..test',
      'a.test; Secure',
      '*.a.test',
      '.'
    ],
    LB_STICKY_SAME_SITE: ['', 'off', 'true', 'Lax; Secure'],
    LB_STICKY_SECURE: ['', 'true', 'Always'],
    LB_STICKY_HTTP_ONLY: ['', 'maybe'],
    LB_STICKY_PARTITIONED: ['', '2']
  }))
    for (const value of values) {
      const faults = faultsOf({ ...STICKY, LB_STICKY_SECURE: 'always', [name]: value })
      t.equal(faults.length, 1, `${name}=${value}`)
      t.match(faults[0], `${name} must `)
    }
})

t.test('an attribute without a cookie', async (t) => {
  for (const [name, value] of Object.entries({
    LB_STICKY_PATH: '/app',
    LB_STICKY_DOMAIN: 'a.test',
    LB_STICKY_SAME_SITE: 'Strict',
    LB_STICKY_SECURE: 'always',
    LB_STICKY_HTTP_ONLY: 'false'
  }))
    t.same(faultsOf({ [name]: value }), [`${name} needs LB_STICKY_COOKIE`])
})

const TLS =
  'TLS (LB_TLS_CERT, or a proxy of LB_TRUSTED_PROXIES that speaks it) or LB_STICKY_SECURE=always: ' +
  'browsers take no such cookie without Secure'

t.test('a cookie that browsers accept only over TLS, without TLS', async (t) => {
  for (const [name, value, said] of [
    ['LB_STICKY_SAME_SITE', 'none', 'LB_STICKY_SAME_SITE=None'],
    ['LB_STICKY_PARTITIONED', 'true', 'LB_STICKY_PARTITIONED'],
    ...['__Secure-lb', '__Host-lb', '__hOST-lb', '__Http-lb', '__Host-Http-lb'].map(
      (cookie) => ['LB_STICKY_COOKIE', cookie, `LB_STICKY_COOKIE=${cookie}`] as const
    )
  ] as const) {
    const env = { ...STICKY, [name]: value }
    t.same(faultsOf(env), [`${said} needs ${TLS}`])
    t.same(faultsOf({ ...env, LB_STICKY_SECURE: 'always' }), [])
    t.same(faultsOf({ ...env, LB_TRUSTED_PROXIES: '10.0.0.0/8' }), [], 'which may speak TLS')
    const never = faultsOf({ ...env, LB_STICKY_SECURE: 'never', LB_TRUSTED_PROXIES: '10.0.0.0/8' })
    t.match(never, [`${said} needs another LB_STICKY_SECURE than never: browsers take no such cookie`])
  }
  t.same(faultsOf({ LB_STICKY_COOKIE: '__Security' }), [])
})

t.test('names that browsers accept only with certain attributes', async (t) => {
  for (const [cookie, env, said] of [
    [
      '__Host-lb',
      { LB_STICKY_DOMAIN: 'a.test' },
      'LB_STICKY_DOMAIN to be empty: browsers take no such name with one'
    ],
    [
      '__HOST-lb',
      { LB_STICKY_PATH: '/app' },
      'LB_STICKY_PATH to be /: browsers take no such name with another'
    ],
    [
      '__Host-Http-lb',
      { LB_STICKY_PATH: '/app' },
      'LB_STICKY_PATH to be /: browsers take no such name with another'
    ],
    [
      '__Http-lb',
      { LB_STICKY_HTTP_ONLY: 'false' },
      'LB_STICKY_HTTP_ONLY: browsers take no such name without HttpOnly'
    ],
    [
      '__Host-Http-lb',
      { LB_STICKY_HTTP_ONLY: '0' },
      'LB_STICKY_HTTP_ONLY: browsers take no such name without HttpOnly'
    ],
    ['__Secure-lb', { LB_STICKY_PATH: '/app', LB_STICKY_DOMAIN: 'a.test', LB_STICKY_HTTP_ONLY: 'false' }, '']
  ] as const)
    t.same(
      faultsOf({ LB_STICKY_COOKIE: cookie, LB_STICKY_SECURE: 'always', ...env }),
      said === '' ? [] : [`LB_STICKY_COOKIE=${cookie} needs ${said}`]
    )
})
