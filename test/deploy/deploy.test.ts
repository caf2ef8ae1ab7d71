import { copyFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { closeGraceDelay } from '../../fastify.config.js'
import { loadConfig } from '../../lib/config/load.js'
import { SOCKET_PURPOSES } from '../../lib/service/handed-sockets.js'
import { bin, files } from '../../package.json'
import { eventually, startRoutes, test } from '../helper.js'
import { Child } from '../support/child.js'
import { command, needs } from '../support/command.js'
import { type Exposed, scrape } from '../support/metrics.js'
import { ALERTS, alertExpressions, metricNames, panelQueries, readDashboard } from '../support/monitoring.js'
import { packed, packInto } from '../support/packed.js'
import { type Env, ROOT, run } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'

/** Every 15 seconds for 20 minutes. */
const STEPS = 80
const SOURCE = 'job="fairlead", instance="lb:80"'

const constant = (value: number) => `${value}x${STEPS}`
const rising = (step: number) => `0+${step}x${STEPS}`

/** What Prometheus has read of a balancer of which all this is so. */
function seriesOf(state: {
  readonly up: number
  readonly eligible: number
  readonly panic: number
  readonly states: Readonly<Record<string, number>>
  /** Of a hundred requests per step. */
  readonly failed: number
  readonly slow: number
  readonly rejected: Readonly<Record<string, number>>
  readonly lagSeconds: number
  readonly shortages: number
  readonly failing: number
}) {
  const series: [string, string][] = [
    [`up{${SOURCE}}`, constant(state.up)],
    [`fairlead_panic{${SOURCE}}`, constant(state.panic)],
    [`fairlead_backend_eligible{${SOURCE}, backend="a:1"}`, constant(0)],
    [`fairlead_backend_eligible{${SOURCE}, backend="b:1"}`, constant(state.eligible)],
    [`fairlead_requests_total{${SOURCE}, backend="a:1", method="GET", code="5xx"}`, rising(state.failed)],
    [
      `fairlead_requests_total{${SOURCE}, backend="b:1", method="GET", code="2xx"}`,
      rising(100 - state.failed)
    ],
    [`fairlead_request_duration_seconds_bucket{${SOURCE}, le="1"}`, rising(100 - state.slow)],
    [`fairlead_request_duration_seconds_bucket{${SOURCE}, le="10"}`, rising(100)],
    [`fairlead_request_duration_seconds_bucket{${SOURCE}, le="+Inf"}`, rising(100)],
    [`nodejs_eventloop_lag_p99_seconds{${SOURCE}}`, constant(state.lagSeconds)],
    [`fairlead_source_failing{${SOURCE}, pool="web", source="dns://app:80"}`, constant(state.failing)],
    [`fairlead_shortages_total{${SOURCE}, resource="descriptors", use="clients"}`, rising(state.shortages)],
    ...Object.entries(state.states).map(([state, value]): [string, string] => [
      `fairlead_backend_state{${SOURCE}, backend="a:1", state="${state}"}`,
      constant(value)
    ]),
    ...Object.entries(state.rejected).map(([reason, step]): [string, string] => [
      `fairlead_requests_rejected_total{${SOURCE}, reason="${reason}"}`,
      rising(step)
    ])
  ]
  return series.map(([series, values]) => ({ series, values }))
}

const NOT_QUITE = {
  up: 1,
  eligible: 1,
  panic: 0,
  states: { draining: 1, unhealthy: 0, ejected: 0 },
  failed: 4,
  slow: 0,
  rejected: { bad_request: 50, rate_limit: 50, denied: 50, overload: 1 },
  lagSeconds: 0.09,
  shortages: 0,
  failing: 0
}

const CASES = [
  ['nothing that needs anyone', NOT_QUITE, []],
  ['no answer', { ...NOT_QUITE, up: 0 }, ['FairleadDown']],
  ['no backend', { ...NOT_QUITE, eligible: 0 }, ['FairleadNoBackend']],
  ['panic', { ...NOT_QUITE, panic: 1 }, ['FairleadNoBackend']],
  ['a backend that is down', { ...NOT_QUITE, states: { unhealthy: 1, ejected: 0 } }, ['FairleadBackendDown']],
  ['one that is ejected', { ...NOT_QUITE, states: { unhealthy: 0, ejected: 1 } }, ['FairleadBackendDown']],
  ['errors', { ...NOT_QUITE, failed: 6 }, ['FairleadErrors']],
  ['slow answers', { ...NOT_QUITE, slow: 2 }, ['FairleadSlow']],
  ['refused requests', { ...NOT_QUITE, rejected: { queue_full: 3 } }, ['FairleadRejects']],
  ['too few descriptors', { ...NOT_QUITE, shortages: 1 }, ['FairleadShortage']],
  ['a source that cannot tell', { ...NOT_QUITE, failing: 1 }, ['FairleadSourceFailing']],
  ['a busy event loop', { ...NOT_QUITE, lagSeconds: 0.11 }, ['FairleadEventLoopLag']]
] as const

test('each alert fires when it should, and only then', async (t) => {
  if (!needs(t, 'promtool')) return
  const tests = CASES.map(([name, state, alerts]) => ({
    name,
    interval: '15s',
    input_series: seriesOf(state),
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: '19m',
        exp_samples: alerts.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 }))
      }
    ]
  }))
  const file = path.join(t.testdir(), 'alerts.json')
  writeFileSync(file, JSON.stringify({ rule_files: [ALERTS], evaluation_interval: '15s', tests }))
  const { code, stdout, stderr } = await command(t, 'promtool', ['test', 'rules', file])
  t.equal(code, 0, `${stdout}${stderr}`)
  t.match(`${stdout}`, 'SUCCESS')
})

