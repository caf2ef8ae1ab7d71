import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { eventually, startBalancer, test } from '../helper.js'
import { Child, lb } from '../support/child.js'
import { command, needs } from '../support/command.js'
import { ALERTS, panelQueries, readDashboard } from '../support/monitoring.js'
import { BE } from '../support/processes.js'
import { answering, OK, scripted } from '../support/raw-backend.js'

const START_MS = 20_000
const SCRAPE_MS = 10_000

/** `lb` in front of one `be`, and one that is away. */
async function openBalancer(t: Test) {
  const be = new Child(t, [BE, '-p', '0', '-a', '127.0.0.1'])
  await be.untilPrinted(/ listening on /, START_MS)
  const [, port] = /listening on http:\S+:(\d+)/.exec(be.output)!
  const backends = [`127.0.0.1:${port}`, '127.0.0.1:1']
  const balancer = lb(t, ['-p', '0', '-b', ...backends, '--health-check-url', '/health'])
  const listening = await balancer.listening()
  await balancer.untilPrinted(/UNHEALTHY/)
  return { port: listening, backend: backends[0]! }
}

/** A Prometheus that asks this balancer each second. Gives what a query says: the values by their labels. */
async function openPrometheus(t: Test, port: number) {
  const folder = t.testdir({ data: {} })
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [ALERTS],
    scrape_configs: [
      {
        job_name: 'fairlead',
        metrics_path: '/__lb/metrics',
        static_configs: [{ targets: [`127.0.0.1:${port}`] }]
      }
    ]
  }
  // All of JSON is YAML.
  const file = path.join(folder, 'prometheus.yml')
  writeFileSync(file, JSON.stringify(config))
  const flags = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${path.join(folder, 'data')}`,
    '--web.listen-address=127.0.0.1:0'
  ]
  const child = new Child(t, flags, {}, { program: 'prometheus' })
  const line = /msg="Listening on".* address=\S*:(\d+)/
  await child.untilPrinted(line, START_MS)
  const api = `http://127.0.0.1:${line.exec(child.output)![1]}/api/v1`
  const ask = async (target: string) => {
    const response = await fetch(`${api}/${target}`, { headers: { connection: 'close' } })
    return (await response.json()) as { status: string; error?: string; data: { [key: string]: unknown } }
  }
  // It listens before it has read what it stored.
  await eventually(
    async () => (await fetch(api.replace('/api/v1', '/-/ready'), { headers: { connection: 'close' } })).ok,
    START_MS
  )
  const value = async (query: string) => {
    const { data } = await ask(`query?query=${encodeURIComponent(query)}`)
    const [first] = (data?.result ?? []) as { value: [number, string] }[]
    return first && Number(first.value[1])
  }
  return { ask, value }
}

test('Prometheus reads the metrics, and counts as many requests as were sent', async (t) => {
  if (!needs(t, 'prometheus')) return
  const { port, backend } = await openBalancer(t)
  const { ask, value } = await openPrometheus(t, port)
  await eventually(async () => (await value('up')) === 1, SCRAPE_MS)
  const send = async (count: number) => {
    for (let i = 0; i < count; i++) await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer()
  }
  const total = 'sum(fairlead_requests_total)'
  await send(7)
  await eventually(async () => (await value(total)) === 7, SCRAPE_MS)
  await send(5)
  await eventually(async () => (await value(total)) === 12, SCRAPE_MS)
  t.equal(
    await value(`fairlead_requests_total{pool="default", backend="${backend}", method="GET", code="2xx"}`),
    12
  )
  t.equal(await value('fairlead_request_duration_seconds_count'), 12)
  t.equal(await value('sum(fairlead_backend_eligible)'), 1)
  t.equal(await value('fairlead_backend_state{state="unhealthy"} == 1'), 1)
  const quantile = await value('histogram_quantile(0.5, rate(fairlead_request_duration_seconds_bucket[1m]))')
  t.ok(quantile! > 0 && quantile! < 30, `half took no longer than ${quantile} s`)

  for (const query of panelQueries(readDashboard())) {
    const { status, error } = await ask(`query?query=${encodeURIComponent(query)}`)
    t.equal(status, 'success', `${query} ${error ?? ''}`)
  }
  // What depends on how busy the machine is may be pending as well.
  const pending = async () => {
    const alerts = (await ask('alerts')).data.alerts as { labels: { alertname: string } }[]
    return alerts.map(({ labels }) => labels.alertname).filter((name) => !/Slow|Lag/.test(name))
  }
  await eventually(async () => (await pending()).length > 0, SCRAPE_MS)
  t.same(await pending(), ['FairleadBackendDown'], 'the backend that is away, and nothing else')
})

test('promtool finds nothing to complain of', async (t) => {
  if (!needs(t, 'promtool')) return
  const backend = await scripted(t, answering(OK))
  const { port } = await startBalancer(t, `${backend.address} 127.0.0.1:1`, { LB_NO_HEALTH_CHECK: 'false' })
  for (let i = 0; i < 2; i++) {
    await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer()
    const metrics = Buffer.from(await (await fetch(`http://127.0.0.1:${port}/__lb/metrics`)).arrayBuffer())
    const { code, stdout, stderr } = await command(t, 'promtool', ['check', 'metrics'], { input: metrics })
    t.same([code, `${stdout}`, stderr], [0, '', ''])
  }
  const { code, stdout, stderr } = await command(t, 'promtool', ['check', 'rules', ALERTS])
  t.same([code, stderr], [0, ''])
  t.match(`${stdout}`, 'SUCCESS: 9 rules found')
})
