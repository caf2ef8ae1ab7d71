import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { type ConfigError, loadConfig } from '../../lib/config/load.js'
import { describeVariables } from '../../lib/config/schema.js'
import { keyOf } from '../../lib/config/variable.js'
import { faultsOf } from '../support/config.js'

const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-config-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

function fileOf(text: string): string {
  const file = path.join(folder, 'lb.yml')
  writeFileSync(file, text)
  return file
}

const load = (text: string, env = {}) => loadConfig({ LB_CONFIG: fileOf(text), ...env })

function faultsOfFile(text: string): readonly string[] {
  try {
    load(text)
  } catch (error) {
    return (error as ConfigError).faults
  }
  return []
}

t.test('settings in a file count as variables, and variables override them', async (t) => {
  const text = `
port: 8000
health-check-period: 3
no-ejection: true
trusted-proxies: [10.0.0.0/8, "::1"]
health-check-status: [200-299, 304]
health-check-headers: ["X-A: 1; 2", "X-B: 3"]
backends:
  - 127.0.0.1:8080
  - { address: "127.0.0.1:8081", weight: 3, backup: true, check: /h, no-check: false }
`
  const config = load(text)
  t.match(config, { port: 8000, resilience: { ejection: false }, healthCheck: { periodMs: 3000 } })
  t.equal(config.trustedProxies.rules.length, 2)
  t.same(config.healthCheck.fields, [
    { name: 'X-A', value: '1; 2' },
    { name: 'X-B', value: '3' }
  ])
  t.match(config.backends, [
    { address: '127.0.0.1:8080', weight: 1 },
    { address: '127.0.0.1:8081', weight: 3, backup: true, checkPath: '/h' }
  ])
  const other = load(text, { PORT: '9000', LB_BACKENDS: 'a:80' })
  t.match([other.port, other.backends.length, other.healthCheck.periodMs], [9000, 1, 3000])
  t.equal(load('{ "port": 81, "backends": ["a:80"] }').port, 81, 'JSON')
})

t.test('every variable except LB_CONFIG can be set in the file', async (t) => {
  for (const { name, info } of describeVariables()) {
    if (name === 'LB_CONFIG') continue
    t.same(faultsOfFile(`${keyOf(name)}: ${JSON.stringify(info.fallback)}`), [], name)
  }
})

t.test('everything that is wrong with a file is reported', async (t) => {
  const file = path.join(folder, 'lb.yml')
  t.same(faultsOfFile('prot: 80\nconfig: x\nmax-connections: 0\nstats-interval: {a: 1}'), [
    `LB_CONFIG: prot is not a known setting; did you mean port? (${file}:1:1)`,
    `LB_CONFIG: config is not a known setting (${file}:2:1)`,
    `LB_CONFIG: max-connections must be a whole number from 1 to 1000000, but is "0" (${file}:3:18)`,
    `LB_CONFIG: stats-interval must be a text, a number, true or false, or a list of those (${file}:4:17)`
  ])
  t.match(faultsOfFile('- a\n- b'), [/it must have a setting a line/])
  t.match(faultsOfFile('a: [').join(), /LB_CONFIG: is not valid YAML: .*lb\.yml:1:5/)
  t.match(faultsOfFile('backends: [{ weight: 3 }]'), [/must have an address/])
  t.match(faultsOfFile('backends: [{ address: "a:80", check: "/x;weight=5" }]'), [
    /neither an address nor an option/
  ])
  t.match(faultsOfFile('backends: [{ address: "a:80", wieght: 3 }]'), [/unknown option "wieght=3"/])
  t.throws(() => loadConfig({ LB_CONFIG: path.join(folder, 'none.yml') }), /cannot be read: ENOENT/)
})

const NOT_A_PORT = 'the port must be from 1 to 65535'
const NOT_A_WEIGHT = 'weight must be a whole number from 1 to 256'

