import type { Test } from 'tap'
import { eventually, startBalancer, startRoutes, test } from '../helper.js'
import { TOKEN } from '../support/api.js'
import { Child, fastifyStart, lb } from '../support/child.js'
import { type Ended, type Env, FASTIFY, LB, run } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { runInProcess } from '../support/run-in-process.js'

/** A balancer that runs, and the commands that ask it, each as a process or in this one. */
async function stage(t: Test, env: Env = {}) {
  const backend = await scripted(t, answering(OK))
  const backends = `${backend.address} 127.0.0.1:2`
  const balancer = await startBalancer(t, backends, { LB_ADMIN_TOKEN: TOKEN, ...env })
  const { port } = balancer
  const asking = { PORT: String(port), LB_ADMIN_TOKEN: TOKEN }
  const asProcess = (...args: string[]) => run([LB, ...args], asking)
  const command = (...args: string[]) => runInProcess(args, asking)
  return { backend: backend.address, balancer, port, asProcess, command }
}

/** The table that a command prints, a row by each address. */
function rowsOf(t: Test, { code, stdout, stderr }: Ended): Map<string, string[]> {
  t.same([code, stderr], [0, ''])
  const [head, ...rows] = stdout.trimEnd().split('\n')
  t.match(head, /^BACKEND +STATE +WEIGHT +MAX +ACTIVE +TOTAL +FAILED +RETRIES +ORDERS +REASON$/)
  return new Map(rows.map((row) => [row.split(/ +/)[0]!, row.split(/ +/).slice(1, 10)]))
}

test('a balancer that runs is looked after by commands', async (t) => {
  const { backend, port, asProcess, command } = await stage(t)
  await fetch(`http://127.0.0.1:${port}/`)
  const rows = async (...args: string[]) => rowsOf(t, await command(...args))
  const first = rowsOf(t, await asProcess('status'))
  t.same([...first.keys()], [backend, '127.0.0.1:2'])
  t.match((await rows('drain', '127.0.0.1:2')).get('127.0.0.1:2'), [
    'draining',
    '1',
    '-',
    '0',
    /./,
    /./,
    /./,
    'drain'
  ])
  t.match(rowsOf(t, await asProcess('undrain', '127.0.0.1:2')).get('127.0.0.1:2')![7], '-')
  t.equal((await rows('weight', '127.0.0.1:2', '7')).get('127.0.0.1:2')![1], '7')
  const ill = (await rows('health', '127.0.0.1:2', 'unhealthy')).get('127.0.0.1:2')!
  t.same([ill[0], ill[7]], ['unhealthy', 'unhealthy'])
  t.equal((await rows('health', '127.0.0.1:2', 'auto')).get('127.0.0.1:2')![7], '-')
  const added = (await rows('add', 'https://LOCALHOST:3;weight=5;max=9;backup')).get('localhost:3')!
  t.same([added[1], added[2], added[7]], ['5', '9', 'backup'])
  t.ok((await rows('reset', 'localhost:3')).has('localhost:3'))
  t.notOk((await rows('remove', 'LOCALHOST:3')).has('localhost:3'))
  const [elsewhere] = await Promise.all([
    runInProcess(['status', '--url', `http://127.0.0.1:${port}/`], { PORT: '1' }).then((ended) =>
      rowsOf(t, ended)
    )
  ])
  t.ok(elsewhere!.has(backend))
})

test('what goes wrong is said in a line, and the exit code is 1', async (t) => {
  const { port, asProcess, command } = await stage(t)
  const there = `http://127.0.0.1:${port}`
  const ask = (env: Env, ...args: string[]) => runInProcess([...args, '--url', there], env)
  for (const [act, said] of [
    [() => asProcess('drain', '127.0.0.1:9'), 'lb: There is no backend with this address'],
    [() => command('weight', '127.0.0.1:2', '257'), 'lb: body/weight must be <= 256'],
    [
      () => command('weight', '127.0.0.1:2', '1.5'),
      "error: command-argument value '1.5' is invalid for argument 'n'."
    ],
    [() => command('weight', '127.0.0.1:2'), "error: missing required argument 'n'"],
    [() => command('health', '127.0.0.1:2', 'ill'), 'Allowed choices are auto, healthy, unhealthy.'],
    [() => command('add', '127.0.0.1:2'), 'lb: There is a backend with this address already'],
    [() => command('add', 'x'), '"x": is not a backend address; write host:port'],
    [() => command('add', 'a:1,b:2'), 'it must be one backend'],
    [() => asProcess('status', 'x'), 'error: too many arguments'],
    [() => asProcess('nosuch'), 'error: too many arguments'],
    [() => command('status', '--url', 'nonsense'), 'It must be such as http://127.0.0.1:8000.'],
    [
      () => runInProcess(['status'], { PORT: '1' }),
      'lb: nothing answers at http://127.0.0.1:1: ECONNREFUSED'
    ],
    [() => run([LB, 'top'], { PORT: '1' }), 'lb: nothing answers at http://127.0.0.1:1: ECONNREFUSED'],
    [() => ask({}, 'drain', '127.0.0.1:2'), 'lb: LB_ADMIN_TOKEN is not set'],
    [
      () => ask({ LB_ADMIN_TOKEN: 'x'.repeat(16) }, 'drain', '127.0.0.1:2'),
      'lb: LB_ADMIN_TOKEN is not that of the balancer'
    ]
  ] as const) {
    const { code, stdout, stderr } = await act()
    t.same([code, stdout], [1, ''], said)
    t.ok(stderr.includes(said), said, { stderr })
    t.notMatch(stderr, /^\s+at /m)
  }
})

