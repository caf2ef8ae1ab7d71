import t from 'tap'
import { loadConfig } from '../../../lib/config/load.js'
import { reachableIn, type Wanted } from '../../../lib/discovery/kubernetes/endpoints/endpoints.js'
import { readSlice, type Slice } from '../../../lib/discovery/kubernetes/endpoints/slice.js'
import { outsideZone } from '../../../lib/discovery/kubernetes/endpoints/zone.js'
import { isSource, parseSource } from '../../../lib/discovery/spec/kinds.js'
import { endpoint, type SliceGiven, slice } from '../../support/kubernetes/slices.js'

/** As no well-behaved server sends it. */
const NOTHING = null as unknown as object
const HTTP: Wanted = { port: 'http', family: undefined }

/** What is read of slices, and what is wrong with them. */
function read(...given: readonly Partial<SliceGiven>[]) {
  const faults: string[] = []
  const tell = (fault: string) => void faults.push(fault)
  const slices = given.map((one, i) => readSlice(slice({ name: `web-${i}`, ...one }), 'web', tell))
  const reachable = (wanted: Wanted = HTTP) =>
    reachableIn(
      slices.filter((one): one is Slice => one !== undefined),
      wanted,
      tell
    )
  /** Those that are about to end with a `!`. */
  const shown = (wanted: Wanted = HTTP) => {
    const found = reachable(wanted)
    if (typeof found === 'string') return found
    return found.map(({ at, endpoint }) => `${at}${endpoint.isTerminating ? '!' : ''}`)
  }
  return { slices, shown, faults, reachable }
}

t.test('sources are written as URLs', async (t) => {
  const parse = (entry: string) => {
    const faults: string[] = []
    const spec = parseSource(entry, (fault) => faults.push(fault))
    return faults.length > 0 ? faults : spec?.given
  }
  const given = { namespace: 'shop', service: 'web', port: undefined, family: undefined, zone: undefined }
  t.ok(isSource('k8s://shop/web'))
  t.same(parse('k8s://shop/web'), given)
  t.same(parse('k8s://shop/web:http'), { ...given, port: 'http' })
  t.same(parse('K8S://shop/web:8080;prefer-zone=eu-west-1a;weight=2'), {
    ...given,
    port: 8080,
    zone: 'eu-west-1a'
  })
  t.same(parse('k8s://shop/web;prefer-zone;family=ipv6'), { ...given, zone: '', family: 'ipv6' })
  for (const wrong of ['web', '/web', 'shop/', 'a/b/c', 'shop/web:', 'shop/we_b', 'Shop/web', 'shop/web:a:b'])
    t.match(parse(`k8s://${wrong}`), [/^must be k8s:/], wrong)
  t.match(parse('k8s://shop/web:0'), [/from 1 to 65535/])
  t.match(parse('k8s://shop/web:65536'), [/from 1 to 65535/])
  t.match(parse('k8s://shop/web;family=v6'), [/family must be ipv4 or ipv6, but is "v6"/])
  t.match(parse('k8s://shop/web;prefer-zone='), [/prefer-zone must be the name of a zone/])
  t.match(parse('k8s://shop/web;prefer-zone=a;prefer-zone=b'), [/given twice/])
  const zoned = { LB_BACKENDS: 'k8s://shop/web;prefer-zone', LB_ZONE: 'a', LB_KUBECONFIG: '/k' }
  t.same(loadConfig(zoned).discovery.kubernetes, { kubeconfig: '/k', zone: 'a' })
  t.match(parse('k8s://shop/web;zone=a'), [/unknown option "zone=a"/])
})

