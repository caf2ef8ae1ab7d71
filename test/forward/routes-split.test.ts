import type { Test } from 'tap'
import { startRoutes, test } from '../helper.js'
import { answering, type RawBackend, scripted } from '../support/raw-backend.js'
import { RawClient } from '../support/raw-client.js'
import { fieldValue, fieldValues, statusOf } from '../support/wire.js'

// Requests shared by weight

const named = (name: string) => answering(`HTTP/1.1 200 OK\r\nX-Pool: ${name}\r\nContent-Length: 0\r\n\r\n`)
const get = (...lines: string[]) => ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')

/** What each of these requests is answered with, over one connection. */
async function answersTo(t: Test, port: number, requests: readonly string[]) {
  const client = await RawClient.open(t, port)
  client.send(requests.join(''))
  const answers = []
  for (const _ of requests) answers.push(await client.response())
  client.socket.destroy()
  return answers
}

/** How many requests each pool has answered; those without a pool by their status. */
async function sharesOf(t: Test, port: number, requests: readonly string[]) {
  const shares: Record<string, number> = {}
  for (const { fields, startLine } of await answersTo(t, port, requests)) {
    const by = fieldValue(fields, 'x-pool') ?? startLine
    shares[by] = (shares[by] ?? 0) + 1
  }
  return shares
}

const pool = ({ address }: RawBackend, more: object = {}) => ({ backends: [address], ...more })

test('each pool has its share of the requests, and keeps it while it has no backend', async (t) => {
  const [web, next] = await Promise.all([scripted(t, named('web')), scripted(t, named('next'))])
  const balancer = await startRoutes(
    t,
    {
      pools: { web: pool(web), next: pool(next) },
      routes: [
        {
          split: [
            { pool: 'web', weight: 90 },
            { pool: 'next', weight: 10 }
          ]
        }
      ]
    },
    { LB_OUTAGE_TIMEOUT: '0' }
  )
  const requests = Array.from({ length: 200 }, () => get())
  const { web: some = 0, next: others = 0 } = await sharesOf(t, balancer.port, requests)
  t.equal(some + others, 200)
  t.ok(Math.abs(others - 20) <= 2, `${others} of 200`)
  const [, { registry }] = balancer.pools() as unknown as [unknown, typeof balancer]
  registry.setState(registry.backends[0]!, 'unhealthy', 'test')
  const shares = await sharesOf(t, balancer.port, requests)
  t.ok(Math.abs(shares.web! - 180) <= 2, `${shares.web} of 200`)
  t.equal(shares['HTTP/1.1 503 Service Unavailable'], 200 - shares.web!)
})

test('by client, each stays with a pool', async (t) => {
  const [web, next] = await Promise.all([scripted(t, named('web')), scripted(t, named('next'))])
  const { port } = await startRoutes(
    t,
    {
      pools: { web: pool(web), next: pool(next) },
      routes: [{ split: [{ pool: 'web' }, { pool: 'next' }], 'split-by': 'client' }]
    },
    { LB_TRUSTED_PROXIES: '127.0.0.1' }
  )
  const had = new Set<string>()
  for (let i = 0; i < 20; i++) {
    const request = get(`X-Forwarded-For: 192.0.2.${i}`)
    const shares = await sharesOf(t, port, [request, request, request])
    t.same(Object.values(shares), [3])
    had.add(Object.keys(shares)[0]!)
  }
  t.same([...had].sort(), ['next', 'web'])
})

test('a session decides before the weights, and is of its pool alone', async (t) => {
  const [web, next] = await Promise.all([scripted(t, named('web')), scripted(t, named('next'))])
  const sticky = { sticky: true, 'sticky-secret': 's'.repeat(32) }
  const { port } = await startRoutes(t, {
    pools: { web: pool(web, sticky), next: pool(next, sticky) },
    routes: [
      { match: { path: '/next' }, pool: 'next' },
      {
        split: [
          { pool: 'web', weight: 1 },
          { pool: 'next', weight: 0 }
        ]
      }
    ]
  })
  const [first] = await answersTo(t, port, ['GET /next HTTP/1.1\r\nHost: x\r\n\r\n'])
  const [cookie = ''] = fieldValues(first!.fields, 'set-cookie')[0]!.split(';')
  t.same(await sharesOf(t, port, [get(), get()]), { web: 2 })
  const stay = await answersTo(t, port, [get(`Cookie: ${cookie}`), get(`Cookie: ${cookie}x`)])
  t.same(
    stay.map(({ fields }) => fieldValue(fields, 'x-pool')),
    ['next', 'web']
  )
  t.equal(statusOf(stay[0]!), 200)
})