/** The pools `web` and `api`, which share a backend, and commands that ask their balancer. */
async function stageOfPools(t: Test) {
  const { port } = await startRoutes(
    t,
    {
      pools: {
        web: { backends: ['127.0.0.1:1', '127.0.0.1:2'] },
        api: { backends: ['127.0.0.1:2', '127.0.0.1:3'] }
      },
      routes: [{ match: { 'path-prefix': '/api' }, pool: 'api' }, { pool: 'web' }]
    },
    { LB_ADMIN_TOKEN: TOKEN }
  )
  const env = { PORT: String(port), LB_ADMIN_TOKEN: TOKEN }
  const command = (...args: string[]) => runInProcess(args, env)
  /** A part of each row: the orders of a backend or, where pools are shown, also the first two. */
  const orders = async (...args: string[]) => {
    const { code, stdout, stderr } = await command(...args)
    t.same([code, stderr], [0, ''], args.join(' '))
    const [head = '', ...rows] = stdout.trimEnd().split('\n')
    const at = head.split(/ +/).indexOf('ORDERS')
    const shown = at === 9 ? 2 : 1
    return rows.map((row) => [...row.split(/ +/).slice(0, shown), row.split(/ +/)[at]].join(' '))
  }
  return { env, command, orders }
}

test('commands show all pools, and change a backend of the one that is meant', async (t) => {
  const { orders } = await stageOfPools(t)
  t.same(await orders('status'), [
    'web 127.0.0.1:1 -',
    'web 127.0.0.1:2 -',
    'api 127.0.0.1:2 -',
    'api 127.0.0.1:3 -'
  ])
  t.same(await orders('status', '--pool', 'api'), ['127.0.0.1:2 -', '127.0.0.1:3 -'])
  t.same(await orders('drain', 'web/127.0.0.1:2'), ['127.0.0.1:1 -', '127.0.0.1:2 drain'])
  t.same(await orders('drain', '127.0.0.1:2', '--pool', 'api'), ['127.0.0.1:2 drain', '127.0.0.1:3 -'])
  t.same(await orders('undrain', 'web/127.0.0.1:2', '--pool', 'web'), ['127.0.0.1:1 -', '127.0.0.1:2 -'])
  const forced = await orders('health', '127.0.0.1:3', 'unhealthy')
  t.same(forced, ['127.0.0.1:2 drain', '127.0.0.1:3 unhealthy'], 'only one pool has it')
  t.same(await orders('add', 'web/127.0.0.1:4;weight=2;backup'), [
    '127.0.0.1:1 -',
    '127.0.0.1:2 -',
    '127.0.0.1:4 backup'
  ])
  t.same(await orders('add', 'http://127.0.0.1:5', '--pool', 'web').then((rows) => rows.length), 4)
  t.same(await orders('remove', 'web/127.0.0.1:4').then((rows) => rows.length), 3)
})

test('commands say which pools there are where none is named and several are meant', async (t) => {
  const { command } = await stageOfPools(t)
  for (const [args, said] of [
    [['drain', '127.0.0.1:2'], 'say web/127.0.0.1:2 or api/127.0.0.1:2'],
    [['drain', '127.0.0.1:9'], 'there is no backend with this address in web, api'],
    [['drain', 'web/127.0.0.1:3'], 'There is no backend with this address'],
    [['drain', 'web/127.0.0.1:2', '--pool', 'api'], 'web/127.0.0.1:2 is not in the pool api'],
    [['status', '--pool', 'none'], 'There is no pool "none"'],
    [['add', '127.0.0.1:4'], 'there are several pools: say which one with --pool: web, api']
  ] as const) {
    const { code, stdout, stderr } = await command(...args)
    t.same([code, stdout], [1, ''], args.join(' '))
    t.ok(stderr.includes(said), said, { stderr })
  }
})