t.test('conditions say who serves, and what they do not say is that it is well', async (t) => {
  for (const [conditions, shown] of [
    [undefined, ['10.0.0.1:8080']],
    [null, ['10.0.0.1:8080']],
    [{}, ['10.0.0.1:8080']],
    [{ ready: null, serving: null, terminating: null }, ['10.0.0.1:8080']],
    [{ ready: true, serving: true, terminating: false }, ['10.0.0.1:8080']],
    [{ ready: false }, []],
    [{ ready: false, serving: true }, []],
    [{ ready: false, serving: false, terminating: false }, []],
    [{ ready: false, serving: true, terminating: true }, ['10.0.0.1:8080!']],
    [{ ready: false, terminating: true }, ['10.0.0.1:8080!']],
    [{ ready: false, serving: false, terminating: true }, []],
    // A service that publishes addresses that are not ready says of all that they are.
    [{ ready: true, serving: false, terminating: false }, ['10.0.0.1:8080']],
    [{ ready: true, serving: true, terminating: true }, ['10.0.0.1:8080']]
  ] as const)
    t.same(
      read({ endpoints: [{ addresses: ['10.0.0.1'], conditions }] }).shown(),
      shown,
      JSON.stringify(conditions)
    )
})

t.test('an endpoint in two slices is there once, as the better of what they say', async (t) => {
  const [ready, terminating] = [endpoint('10.0.0.1'), endpoint('10.0.0.1', 'terminating')]
  for (const order of [
    [ready, terminating],
    [terminating, ready]
  ])
    t.same(read(...order.map((one) => ({ endpoints: [one] }))).shown(), ['10.0.0.1:8080'])
  t.same(read({ endpoints: [terminating] }, { endpoints: [terminating] }).shown(), ['10.0.0.1:8080!'])
  const other = [{ name: 'http', port: 9090 }]
  t.same(read({ endpoints: [ready] }, { endpoints: [ready], ports: other }).shown(), [
    '10.0.0.1:8080',
    '10.0.0.1:9090'
  ])
})

t.test('addresses of all types, the first of each endpoint', async (t) => {
  const both = read(
    { endpoints: [{ addresses: ['10.0.0.1', '10.0.0.2'] }] },
    { addressType: 'IPv6', endpoints: [endpoint('fd00::1')] },
    { addressType: 'FQDN', endpoints: [endpoint('db.example')] }
  )
  t.same(both.shown(), ['10.0.0.1:8080', 'db.example:8080'])
  t.same(both.shown({ ...HTTP, family: 'ipv6' }), ['[fd00::1]:8080', 'db.example:8080'])
  t.same(both.shown({ ...HTTP, family: 'ipv4' }), ['10.0.0.1:8080', 'db.example:8080'])
  t.same(read({ addressType: 'IPv6', endpoints: [endpoint('fd00::1')] }).shown(), ['[fd00::1]:8080'])
  t.same(
    read({ endpoints: [] }, { addressType: 'IPv6', endpoints: [endpoint('fd00::1')] }).shown(),
    [],
    'a slice of IPv4 that is empty for now has no other addresses used'
  )
})

t.test('ports by name, by number, or the only one', async (t) => {
  const endpoints = [endpoint('10.0.0.1')]
  const of = (ports: readonly object[] | null, port: string | number | undefined) =>
    read({ endpoints, ports }).shown({ ...HTTP, port })
  const two = [
    { name: 'http', protocol: 'TCP', port: 80 },
    { name: 'metrics', protocol: 'TCP', port: 90 },
    { name: 'quic', protocol: 'UDP', port: 443 }
  ]
  t.same(of(two, 'metrics'), ['10.0.0.1:90'])
  t.same(of(two, 80), ['10.0.0.1:80'])
  t.same(of([{ port: 80 }], undefined), ['10.0.0.1:80'])
  t.same(of([{ name: null, protocol: null, port: 80 }], undefined), ['10.0.0.1:80'])
  t.same(of([{ name: 'http', port: 80 }, two[2]!], undefined), ['10.0.0.1:80'], 'of TCP')
  t.same(of([{ name: '', port: null }], 3000), ['10.0.0.1:3000'], 'without a number all are meant')
  const theirs = 'http (80), metrics (90), quic (443/UDP)'
  t.equal(of(two, undefined), `which port is meant has to be said: the endpoints have ${theirs}`)
  t.equal(of(two, 'quic'), `the endpoints have no port quic; theirs are ${theirs}`)
  t.equal(of(two, 443), `the endpoints have no port 443; theirs are ${theirs}`)
  t.equal(of([{ port: null }], undefined), 'which port is meant has to be said: the endpoints have any')
  t.match(of(null, 'http'), 'have no port http; theirs are none')
  t.same(read({ endpoints: null, ports: null }).shown(), [], 'without endpoints nothing is wrong')
  t.same(
    read({ endpoints, ports: [{ name: 'old', port: 1 }] }, { endpoints: [endpoint('10.0.0.2')] }).shown(),
    ['10.0.0.2:8080'],
    'pods without that port have slices of their own'
  )
})

