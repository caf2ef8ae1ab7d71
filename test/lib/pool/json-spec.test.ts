import fc from 'fast-check'
import t from 'tap'
import { type BackendSpec, readBackendSpecs, SpecError, specOf } from '../../../lib/pool/spec/json-spec.js'
import { faultsBy } from '../../support/config.js'
import { backendConfigs } from '../../support/registry.js'

/** What is wrong with specs, a line a fault. */
const faultsOf = (...specs: BackendSpec[]) => faultsBy(() => readBackendSpecs(specs), SpecError)

const SAID: readonly [text: string, spec: BackendSpec][] = [
  ['a:80', { address: 'a:80' }],
  ['a:80;weight=1', { address: 'a:80' }],
  ['A:80;weight=3;max=7;backup', { address: 'a:80', weight: 3, max: 7, backup: true }],
  ['a:80;backup=false;no-check=false', { address: 'a:80' }],
  ['https://a', { address: 'https://a:443' }],
  ['https://[2001:DB8::7]:8443', { address: 'https://[2001:db8::7]:8443' }],
  ['http://a', { address: 'a:80' }],
  [
    'a:80;check=/x?y=1;check-host=h.example:81;check-port=9000;check-status=200-299+404;check-period=0.25',
    {
      address: 'a:80',
      check: '/x?y=1',
      'check-host': 'h.example:81',
      'check-port': 9000,
      'check-status': '200-299+404',
      'check-period': 0.25
    }
  ],
  ['a:80;h2', { address: 'a:80', h2: true }],
  [
    'a:80;max-age=60;max-requests=1000;resolve=0.5',
    { address: 'a:80', 'max-age': 60, 'max-requests': 1000, resolve: 0.5 }
  ],
  [
    'a:80;max-age=0;max-requests=0;resolve=0',
    { address: 'a:80', 'max-age': 0, 'max-requests': 0, resolve: 0 }
  ],
  ['a:80;max-age=3600;max-requests=100000;resolve=10.0', { address: 'a:80' }],
  ['https://a;h2=true', { address: 'https://a:443', h2: true }],
  ['a:80;h2=false', { address: 'a:80' }],
  ['unix:/run/App.sock;h2', { address: 'unix:/run/App.sock', h2: true }],
  ['http://unix:/run//./App.sock', { address: 'unix:/run/App.sock' }],
  ['unix:///run/App.sock', { address: 'unix:/run/App.sock' }],
  [
    'HTTPS://unix:/run/app.sock;tls-name=a.test',
    { address: 'https://unix:/run/app.sock', 'tls-name': 'a.test' }
  ],
  ['unix:80', { address: 'unix:80' }],
  ['http://unix', { address: 'unix:80' }],
  ['[FE80::1%eth0]:3000', { address: '[fe80::1%eth0]:3000' }],
  ['http://[fe80::1%25Eth0.7]', { address: '[fe80::1%Eth0.7]:80' }],
  ['https://[fe80::1%br-lan]', { address: 'https://[fe80::1%25br-lan]:443' }],
  ['https://[fe80::1%2525]', { address: 'https://[fe80::1%2525]:443' }],
  ['a:80;no-check', { address: 'a:80', 'no-check': true }],
  ['a:1;proxy=v1', { address: 'a:1', proxy: 'v1' }],
  ['a:1;proxy=v2;h2', { address: 'a:1', h2: true, proxy: 'v2' }],
  ['https://a;tls-name=b.example', { address: 'https://a:443', 'tls-name': 'b.example' }],
  ['https://a;tls-no-verify', { address: 'https://a:443', 'tls-no-verify': true }]
]

t.test('what LB_BACKENDS says, JSON says too, and the other way round', async (t) => {
  for (const [text, spec] of SAID) {
    const configs = backendConfigs(text)
    t.same(specOf(configs[0]!), spec, text)
    t.same(specOf(readBackendSpecs([spec])[0]!), spec, `${text}, read again`)
  }
})

const option = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const anySpec = fc
  .record({
    address: fc.tuple(
      fc.constantFrom('a', 'b.example', '10.1.2.3', '[::1]'),
      fc.integer({ min: 1, max: 65_535 })
    ),
    weight: option(fc.integer({ min: 2, max: 256 })),
    max: option(fc.integer({ min: 1, max: 1_000_000 })),
    backup: option(fc.constant(true)),
    h2: option(fc.constant(true)),
    'max-age': option(fc.constantFrom(0, 0.1, 60)),
    'max-requests': option(fc.constantFrom(0, 1, 1000)),
    resolve: option(fc.constantFrom(0, 0.5, 60)),
    check: option(fc.constantFrom('/', '/a,b;c', '/%20?x=y&z')),
    'check-host': option(fc.constantFrom('x', 'x.example:81', '[::1]')),
    'check-port': option(fc.integer({ min: 1, max: 65_535 })),
    'check-status': option(fc.constantFrom('200', '200-299', '200-299+404+500-503')),
    'check-period': option(fc.integer({ min: 100, max: 86_400_000 }).map((ms) => ms / 1000))
  })
  .map(({ address: [host, port], ...options }) => {
    const said = Object.entries(options).filter(([, value]) => value !== undefined)
    return { address: `${host}:${port}`, ...Object.fromEntries(said) } as BackendSpec
  })

t.test('a round trip changes nothing', async () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      t.strictSame(specOf(readBackendSpecs([spec])[0]!), spec)
      const again = readBackendSpecs([specOf(readBackendSpecs([spec])[0]!)])
      t.strictSame(again, readBackendSpecs([spec]))
    }),
    { numRuns: 200 }
  )
})

t.test('all faults are reported', async (t) => {
  t.same(
    faultsOf(
      { address: 'a:80', weight: 0 },
      { address: 'nonsense' },
      { address: 'b:80', weight: '2;backup' },
      { address: 'c:80', 'check-status': 'x' },
      { address: 'A:80' }
    ),
    [
      '"a:80": weight must be a whole number from 1 to 256, but is "0"',
      '"nonsense": is not a backend address; write host:port',
      '"b:80": weight must be a whole number from 1 to 256, but is "2;backup"',
      '"c:80": check-status must be status codes or ranges such as 200-299+304, but is "x"',
      '"A:80": duplicate, a:80 is listed twice'
    ]
  )
  t.same(faultsOf({ address: 'http://me:secret@a' }), [
    '"http://***@a": must not carry a user name or password'
  ])
  t.same(faultsOf({ address: 'a:80;weight=3' }), [
    '"a:80;weight=3": is not a backend address; write host:port'
  ])
  t.match(faultsOf({ address: 'a:80', wieght: 3 })[0], /unknown option "wieght=3"; known: weight/)
  t.match(faultsOf({ address: 'a:80', check: true })[0], /check must be a path/)
})
