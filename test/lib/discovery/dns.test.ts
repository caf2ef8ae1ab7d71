import type { Test } from 'tap'
import { parseResolvConf } from '../../../lib/discovery/dns/client/resolv-conf.js'
import { candidatesOf } from '../../../lib/discovery/dns/client/search-list.js'
import { backendWeights } from '../../../lib/discovery/dns/weights.js'
import type { SourceListener } from '../../../lib/discovery/source.js'
import { createSource, parseSource } from '../../../lib/discovery/spec/kinds.js'
import { a, aaaa, cname, type DnsServer, dnsServer, srv } from '../../support/dns-server.js'
import { atEnd, eventually, test } from '../../support/test.js'

/** A source that asks these servers, and what it tells. */
function source(t: Test, entry: string, servers: readonly DnsServer[] | readonly string[]) {
  const spec = parseSource(entry, (fault) => {
    throw new Error(fault)
  })!
  const told: string[] = []
  const warnings: string[] = []
  const listener: SourceListener = {
    onMembers: (members) =>
      told.push(
        members
          .map(({ config }) => {
            const { address, weight, backup, tlsName = '' } = config
            return `${address};${weight}${backup ? ';backup' : ''}${tlsName && `;${tlsName}`}`
          })
          .sort()
          .join(' ')
      ),
    onFailure: (reason) => told.push(`failed: ${reason}`),
    onNone: (reason, holdMs) => told.push(`none for ${holdMs}: ${reason}`)
  }
  const addresses = servers.map((server) => (typeof server === 'string' ? server : server.address))
  const created = createSource(spec, {
    template: spec.template,
    options: { ...OPTIONS, dns: { servers: addresses } },
    faultOf: () => undefined,
    listener,
    warn: (message) => warnings.push(message)
  })
  created.start()
  atEnd(t, () => created.stop())
  const next = async (text: string) => {
    await eventually(() => told.includes(text)).catch(() => t.equal(told.at(-1), text))
    t.ok(told.includes(text), text)
  }
  return { told, warnings, next }
}

// Those of other sources, which this one does not read.
const OPTIONS = {} as never as Parameters<typeof createSource>[1]['options']

test('every address of a name is a backend, and what one family lacks says nothing of the other', async (t) => {
  const both = await dnsServer(t, (type, name) =>
    type === 'A' ? [a(name, '10.0.0.2'), a(name, '10.0.0.1'), a(name, '0.0.0.0')] : [aaaa(name, 'fd00::1')]
  )
  await source(t, 'dns://app.test:3000', [both]).next('10.0.0.1:3000;1 10.0.0.2:3000;1 [fd00::1]:3000;1')
  const refusing = await dnsServer(t, (type, name) => (type === 'A' ? [a(name, '10.0.0.1')] : 'REFUSED'))
  await source(t, 'dns://app.test:3000;weight=4', [refusing]).next('10.0.0.1:3000;4')
  await source(t, 'dns://app.test:3000;tls', [refusing]).next('10.0.0.1:3000;1;app.test')
  await source(t, 'dns://app.test:3000;tls;tls-name=x.test', [refusing]).next('10.0.0.1:3000;1;x.test')
})

test('a name is looked up when its TTL ends, within bounds', async (t) => {
  let count = 0
  const server = await dnsServer(t, (type, name) => (type === 'A' ? [a(name, `10.0.0.${++count}`, 0)] : []))
  const { next } = source(t, 'dns://app.test:80;resolve-min=0.1;family=ipv4', [server])
  await next('10.0.0.1:80;1')
  await next('10.0.0.3:80;1')
  const slow = await dnsServer(t, (_type, name) => [a(name, '10.0.0.1', 2 ** 31 - 1)])
  source(t, 'dns://app.test:80;resolve-max=0.2;family=ipv4', [slow])
  await eventually(() => slow.questions.length >= 3)
})

test('that there is nothing is not taken for no members, nor an alias of nothing', async (t) => {
  let replied: ReturnType<DnsServer['reply']> = 'NXDOMAIN'
  const server = await dnsServer(t, () => replied)
  const { next, told } = source(t, 'dns://app.test:80;hold=7;resolve-max=0.2', [server])
  await next('none for 7000: app.test does not exist')
  replied = []
  await next('none for 7000: app.test has no A records')
  replied = [cname('app.test', 'elsewhere.test')]
  await next('none for 7000: app.test is an alias of a name without A records')
  replied = 'SERVFAIL'
  await next(`failed: ${server.address}: SERVFAIL`)
  replied = [cname('app.test', 'x.test', 5), cname('x.test', 'y.test'), a('y.test', '10.0.0.9')]
  await eventually(() => told.at(-1) === '10.0.0.9:80;1')
})