t.test('what is odd is left out and told', async (t) => {
  const { shown, faults } = read(
    {
      endpoints: [
        endpoint('10.0.0.1'),
        endpoint('10.0.0.2;weight=9'),
        endpoint('fd00::1'),
        { addresses: [] },
        { addresses: ['10.0.0.3'], conditions: { ready: 'yes' } },
        NOTHING
      ]
    },
    { addressType: 'Pigeon', endpoints: [endpoint('pigeon')] },
    { ports: [{ name: 'http', port: 99_999 }] },
    { addressType: 'FQDN', endpoints: [endpoint('http://x/')] }
  )
  t.same(shown(), ['10.0.0.1:8080'])
  t.same(faults, [
    'an endpoint is not used: addresses is wrong',
    'an endpoint is not used: conditions.ready is wrong',
    'an endpoint is not used: it is wrong',
    'EndpointSlices with addresses of type Pigeon are not used',
    'an EndpointSlice cannot be read: ports.0.port is wrong',
    'an endpoint is not used: "10.0.0.2;weight=9" is no address of type IPv4',
    'an endpoint is not used: "fd00::1" is no address of type IPv4',
    'an endpoint is not used: "http://x/" is no address of type FQDN'
  ])
  t.equal(readSlice(slice({ name: 'x', service: 'other' }), 'web', t.fail), undefined)
  for (const nonsense of [null, 7, 'slice', {}, { metadata: {} }]) {
    const told: string[] = []
    t.equal(
      readSlice(nonsense, 'web', (fault) => told.push(fault)),
      undefined
    )
    t.match(told, [/^an EndpointSlice cannot be read: /])
  }
})

t.test('endpoints of other zones are for when there is no other', async (t) => {
  /** Each `zone`, `zone>hint+hint`, or either with a `!` for one that is about to end. */
  const outside = (...places: string[]) => {
    const endpoints = places.map((place, i) => {
      const [zone = '', hints] = place.replace('!', '').split('>')
      const state = place.includes('!') ? 'terminating' : 'ready'
      return endpoint(`10.0.0.${i}`, state, {
        ...(zone === '' ? {} : { zone }),
        ...(hints === undefined ? {} : { hints: { forZones: hints.split('+').map((name) => ({ name })) } })
      })
    })
    const all = read({ endpoints }).slices[0]!.endpoints
    const isOutside = outsideZone(all, 'a')
    return places.filter((_, i) => isOutside(all[i]!))
  }
  t.same(outside('a', 'b', 'c', 'a'), ['b', 'c'])
  t.same(outside('b', 'c'), [], 'none is in this zone')
  t.same(outside('a', 'b', ''), [], 'of one the zone is not known')
  t.same(outside('a>a', 'b>a+b', 'c>c'), ['c>c'])
  t.same(outside('a>b', 'b>a'), ['a>b'], 'hints count, and not where an endpoint is')
  t.same(outside('a>a', 'b'), [], 'one has no hint')
  t.same(outside('a>a', 'b>b', 'c!'), ['b>b'], 'who is about to end needs none')
  t.same(outside('b>b', 'c>c'), [], 'no hint is for this zone')
  t.same(outside('b', 'a!'), [], 'only ready ones count')
  t.same(outside(), [])
})