const BACKEND_FAULTS: readonly [entry: string, fault: string][] = [
  ['a', 'is not a backend address; write host:port'],
  ['a:', 'is not a backend address; write host:port'],
  [':80', 'is not a backend address; write host:port'],
  ['a:-1', 'is not a backend address; write host:port'],
  ['a:+1', 'is not a backend address; write host:port'],
  ['a:8e1', 'is not a backend address; write host:port'],
  ['a:http', 'is not a backend address; write host:port'],
  ['a:80/app', 'is not a backend address; write host:port'],
  ['me@a:80', '"me@a" is not a host name or address'],
  ['a:65536', `${NOT_A_PORT}, but is 65536`],
  ['a:99999999999999999999', NOT_A_PORT],
  ['http://a:0', `${NOT_A_PORT}, but is 0`],
  ['::1:80', 'IPv6 needs brackets: [::1]:8080'],
  ['[::1]', 'is not a backend address'],
  ['[a%eth0]:80', '"[a]" is not a host name or address'],
  ['[127.0.0.1]:80', '"[127.0.0.1]" is not a host name or address'],
  ['[]:80', '"[]" is not a host name or address'],
  ['256.1.1.1:80', '"256.1.1.1" is not a host name or address'],
  ['-a:80', '"-a" is not a host name or address'],
  ['a..b:80', '"a..b" is not a host name or address'],
  ['a_!:80', '"a_!" is not a host name or address'],
  ['http://', 'is not a valid URL; write http://host:port'],
  ['http://a:70000', 'is not a valid URL; write http://host:port, with a port from 1 to 65535'],
  ['ws://a:80', 'the scheme must be http or https, but is ws'],
  ['http://a/app', 'must be an origin without path'],
  ['http://a?', 'must be an origin without path'],
  ['http://a#', 'must be an origin without path'],
  ['a:80;', 'unknown option ""; known: weight'],
  ['a:80;Weight=2', 'unknown option "Weight=2"; known: weight'],
  ['a:80;weight', `${NOT_A_WEIGHT}, but is ""`],
  ['a:80;weight=', `${NOT_A_WEIGHT}, but is ""`],
  ['a:80;weight=-1', `${NOT_A_WEIGHT}, but is "-1"`],
  ['a:80;weight=0x10', `${NOT_A_WEIGHT}, but is "0x10"`],
  ['a:80;weight=1=2', `${NOT_A_WEIGHT}, but is "1=2"`],
  ['a:80;weight=9999999999', NOT_A_WEIGHT],
  ['a:80;max-age=-1', 'max-age must be 0 or a number of seconds from 0.1 to 2592000, but is "-1"'],
  ['a:80;max-age', 'max-age must be 0 or a number of seconds from 0.1 to 2592000, but is ""'],
  ['a:80;max-requests=1.5', 'max-requests must be a whole number from 0 to 100000000, but is "1.5"'],
  ['a:80;resolve=0.01', 'resolve must be 0 or a number of seconds from 0.1 to 86400, but is "0.01"'],
  ['unix:app.sock', 'the path of a Unix socket must be absolute, such as unix:/run/app.sock'],
  ['unix://run/app.sock', 'the path of a Unix socket must be absolute'],
  ['unix:/run/', 'the path of a Unix socket must not end with "/"'],
  ['http://unix:/run/app.sock:', 'the path of a Unix socket must not end with ":"'],
  [`unix:/${'x'.repeat(107)}`, 'the path of a Unix socket must have no more than 10'],
  ['unix:/caf\xe9.sock', 'the path of a Unix socket may hold visible ASCII alone'],
  ['unix:/a"b.sock', 'the path of a Unix socket may hold visible ASCII alone'],
  ['unix:/a;b.sock', 'the path of a Unix socket may hold no semicolon'],
  ['unix:/a.sock;check-port=1', 'a Unix socket has no ports for check-port to name'],
  ['unix:/a.sock;tls-name=a.test', 'tls-name needs an origin that begins with https://'],
  ['ftp://unix:/a.sock', 'the scheme must be http or https, but is ftp'],
  ['[fe80::1%]:80', '"" is not a zone of IPv6; write the name of an interface'],
  ['[fe80::1%a_b]:80', '"a_b" is not a zone of IPv6'],
  ['http://[fe80::1%25a/b]:80', '"25a/b" is not a zone of IPv6'],
  ['[10.0.0.1%eth0]:80', '"[10.0.0.1]" is not a host name or address'],
  ['a%eth0:80', '"a%eth0" is not a host name or address']
]

t.test('the path of a Unix socket that is cut by a separator of lists is reported as such', async (t) => {
  for (const [text, rest] of [
    ['unix:/run/my app.sock', 'app.sock'],
    ['unix:/run/my,app.sock', 'app.sock'],
    ['a:80 https://unix:/run/my app.sock;h2', 'app.sock;h2']
  ] as const) {
    const [fault, ...others] = faultsOf({ LB_BACKENDS: text })
    t.same(others, [])
    t.match(fault, `LB_BACKENDS "${rest}": is not a backend address`)
    t.match(fault, 'the path of a Unix socket may hold no space or comma')
  }
})

t.test('wrong backends', async (t) => {
  for (const [entry, fault] of BACKEND_FAULTS) {
    const faults = faultsOf({ LB_BACKENDS: `first:80 ${entry}` })
    t.equal(faults.length, 1, entry, { faults })
    t.ok(faults[0]?.startsWith(`LB_BACKENDS "${entry}": `), 'names variable and entry', { faults })
    t.ok(faults[0]?.includes(fault), fault, { faults })
  }
})

t.test('an empty list of backends', async (t) => {
  for (const text of ['', ' ', ',', ' ,\n, '])
    t.same(faultsOf({ LB_BACKENDS: text }), [
      'LB_BACKENDS must name at least one backend, such as 127.0.0.1:8080'
    ])
})

