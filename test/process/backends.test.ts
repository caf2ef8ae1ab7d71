import type { Test } from 'tap'
import { test } from '../helper.js'
import { type Child, fastifyStart, lb } from '../support/child.js'

const [A, B, C, D] = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', 'localhost:4'] as const

async function backendsOf(child: Child): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${await child.listening()}/__lb/stats`)
  const { backends } = (await response.json()) as { backends: { address: string; weight: number }[] }
  return backends.map(({ address, weight }) => (weight === 1 ? address : `${address};weight=${weight}`))
}

const CASES: [what: string, start: (t: Test) => Child, expected: string[]][] = [
  ['several after one -b', (t) => lb(t, ['-b', A, B, C, '-p', '0']), [A, B, C]],
  [
    '-b repeated',
    (t) => lb(t, ['-p', '0', '-b', A, '-b', B, C, '--backends', `${D};weight=7`]),
    [A, B, C, `${D};weight=7`]
  ],
  ['a list in one argument', (t) => lb(t, ['-p', '0', '-b', `${A},${B} ${C}`]), [A, B, C]],
  ['a flag before the environment', (t) => lb(t, ['-p', '0', '-b', A], { LB_BACKENDS: `${B} ${C}` }), [A]],
  ['the environment', (t) => lb(t, ['-p', '0'], { LB_BACKENDS: `${B},${C}` }), [B, C]],
  ['nothing', (t) => lb(t, ['-p', '0']), ['127.0.0.1:8080', '127.0.0.1:8081']],
  [
    'the environment, for fastify start',
    (t) => fastifyStart(t, ['-p', '0'], { LB_BACKENDS: `${A} ${B}`, PORT: '0' }),
    [A, B]
  ]
]

for (const [what, start, expected] of CASES) {
  test(`the backends are those of ${what}`, async (t) => {
    t.same(await backendsOf(start(t)), expected)
  })
}

test('every flag goes before its variable', async (t) => {
  const child = lb(
    t,
    ['-p', '0', '--max-connections', '1000', '--stats-interval', '0.1', '--no-health-check'],
    {
      LB_BACKENDS: A,
      LB_MAX_CONNECTIONS: '2000',
      LB_STATS_INTERVAL: '0',
      LB_NO_HEALTH_CHECK: 'false'
    }
  )
  const port = await child.listening()
  const response = await fetch(`http://127.0.0.1:${port}/__lb/stats`)
  const { connections, backends } = (await response.json()) as {
    connections: { limit: number }
    backends: { state: string }[]
  }
  t.equal(connections.limit, 4000)
  t.equal(backends[0]!.state, 'healthy', 'nobody looked')
  await child.untilPrinted('=== Load Balancer Stats ===')
  const report = child.log.find(({ msg }) => msg.startsWith('==='))
  t.match(report, { level: 30, stats: { backends: [{ address: A }] } })
})