test('a server that fails, is silent or replies to something else is not the last', async (t) => {
  const failing = await dnsServer(t, () => 'SERVFAIL')
  const silent = await dnsServer(t, () => undefined)
  const garbage = await dnsServer(t, () => Buffer.from('no message at all'))
  const good = await dnsServer(t, (type, name) => (type === 'A' ? [a(name, '10.0.0.1')] : []))
  for (const bad of [failing, silent, garbage]) {
    await source(t, 'dns://app.test:80', [bad, good]).next('10.0.0.1:80;1')
    t.ok(bad.questions.length > 0)
  }
  const { told } = source(t, 'dns://app.test:80', ['127.0.0.1:9'])
  await eventually(() => told.some((text) => text.startsWith('failed: 127.0.0.1:9: ')))
})

test('what does not fit into a datagram comes over a connection', async (t) => {
  const all = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
  const server = await dnsServer(t, (_type, name) => all.map((address) => a(name, address)))
  const { told } = source(t, 'dns://app.test:80;family=ipv4', [server])
  await eventually(() => told.length > 0)
  t.equal(told[0]!.split(' ').length, 300)
})

test('the records of a service have targets, ports, weights and priorities', async (t) => {
  const name = '_http._tcp.app.test'
  let records = [
    srv(name, 20, 0, 3002, 'c.test'),
    srv(name, 10, 100, 3000, 'a.test'),
    srv(name, 10, 200, 3001, 'B.test.'),
    srv(name, 10, 0, 3009, 'a.test'),
    srv(name, 30, 0, 3000, 'a.test'),
    srv(name, 10, 0, 0, 'a.test')
  ]
  const hosts: Readonly<Record<string, string>> = {
    'a.test': '10.0.0.1',
    'b.test': '10.0.0.2',
    'c.test': '10.0.0.3'
  }
  const server = await dnsServer(t, (type, asked) => {
    if (type === 'SRV') return records
    const address = hosts[asked.toLowerCase()]
    return type === 'A' && address ? [a(asked, address)] : []
  })
  const { next, warnings } = source(t, `dns+srv://${name};tls;resolve-min=0.1;resolve-max=0.1`, [server])
  await next(
    '10.0.0.1:3000;65;a.test 10.0.0.1:3009;1;a.test 10.0.0.2:3001;130;b.test 10.0.0.3:3002;1;backup;c.test'
  )
  t.ok(warnings.includes('its record of "a.test" and port 0 is left out'))
  records = [srv(name, 0, 0, 80, 'a.test'), srv(name, 0, 0, 81, 'gone.test')]
  await next('10.0.0.1:80;1;a.test')
  records = [srv(name, 0, 0, 0, '.')]
  await next(`none for 30000: ${name} has no target, by its records`)
})

test('weights keep their proportions, all 0 are equal, and 0 beside others is next to nothing', async (t) => {
  for (const [given, expected] of [
    [
      [0, 0, 0],
      [1, 1, 1]
    ],
    [
      [100, 200],
      [1, 2]
    ],
    [
      [65_535, 65_535],
      [1, 1]
    ],
    [
      [1, 65_535],
      [1, 256]
    ],
    [
      [30, 20, 10],
      [3, 2, 1]
    ]
  ] as const)
    t.same(backendWeights(given), expected, `${given}`)
  const [none, some] = backendWeights([0, 5])
  t.ok(none === 1 && some! >= 129)
})

test('names are completed as resolv.conf says', async (t) => {
  const config = parseResolvConf(
    'nameserver 10.0.0.2\nnameserver fd00::2\nsearch ns.svc.test svc.test\noptions ndots:2 timeout:3 attempts:2 rotate\n',
    'host'
  )
  t.match(config, { ndots: 2, timeoutMs: 3000, attempts: 2, isRotating: true })
  t.same(
    config.servers.map(({ address }) => address),
    ['10.0.0.2:53', '[fd00::2]:53']
  )
  t.same(candidatesOf('app', config), ['app.ns.svc.test', 'app.svc.test', 'app'])
  t.same(candidatesOf('app.other.test', config), [
    'app.other.test',
    'app.other.test.ns.svc.test',
    'app.other.test.svc.test'
  ])
  t.same(candidatesOf('app.', config), ['app'])
})

test('what is wrong with an entry is told', async (t) => {
  for (const [entry, expected] of [
    ['dns://app.test', 'must be a name and a port from 1 to 65535'],
    ['dns://10.0.0.1:80', '"10.0.0.1" is an address, which needs no DNS'],
    ['dns+srv://_http._tcp.app.test:80', 'must be the name of a service without a port'],
    ['dns://app.test:80;resolve-min=9;resolve-max=3', 'resolve-min must not be above resolve-max'],
    ['dns://app.test:80;hold=x', 'hold must be a number of seconds'],
    ['dns://app.test:80;family=ipx', 'family must be ipv4 or ipv6'],
    ['dns://app.test:80;wait=3', 'unknown option "wait=3"']
  ] as const) {
    const faults: string[] = []
    parseSource(entry, (fault) => faults.push(fault))
    t.match(faults, [new RegExp(expected.replace(/[()]/g, '.'))], entry)
  }
})
