import type { Test } from 'tap'
import { test } from '../helper.js'
import { fastifyStart, lb } from '../support/child.js'
import { type Env, LB, run } from '../support/processes.js'

const [A, B, C, D] = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', 'localhost:4'] as const

/** How it is said, and the list that comes of it. */
const CASES: [what: string, flags: string[], env: Env, expected: string[]][] = [
  ['several after one -b', ['-b', A, B, C], {}, [A, B, C]],
  ['-b repeated', ['-b', A, '-b', B, C, '--backends', `${D};weight=7`], {}, [A, B, C, `${D};weight=7`]],
  ['a list in one argument', ['-b', `${A},${B} ${C}`], {}, [A, B, C]],
  ['a flag before the environment', ['-b', A], { LB_BACKENDS: `${B} ${C}` }, [A]],
  ['the environment', [], { LB_BACKENDS: `${B},${C}` }, [B, C]],
  ['nothing', [], {}, ['127.0.0.1:8080', '127.0.0.1:8081']]
]

for (const [what, flags, env, expected] of CASES) {
  test(`the backends are those of ${what}`, async (t) => {
    const { code, stdout } = await run([LB, 'check', ...flags], env)
    t.equal(code, 0)
    const [, list = ''] = /^LB_BACKENDS=(.*)$/m.exec(stdout) ?? []
    t.same(list.split(/[ ,]+/), expected)
  })
}

for (const [name, start] of [
  ['lb', (t: Test) => lb(t, ['-p', '0', '-b', A, '-b', `${B};weight=7`], { LB_BACKENDS: C })],
  ['fastify start', (t: Test) => fastifyStart(t, ['-p', '0'], { LB_BACKENDS: `${A} ${B};weight=7` })]
] as const)
  test(`${name} serves those`, async (t) => {
    const response = await fetch(`http://127.0.0.1:${await start(t).listening()}/__lb/stats`)
    const { backends } = (await response.json()) as { backends: { address: string; weight: number }[] }
    t.match(backends, [
      { address: A, weight: 1 },
      { address: B, weight: 7 }
    ])
    t.equal(backends.length, 2)
  })

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