const read = (file: string) => readFileSync(path.join(ROOT, 'deploy', file), 'utf8')
const DOCKERFILE = read('Dockerfile')
const COMPOSE = read('compose.yml')
const [BUILD = '', FINAL = ''] = DOCKERFILE.split(/^(?=FROM )/m).slice(1)

/** A list as Dockerfile and YAML both write it, such as `["node", "x.js"]`, behind what it is for. */
function listBehind(text: string, what: RegExp): string[] {
  const [, list = '[]'] = new RegExp(`${what.source}\\s*(\\[[^\\]]*\\])`, 'm').exec(text) ?? []
  return JSON.parse(list)
}

/** Behind `node`, which all of these begin with. */
function scriptBehind(text: string, what: RegExp): string[] {
  const [program, ...args] = listBehind(text, what)
  if (program !== 'node') throw new Error(`${what.source} does not start node`)
  return args
}

/** What the image holds, in a folder. */
async function imageFolder(t: Test): Promise<string> {
  const folder = t.testdir({ opt: {}, tmp: {} })
  const [opt, tmp] = [path.join(folder, 'opt'), path.join(folder, 'tmp')]
  const [pack = '', unpack = ''] = [...BUILD.matchAll(/^RUN (npm pack .*|tar .*)$/gm)].map(
    ([, script]) => script!
  )
  t.equal(pack, `npm ${packInto('/tmp').join(' ')}`)
  copyFileSync(await packed(), path.join(tmp, 'fairlead-0.0.0.tgz'))
  const { code, stderr } = await command(t, 'sh', [
    '-c',
    unpack.replaceAll('/tmp', tmp).replaceAll('/opt', opt)
  ])
  t.equal(code, 0, unpack, { stderr })
  const image = path.join(opt, 'package')
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(image, 'node_modules'), 'junction')
  return image
}

