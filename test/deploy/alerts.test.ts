import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from '../helper.js'
import { command, needs } from '../support/command.js'
import { ALERTS } from '../support/monitoring.js'

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
  shortages: 0
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