t.test('a backend listed twice, however it is written', async (t) => {
  for (const [first, second, address] of [
    ['a:80', 'a:80', 'a:80'],
    ['App:80', 'aPP:80', 'app:80'],
    ['a:80', 'http://a', 'a:80'],
    ['a:443', 'https://A:443', 'a:443'],
    ['a:80;weight=2', 'a:80', 'a:80'],
    ['[::1]:80', '[0:0::1]:80', '[::1]:80'],
    ['127.0.0.1:80', '127.1:80', '127.0.0.1:80']
  ] as const) {
    t.same(faultsOf({ LB_BACKENDS: `${first} other:80 ${second}` }), [
      `LB_BACKENDS "${second}": duplicate, ${address} is listed twice`
    ])
  }
})

t.test('a password in a URL is not shown', async (t) => {
  const faults = faultsOf({ LB_BACKENDS: 'http://me:secret@a;weight=0' })
  t.equal(faults.length, 2)
  t.notMatch(faults.join(), /secret/)
})

t.test('wrong values of the other types', async (t) => {
  const wrong: Record<string, string[]> = {
    LB_MAX_CONNECTIONS: [
      '',
      ' ',
      '0',
      '-1',
      '1.5',
      '1e3',
      '0x10',
      '1_000',
      'many',
      '1000001',
      'Infinity',
      'NaN'
    ],
    LB_CONNECTION_TIMEOUT: ['', '0', '0.04', '-1', '.5', '1.', '1e1', '3s', '3601', '0,5'],
    LB_NO_HEALTH_CHECK: ['', '2', 'tru', 'null', 'true false'],
    LB_HEALTH_CHECK_URL: ['', 'health', 'http://a/health', '/a b', '/a#b', '/é', '/a\r\nX: y', '*'],
    LB_HEALTH_CHECK_STATUS: [
      '',
      ',',
      '200,',
      '99',
      '600',
      '399-200',
      '200-',
      '-200',
      '2xx',
      '200 204',
      '1000'
    ],
    LB_ADMIN_ALLOW: [
      '',
      'localhost',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      '10.0.0/8',
      '::1/-1'
    ]
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const faults = faultsOf({ [name]: value })
      t.ok(faults.length > 0, `${name}=${JSON.stringify(value)}`)
      for (const fault of faults) t.ok(fault.startsWith(`${name} must `), fault)
    }
  }
})

t.test('every fault is reported at once, in the order of the variables', async (t) => {
  t.same(
    faultsOf({ LB_BAD: '1', LB_STATS_INTERVAL: 'x', LB_BACKENDS: 'a b', PORT: '-1', FASTIFY_PORT: '-2' }).map(
      (fault) => fault.split(/ (must|is)/)[0]
    ),
    ['PORT', 'LB_BACKENDS "a":', 'LB_BACKENDS "b":', 'LB_STATS_INTERVAL', 'LB_BAD', 'FASTIFY_PORT']
  )
})

t.test('unknown variables', async (t) => {
  t.same(faultsOf({ LB_HEALTH_CHECK_INTERVAL: '5' }), [
    'LB_HEALTH_CHECK_INTERVAL is not a known variable; did you mean LB_HEALTH_CHECK_PERIOD?'
  ])
  t.same(faultsOf({ LB_X: '5' }), ['LB_X is not a known variable'], 'no suggestion if nothing is near')
  t.same(faultsOf({ LBX: '5', XLB_BACKENDS: '5', FASTIFY_LOG_LEVEL: 'x', HOME: '' }), [], "others' are")
})

t.test('the error', async (t) => {
  try {
    loadConfig({ PORT: 'x', LB_X: '' })
    t.fail('should throw')
  } catch (error) {
    const { name, code, message, stack } = error as ConfigError
    t.same([name, code], ['ConfigError', 'LB_BAD_CONFIG'])
    t.equal(message.split('\n').length, 3, 'a line a fault under a heading')
    t.equal(stack, message, 'no stack: it is not ours')
  }
})

t.test('invalid values for the access log and traces', async (t) => {
  const form = 'LB_ACCESS_LOG must be off, all, errors, a share such as 5%, or errors+5%, but is'
  for (const wrong of ['101%', '-1%', '%', 'all+5%', 'ALL', ''])
    t.same(faultsOf({ LB_ACCESS_LOG: wrong }), [`${form} ${JSON.stringify(wrong)}`])
  t.match(faultsOf({ LB_ACCESS_LOG_FILE: '/' }), [/^LB_ACCESS_LOG_FILE must be a file .* EISDIR$/])
  const traces = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'me:pw@a',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_SAMPLER: 'x'
  }
  t.match(faultsOf(traces), [
    'OTEL_EXPORTER_OTLP_PROTOCOL must be one of http/json, http/protobuf, but is "grpc"',
    /^OTEL_TRACES_SAMPLER must be one of always_on/,
    'OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://127.0.0.1:4318, but is "***@a"'
  ])
})