test('the image starts what it says, and its health check sees how that is', async (t) => {
  if (!needs(t, 'npm') || !needs(t, 'tar')) return
  const image = await imageFolder(t)
  for (const left of ['lib', 'test', 'dist/test', 'dist/bench'])
    t.notOk(existsSync(path.join(image, left)), left)

  const [, settings = ''] = /^ENV (.*)$/m.exec(FINAL) ?? []
  const env: Env = Object.fromEntries(settings.split(' ').map((setting) => setting.split('=')))
  t.equal(env.NODE_ENV, 'production')
  t.equal(/^EXPOSE (\d+)$/m.exec(FINAL)?.[1], env.PORT)

  const backends: number[] = []
  for (const app of ['app1', 'app2']) {
    const service = COMPOSE.slice(COMPOSE.indexOf(`  ${app}:`))
    const [script = '', ...options] = [
      ...scriptBehind(COMPOSE, /entrypoint:/),
      ...listBehind(service, /command:/)
    ]
    t.equal(options[1], '8080')
    const backend = new Child(t, [script, ...options.with(1, '0')], {}, { cwd: image })
    await backend.untilPrinted(/:\d+\b/)
    backends.push(Number(/:(\d+)\b/.exec(backend.output)![1]))
  }
  const [, listed = ''] = /LB_BACKENDS: (.*)$/m.exec(COMPOSE) ?? []
  t.equal(listed, 'app1:8080 app2:8080')
  const [, checked = ''] = /LB_HEALTH_CHECK_URL: (.*)$/m.exec(COMPOSE) ?? []
  const balancer = new Child(
    t,
    scriptBehind(FINAL, /^ENTRYPOINT/),
    {
      ...env,
      PORT: '0',
      LB_BACKENDS: backends.map((port) => `127.0.0.1:${port}`).join(' '),
      LB_HEALTH_CHECK_URL: checked
    },
    { cwd: image }
  )
  const port = await balancer.listening()
  const bodies = await Promise.all(
    Array.from({ length: 40 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text())
  )
  t.match(bodies.join(), 'Server A')
  t.match(bodies.join(), 'Server B')

  const check = (at: number) => run(scriptBehind(FINAL, /^HEALTHCHECK .* CMD/), { PORT: `${at}` }, image)
  t.equal((await check(port)).code, 0)
  balancer.kill('SIGTERM')
  t.equal(await balancer.untilEnded(), 0)
  t.equal((await check(port)).code, 1, 'where nobody answers')
})

test('a balancer without backends is not healthy', async (t) => {
  const balancer = new Child(t, ['dist/bin/lb.js'], { PORT: '0', LB_BACKENDS: '127.0.0.1:1' })
  const env = { PORT: `${await balancer.listening()}` }
  t.equal((await run(['deploy/healthcheck.js'], env)).code, 1)
})

test('the paths that the files name exist', async (t) => {
  const copied = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, list]) =>
    list!.split(' ')
  )
  t.ok(copied.length > 2)
  for (const source of copied) t.ok(existsSync(path.join(ROOT, source)), source)
  t.equal(/^\s*context: (.*)$/m.exec(COMPOSE)?.[1], '..')
  t.equal(/^\s*dockerfile: (.*)$/m.exec(COMPOSE)?.[1], 'deploy/Dockerfile')
  t.ok(existsSync(path.join(ROOT, 'deploy/Dockerfile.dockerignore')), 'which is found by its name')
  t.match(FINAL, 'COPY --from=build /opt/package ')
})

test('the container is not root, and is given the time to drain', async (t) => {
  t.match(FINAL, /^USER [1-9]\d*:[1-9]\d*$/m)
  t.match(FINAL, /^STOPSIGNAL SIGTERM$/m)
  t.ok(Number(/stop_grace_period: (\d+)s/.exec(COMPOSE)?.[1]) * 1000 > closeGraceDelay)
  t.ok(Number(/docker stop -t (\d+)/.exec(DOCKERFILE)?.[1]) * 1000 > closeGraceDelay)
  const [inner, outer] = [/ports:\s+- "\d+:(\d+)"/, /PORT=(\d+)/].map(
    (port, i) => port.exec([COMPOSE, FINAL][i]!)?.[1]
  )
  t.equal(inner, outer)
})

