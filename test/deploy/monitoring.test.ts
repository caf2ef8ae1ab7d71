import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { files } from '../../package.json'
import { eventually, startBalancer, test } from '../helper.js'
import { type Exposed, scrape } from '../support/metrics.js'
import { ALERTS, alertExpressions, metricNames, panelQueries, readDashboard } from '../support/monitoring.js'
import { ROOT } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'
import { exchange } from '../support/raw-client.js'

const docs = readFileSync(path.join(ROOT, 'docs/metrics.md'), 'utf8')

/** What a balancer exposes that has answered one request. */
async function exposed(t: Test): Promise<Exposed> {
  const { address } = await scripted(t, answering(OK))
  const { port, registry } = await startBalancer(t, address.replace('127.0.0.1', 'localhost'))
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
    const ofBackend = name.startsWith('fairlead_backend_') ? ['backend'] : []
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