test('top shows the pools', async (t) => {
  const { env } = await stageOfPools(t)
  const top = new Child(t, [LB, 'top'], env)
  await top.untilPrinted(/^POOL +BACKEND +STATE/m)
  t.match(top.output, /^api +127\.0\.0\.1:3 +healthy/m)
  top.kill('SIGINT')
  t.equal(await top.untilEnded(), 0)
})

test('commands go to LB_ADMIN_PORT where there is one, and say where nothing can be changed', async (t) => {
  const { port, balancer } = await stage(t, { LB_ADMIN_PORT: '0', LB_ADMIN_TOKEN: '' })
  const env = { PORT: String(port), LB_ADMIN_PORT: String(balancer.adminPort), LB_ADMIN_TOKEN: TOKEN }
  rowsOf(t, await runInProcess(['status'], env))
  t.match(await runInProcess(['drain', '127.0.0.1:2'], env), {
    code: 1,
    stderr: /takes no changes: see LB_ADMIN_TOKEN/
  })
  t.match(await runInProcess(['status'], { PORT: String(port) }), {
    code: 1,
    stderr: /see LB_ADMIN_ALLOW and LB_ADMIN_PORT/
  })
})

test('top shows what happens once a second, until q or ^C', async (t) => {
  const { backend, port, balancer } = await stage(t)
  const top = () => new Child(t, [LB, 'top'], { PORT: String(port) })
  const seen = top()
  await seen.untilPrinted(/BACKEND +STATE/)
  for (let i = 0; i < 20; i++) await fetch(`http://127.0.0.1:${port}/`)
  const row = new RegExp(`^${backend} +healthy +1 +0 +([1-9]\\d*) +0 +\\d+ +(\\d+) +-$`, 'm')
  await seen.untilPrinted(row)
  t.match(seen.output, /^fairlead \d+\.\d+\.\d+ {2}serving/)
  t.notOk(seen.output.includes('\x1b'), 'without commands for a terminal, as it is none')
  seen.kill('SIGINT')
  t.equal(await seen.untilEnded(), 0)

  const left = top()
  await left.untilPrinted('BACKEND')
  left.type('q')
  t.equal(await left.untilEnded(), 0)

  const alone = top()
  await alone.untilPrinted('BACKEND')
  await balancer.fastify.close()
  await alone.untilPrinted('nothing answers')
  t.equal(alone.ended, undefined, 'a balancer that is restarted is waited for')
  alone.kill('SIGTERM')
  await eventually(() => alone.ended === 0)
})

test('without a command it is the balancer', async (t) => {
  const child = lb(t, ['-p', '0', '-b', '127.0.0.1:1', '127.0.0.1:2', '--no-health-check'])
  await child.listening()
  const { stdout } = await run([LB, '--help'], {})
  for (const name of ['status', 'top', 'drain', 'undrain', 'weight', 'health', 'reset', 'add', 'remove'])
    t.match(stdout, new RegExp(`^  ${name} `, 'm'), name)
})

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

for (const [index, [what, flags, env, expected]] of CASES.entries()) {
  test(`the backends are those of ${what}`, async (t) => {
    const args = ['check', ...flags]
    const { code, stdout } = await (index === 0 ? run([LB, ...args], env) : runInProcess(args, env))
    t.equal(code, 0)
    const [, list = ''] = /^LB_BACKENDS=(.*)$/m.exec(stdout) ?? []
    t.same(list.split(/[ ,]+/), expected)
  })
}

for (const [name, start] of [
  ['lb', (t: Test) => lb(t, ['-p', '0', '-b', A, '-b', `${B};weight=7`], { LB_BACKENDS: C })],
  ['fastify start', (t: Test) => fastifyStart(t, [], { PORT: '0', LB_BACKENDS: `${A} ${B};weight=7` })]
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

const PRINTED = [
  { command: 'print-routes', shows: '└── / (GET' },
  { command: 'print-plugins', shows: 'least-connections' }
]

for (const { command, shows } of PRINTED) {
  test(`fastify ${command} app shows what is there`, async (t) => {
    const child = new Child(t, [FASTIFY, command, 'app'], { LB_BACKENDS: '127.0.0.1:1' })
    t.equal(await child.untilEnded(), 0, child.output)
    t.match(child.output, shows)
  })
}

test('a prefix for the whole app is refused with its reason', async (t) => {
  const child = fastifyStart(t, ['-x', '/prefix', '-p', '0'], { LB_BACKENDS: '127.0.0.1:1' })
  t.not(await child.untilEnded(), 0)
  t.match(child.output, 'A prefix (-x) would leave all other paths without an answer')
})
