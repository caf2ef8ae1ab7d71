import { createServer } from 'node:http'
import t from 'tap'
import { AdminHosts } from '../../../lib/admin/admin-hosts.js'
import { BearerToken } from '../../../lib/admin/bearer-token.js'
import { AdminClient } from '../../../lib/admin/client.js'
import { isCrossSite } from '../../../lib/admin/cross-site.js'
import { matchesIfMatch } from '../../../lib/admin/if-match.js'
import { machineNames } from '../../../lib/admin/machine-names.js'
import { fieldValues, hasConflictingHosts } from '../../../lib/admin/raw-headers.js'
import { listen } from '../../support/listen.js'

// Admin hosts

const NOBODY_ELSES = [
  ...['127.0.0.1', '10.1.2.3', '203.0.113.9', '[::1]', '[2001:DB8::7]', '[::ffff:10.1.2.3]'],
  ...['[fe80::1%eth0]', '[fe80::1%25eth0]'],
  ...['localhost', 'LOCALHOST', 'lb', 'fairlead_1', 'app.localhost', 'printer.local', 'LB.Internal'],
  ...['lb.prod.internal', 'lb.default.svc', 'lb.default.svc.cluster.local', 'web1.corp.example', 'web1']
]
const OTHERS = [
  ...['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'lb.local.evil.example'],
  ...['notlocal.example', 'evil-local', 'xlocal.com', 'evil.svc.com', 'web2.corp.example', 'corp.example'],
  ...[
    'x.web1.corp.example',
    '127.0.0.1.nip.io',
    '127.1',
    '0x7f.0.0.1',
    '1.2.3.4.5',
    '256.1.1.1',
    '.internal.com'
  ]
].filter((name) => name !== 'evil-local')
const NO_HOSTS = [
  ...[
    'a b',
    'evil.example/.local',
    'evil.example#.local',
    'evil.example?.local',
    'me@localhost',
    'evil.example\\.local'
  ],
  ...[
    'localhost, evil.example',
    'a..local',
    '.local',
    '.',
    '..',
    'localhost..',
    '[::1',
    '::1]',
    '::1',
    '[]',
    '[1.2.3.4]'
  ],
  ...[
    '[::1]x',
    '[evil.example]',
    'localhost:80:80',
    'localhost:x',
    ':80',
    'localhost:123456',
    'evil.example:80.local'
  ],
  ...['caf\u00e9.local', 'evil.example%00.local', '\tlocalhost', 'http://localhost', '*', '*.local']
]
const own = ['web1.corp.example']

t.test('hosts that no other site can have, with or without a port or a trailing dot', async (t) => {
  const hosts = new AdminHosts([], own)
  for (const host of NOBODY_ELSES)
    for (const written of [
      host,
      `${host}:8000`,
      `${host}:`,
      ...(host.startsWith('[') ? [] : [`${host}.`, `${host}.:80`])
    ])
      t.ok(hosts.has(written), written)
})

t.test('names that other sites can have, and what is no host', async (t) => {
  const hosts = new AdminHosts([], own)
  for (const host of OTHERS)
    for (const written of [host, `${host}:8000`, `${host}.`, host.toUpperCase()])
      t.notOk(hosts.has(written), written)
  for (const host of ['', ...NO_HOSTS]) t.notOk(hosts.has(host), host)
})

t.test('listed names, names below a listed one, and any name', async (t) => {
  const listed = new AdminHosts(['lb.example', '*.ops.example'], [])
  for (const host of ['lb.example', 'LB.example.:80', 'a.ops.example', 'b.a.ops.example:1'])
    t.ok(listed.has(host), host)
  for (const host of [
    'ops.example',
    'xops.example',
    'a.lb.example',
    'evil.example',
    'a.ops.example.evil.example'
  ])
    t.notOk(listed.has(host), host)
  const any = new AdminHosts(['*'], [])
  for (const host of [...OTHERS, 'evil.example:80']) t.ok(any.has(host))
})

t.test('every host that a request names must be allowed', async (t) => {
  const hosts = new AdminHosts(['lb.example'], [])
  for (const [rawHeaders, foreign] of [
    [[], undefined],
    [['Host', ''], undefined],
    [['A', 'evil.example', 'hOST', 'lb.example:80'], undefined],
    [['Host', 'evil.example:80'], 'evil.example:80'],
    [['Host', 'localhost', 'host', 'evil.example'], 'evil.example']
  ] as const)
    t.equal(hosts.foreignHostOf(rawHeaders), foreign, rawHeaders.join(' '))
})

t.test('a request names one host', async (t) => {
  for (const [isTwo, ...rawHeaders] of [
    [false],
    [false, 'Host', 'a'],
    [true, 'Host', 'a', 'host', 'a'],
    [true, 'Host', 'a', 'X', 'y', 'HOST', 'b']
  ] as const)
    t.equal(hasConflictingHosts(rawHeaders), isTwo, rawHeaders.join(' '))
  t.same(fieldValues(['A', 'b', 'B', 'a', 'a', 'c'], 'a'), ['b', 'c'], 'a value is no name')
})

t.test('the names of this machine', async (t) => {
  const HOSTS = [
    '127.0.0.1 localhost # web1 evil.example',
    '127.0.1.1\tWeb1.corp.example   web1',
    '10.0.0.9 db db.corp.example',
    ''
  ].join('\n')
  const RESOLVER =
    '# search evil.example\nnameserver 10.0.0.1\nsearch prod.example. Lab.example\ndomain old.example\n'
  t.same(machineNames('WEB1', HOSTS, RESOLVER), [
    'web1',
    'web1.corp.example',
    'web1.prod.example',
    'web1.lab.example',
    'web1.old.example'
  ])
  t.same(machineNames('web1.corp.example.', '', ''), ['web1.corp.example'])
  t.ok(machineNames().length > 0, 'of this one')
})

// Bearer token

const TOKEN = 'a-token-of-24-characters'

t.test('only the complete token as a bearer token is accepted', async (t) => {
  const bearer = new BearerToken(TOKEN)
  t.ok(bearer.isSentIn(['A', '1', 'Authorization', `Bearer ${TOKEN}`]))
  t.ok(bearer.isSentIn(['AUTHORIZATION', `bearer  ${TOKEN}`]))
  t.notOk(bearer.isSentIn([]))
  t.notOk(bearer.isSentIn(['Authorization', `Bearer ${TOKEN}`, 'authorization', `Bearer ${TOKEN}`]), 'twice')
  t.notOk(bearer.isSentIn(['Proxy-Authorization', `Bearer ${TOKEN}`]))
  for (const field of [
    '',
    TOKEN,
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Bearer ${TOKEN} `,
    `Bearer ${TOKEN}, Bearer x`,
    `Basic ${TOKEN}`,
    `Bearer "${TOKEN}"`
  ])
    t.notOk(bearer.isSentIn(['Authorization', field]), field)
})

t.test('an empty token is never accepted', async (t) => {
  t.notOk(new BearerToken('').isSentIn(['Authorization', 'Bearer ']))
  t.notOk(new BearerToken('').isSentIn([]))
})

t.test('requests from pages of other sites are cross-site', async (t) => {
  const host = 'lb.example:8000'
  t.notOk(isCrossSite({ host }, 'http'))
  t.notOk(isCrossSite({ host, origin: 'http://lb.example:8000' }, 'http'))
  t.notOk(isCrossSite({ host: 'LB.example:8000', origin: 'http://lb.example:8000' }, 'http'))
  t.notOk(isCrossSite({ host, 'sec-fetch-site': 'same-origin' }, 'http'))
  t.notOk(isCrossSite({ host, 'sec-fetch-site': 'none' }, 'http'))
  t.ok(isCrossSite({ host, origin: 'https://lb.example:8000' }, 'http'))
  t.ok(isCrossSite({ host, origin: 'http://lb.example' }, 'http'))
  t.ok(isCrossSite({ host, origin: 'null' }, 'http'))
  t.ok(isCrossSite({ host, origin: '' }, 'http'))
  t.ok(isCrossSite({ origin: 'http://lb.example' }, 'http'))
  for (const site of ['cross-site', 'same-site', 'same-origin, same-origin', ''])
    t.ok(isCrossSite({ host, 'sec-fetch-site': site }, 'http'), site)
})

t.test('If-Match', async (t) => {
  for (const field of [undefined, '*', '"a-1"', '"x", "a-1"', ' "a-1" '])
    t.ok(matchesIfMatch('a-1', field), `${field}`)
  for (const field of ['', 'a-1', '"a-2"', 'W/"a-1"', '"A-1"', '"a-1'])
    t.notOk(matchesIfMatch('a-1', field), field)
})

// Client of the API

t.test('the client sends the token with reads too, which then work by any host name', async (t) => {
  const shown: (string | undefined)[] = []
  const server = createServer((req, res) => {
    shown.push(req.headers.authorization)
    res.end('{"backends":[]}')
  })
  const url = `http://${await listen(t, server)}`
  await new AdminClient(url, 'a-token-of-24-characters').backends(['web'])
  await new AdminClient(url, '').backends(['web'])
  t.same(shown, ['Bearer a-token-of-24-characters', undefined])
})

t.test('the client reports the error for an unknown host', async (t) => {
  const server = createServer((_req, res) => {
    res.writeHead(421).end('{"code":"LB_FOREIGN_HOST","message":"List it in LB_ADMIN_HOSTS"}')
  })
  const client = new AdminClient(`http://${await listen(t, server)}`, '')
  await t.rejects(client.backends(['web']), { message: 'List it in LB_ADMIN_HOSTS' })
})