const docs = readFileSync(path.join(ROOT, 'docs/metrics.md'), 'utf8')

/** What a balancer exposes that has answered one request. */
async function exposed(t: Test): Promise<Exposed> {
  const { address } = await scripted(t, answering(OK))
  const file = path.join(t.testdir(), 'more.json')
  writeFileSync(file, JSON.stringify([address]))
  const content = {
    pools: { web: { backends: [address.replace('127.0.0.1', 'localhost'), `file://${file}`] } },
    routes: [{ pool: 'web', mirror: { pool: 'web', percent: 100 } }]
  }
  // A store that does not answer is shown as well.
  const { port, registry } = await startRoutes(t, content, { LB_SHARED: 'redis://127.0.0.1:9' })
  await exchange(t, port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => registry.inFlight === 0)
  return scrape(port)
}

/** The names that may be asked for: a histogram has three. */
function namesOf({ types }: Exposed): Set<string> {
  const parts = ['_bucket', '_sum', '_count']
  return new Set(
    [...types].flatMap(([name, type]) =>
      type === 'histogram' ? [name, ...parts.map((part) => name + part)] : [name]
    )
  )
}

test('dashboard, alerts and documentation name only metrics that there are', async (t) => {
  const names = namesOf(await exposed(t))
  const dashboard = readDashboard()
  const variables = dashboard.templating.list.map(({ query }) => JSON.stringify(query)).join('\n')
  for (const [where, text, least] of [
    ['the dashboard', panelQueries(dashboard).join('\n'), 25],
    ['its variables', variables, 1],
    ['the alerts', alertExpressions(), 7],
    ['the documentation', docs, 50]
  ] as const) {
    const named = metricNames(text)
    t.ok(named.length >= least, `${where}: ${named.length} names`)
    t.same(
      named.filter((name) => !names.has(name)),
      [],
      where
    )
  }
})

test('every metric is documented with its type and labels', async (t) => {
  const { types, samples } = await exposed(t)
  const rows = [...docs.matchAll(/^\| `(\w+)` +\| (counter|gauge|histogram) +\| (.*?) *\| (.*?) *\|$/gm)]
  const documented = new Map(
    rows.map(([, name, type, labels, meaning]) => [name!, { type, labels, meaning }])
  )
  t.same([...documented.keys()].sort(), [...types.keys()].sort())
  t.equal(documented.size, rows.length, 'each once')
  for (const [name, type] of types) {
    const row = documented.get(name)
    t.equal(row?.type, type, name)
    t.ok(row?.meaning, name)
    const sample = samples.find((sample) => sample.name === (type === 'histogram' ? `${name}_bucket` : name))
    // Nothing may have been collected as garbage yet.
    if (!sample && name === 'nodejs_gc_duration_seconds') continue
    // All of a backend have its label.
    const ofBackend = name.startsWith('fairlead_backend_') ? ['backend', 'pool'] : []
    const labels = [...ofBackend, ...(row?.labels?.match(/\w+/g) ?? [])]
    t.same(
      Object.keys(sample?.labels ?? {})
        .filter((label) => label !== 'le')
        .sort(),
      labels.sort(),
      name
    )
  }
})

test('every panel asks the data source that was chosen, and has a place of its own', async (t) => {
  const { templating, panels } = readDashboard()
  const source = templating.list.find(({ type }) => type === 'datasource')
  t.match(source, { name: 'datasource', query: 'prometheus' })
  const taken = new Map<string, string>()
  const conflicts: string[] = []
  for (const { type, title, datasource, targets = [], gridPos } of panels) {
    for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        const other = x >= 24 ? 'the edge' : taken.get(`${x} ${y}`)
        if (other) conflicts.push(`${title} lies on ${other}`)
        taken.set(`${x} ${y}`, title)
      }
    if (type === 'row') continue
    t.ok(targets.length > 0, title)
    for (const asked of [datasource, ...targets.map(({ datasource }) => datasource)])
      t.equal(asked?.uid, `\${${source!.name}}`, title)
    for (const { expr } of targets) t.match(expr, 'job="$job", instance=~"$instance"', title)
  }
  t.same(conflicts, [])
})

