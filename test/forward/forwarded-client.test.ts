import { startBalancer, test } from '../helper.js'
import { LogFile } from '../support/access-log.js'
import { Http2Client } from '../support/http2-client.js'
import { scrape } from '../support/metrics.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange, RawClient } from '../support/raw-client.js'
import { fieldValue, statusOf } from '../support/wire.js'

const PROXIES = { LB_TRUSTED_PROXIES: '127.0.0.0/8 10.0.0.0/8 fd00::/8' }
const UNREADABLE = 'fairlead_clients_unreadable_total'

const get = (...fields: string[]) => ['GET / HTTP/1.1', 'Host: x', ...fields, '', ''].join('\r\n')
const said = (...values: string[]) => values.map((value) => `X-Forwarded-For: ${value}`)

/** One client, as proxies write it. */
const ONE_IPV4 = [
  ['203.0.113.5'],
  ['203.0.113.5:43462'],
  ['198.51.100.7, 203.0.113.5:43462, 10.1.1.1:80'],
  ['"203.0.113.5:80", "[fd00::1]:80"'],
  ['::ffff:203.0.113.5'],
  ['[::FFFF:203.0.113.5]:80, , 10.1.1.1,'],
  ['unknown', '203.0.113.5', '', '10.1.1.1'],
  ['198.51.100.7', '"203.0.113.5:_port" ,']
]
const ONE_IPV6 = [
  ['2001:db8::1'],
  ['[2001:db8::1]'],
  ['[2001:DB8:0:0::1]:8080'],
  ['"[2001:db8::1]:8080", 10.1.1.1'],
  ['2001:db8::1:43462'],
  ['2001:db8::1%eth0']
]

test('a client is denied however a trusted proxy writes its address, over HTTP/1.1 and HTTP/2', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, [backend], {
    ...{ ...PROXIES, LB_H2C: 'true', LB_DENY: '203.0.113.5 2001:db8::/64' }
  })
  const client = await Http2Client.open(t, port)
  const statusesFor = async (values: string[]) => [
    statusOf(await exchange(t, port, get(...said(...values)))),
    (await client.ask({ ':path': '/', 'x-forwarded-for': values })).status
  ]
  for (const values of [...ONE_IPV4, ...ONE_IPV6])
    t.same(await statusesFor(values), [403, 403], values.join(' / '))
  for (const values of [
    ['198.51.100.7:80'],
    ['203.0.113.6:80'],
    ['203.0.113.5, 198.51.100.7'],
    ['[2001:db9::1]']
  ])
    t.same(await statusesFor(values), [200, 200], values.join(' / '))
})

for (const [address, forms] of [
  ['203.0.113.5', ONE_IPV4],
  ['2001:db8::1', ONE_IPV6]
] as const) {
  test(`${address} has one bucket, one backend and one address in the log`, async (t) => {
    const file = new LogFile(t)
    const backends = await Promise.all(Array.from({ length: 4 }, () => scripted(t, answering(OK))))
    const { port } = await startBalancer(t, backends, {
      ...{ ...PROXIES, LB_ALGORITHM: 'hash', LB_RATE_LIMIT: `${forms.length}/h` },
      ...{ LB_ACCESS_LOG: 'all', LB_ACCESS_LOG_FILE: file.file }
    })
    const client = await RawClient.open(t, port)
    const statuses: number[] = []
    for (const values of [...forms, forms[0]!]) {
      client.send(get(...said(...values)))
      statuses.push(statusOf(await client.response()))
    }
    t.same(statuses, [...forms.map(() => 200), 429])
    const asked = backends.filter(({ requests }) => requests.length > 0)
    t.equal(asked.length, 1)
    const got = asked[0]!.requests.map(({ fields }) => fieldValue(fields, 'x-forwarded-for'))
    t.same(
      got,
      forms.map((values) => `${values.join(', ')}, 127.0.0.1`),
      'and goes on as it came'
    )
    const entries = await file.entries(statuses.length)
    t.same([...new Set(entries.map(({ client }) => client))], [address])
  })
}

test('what cannot be read counts as the last hop that can, is counted, and told once for each proxy', async (t) => {
  const backend = await scripted(t, answering(OK))
  const { port, log } = await startBalancer(t, [backend], { ...PROXIES, LB_DENY: '10.1.1.1 203.0.113.5' })
  for (const [value, status] of [
    ['203.0.113.5, unknown', 200],
    ['203.0.113.5, _hidden, 10.1.1.1', 403],
    ['203.0.113.5, "10.1.1.1', 200],
    ['203.0.113.5:x', 200],
    ['unknown, 203.0.113.5', 403]
  ] as const)
    t.equal(statusOf(await exchange(t, port, get(...said(value)))), status, value)
  t.equal(statusOf(await exchange(t, port, get('Forwarded: for=203.0.113.5'))), 200, 'which is not read')
  t.equal(statusOf(await exchange(t, port, get())), 200, 'a proxy may ask for itself')
  t.equal((await scrape(port)).sum(UNREADABLE), 5)
  const warnings = log.filter(({ msg }) => msg.includes(UNREADABLE))
  t.same(
    warnings.map(({ level, msg }) => [level, msg]),
    [
      [
        40,
        '127.0.0.1 says "unknown" in X-Forwarded-For: such requests count as those of the last address that can be ' +
          `read (${UNREADABLE})`
      ]
    ]
  )
})

test('it is counted where nothing depends on who the client is, and not of clients that are no proxies', async (t) => {
  const backend = await scripted(t, answering(OK))
  for (const [LB_TRUSTED_PROXIES, count] of [
    ['127.0.0.0/8', 2],
    ['10.0.0.0/8', 0],
    ['', 0]
  ] as const) {
    const { port } = await startBalancer(t, [backend], { LB_TRUSTED_PROXIES })
    for (const value of ['unknown', 'x y z']) await exchange(t, port, get(...said(value)))
    t.equal((await scrape(port)).sum(UNREADABLE), count, LB_TRUSTED_PROXIES)
  }
})