test('every alert is documented, and the files are in the package', async (t) => {
  const alerts = [...readFileSync(ALERTS, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
  const rows = [...docs.matchAll(/^\| `(Fairlead\w+)`/gm)].map(([, name]) => name)
  t.same(rows, alerts)
  t.ok(files.includes('deploy'))
})

const UNIT = readFileSync(path.join(ROOT, 'deploy/fairlead.service'), 'utf8')
const SOCKET = readFileSync(path.join(ROOT, 'deploy/fairlead.socket'), 'utf8')

/** The values of a setting. */
function settings(name: string): string[] {
  return [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value!)
}

test('the service runs lb as nobody in particular, who may take port 80 and nothing else', async (t) => {
  t.same(
    settings('ExecStart').map((file) => path.basename(file)),
    ['lb']
  )
  t.ok('lb' in bin)
  t.same(settings('DynamicUser'), ['yes'])
  t.same(settings('User'), [])
  t.same(settings('AmbientCapabilities'), ['CAP_NET_BIND_SERVICE'])
  t.same(settings('CapabilityBoundingSet'), ['CAP_NET_BIND_SERVICE'])
  t.same(settings('NoNewPrivileges'), ['yes'])
  t.notMatch(UNIT, /^MemoryDenyWriteExecute=yes/m, 'Node.js could not run')
  t.match(settings('RestrictAddressFamilies').join(), /AF_INET AF_INET6 AF_NETLINK/)
})

test('the service has the time to drain, and file descriptors for its limits', async (t) => {
  const { drainTimeoutMs, maxSockets, maxConnections } = loadConfig({})
  t.same(settings('KillSignal'), ['SIGTERM'])
  t.ok(closeGraceDelay > drainTimeoutMs)
  t.ok(Number(settings('TimeoutStopSec')) * 1000 > closeGraceDelay)
  t.ok(Number(settings('LimitNOFILE')) >= maxSockets + maxConnections + 100)
})

test('the service is told of, by other processes than its own, and watched', async (t) => {
  t.same(settings('Type'), ['notify'])
  t.same(settings('NotifyAccess'), ['all'], 'systemd-notify is a process of its own')
  t.same(settings('ExecReload'), ['/bin/kill -HUP $MAINPID'])
  t.ok(Number(settings('WatchdogSec')) >= 10, 'a ping may be late on a busy machine')
  t.same(settings('KillMode'), ['mixed'], 'a process that has been replaced goes on')
  const [, name] = /^FileDescriptorName=(.*)$/m.exec(SOCKET)!
  t.ok((SOCKET_PURPOSES as readonly string[]).includes(name!))
})

test('systemd finds nothing wrong with the service and its socket', async (t) => {
  if (!needs(t, 'systemd-analyze')) return
  const verify = async (unit: string) => {
    const folder = t.testdir({
      'fairlead.service': unit.replace(/^ExecStart=.*$/m, `ExecStart=${process.execPath}`),
      'fairlead.socket': SOCKET
    })
    const files = ['fairlead.service', 'fairlead.socket'].map((name) => path.join(folder, name))
    const { code, stderr } = await command(t, 'systemd-analyze', ['verify', ...files])
    return { code, told: stderr.split('\n').filter((line) => /fairlead\.(service|socket)/.test(line)) }
  }
  t.same(await verify(UNIT), { code: 0, told: [] })
  const { told } = await verify(UNIT.replace('KillMode=', 'KilMode='))
  t.match(told.join(), 'KilMode', 'which it would tell')
})
