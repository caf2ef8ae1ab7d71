import { type Config, loadConfig } from '../../lib/config/load.js'
import type { BackendConfig } from '../../lib/pool/spec/backend-spec.js'
import { STICKY } from '../support/selection.js'
import { COOKIE } from './client.js'

/** What a history is played in, and how often what happens in it. */
export interface Setting {
  readonly config: Config
  readonly hasStalls: boolean
  readonly hasChecks: boolean
  readonly weights: Readonly<Record<string, number>>
  readonly length: number
}

const ALGORITHMS = ['least-connections', 'peak-ewma', 'p2c', 'round-robin', 'random', 'hash'] as const
const defaults = loadConfig({ LB_BACKENDS: 'a.test:80' })
const [ofBackends] = defaults.backends
const [RETRIED_STATUS] = loadConfig({ LB_RETRY_STATUS: '503' }).resilience.retryStatus

/** How often each event happens against the others, where nothing is said of a history. */
const USUAL = {
  arrive: 10,
  send: 8,
  head: 6,
  end: 6,
  fail: 3,
  timeOut: 1,
  abort: 1,
  health: 1,
  drain: 1,
  pass: 5,
  passLong: 0.1,
  check: 2
}

/** Draws a setting: few backends with little room, so that everything that can get in the way does. */
export function drawSetting(random: () => number): Setting {
  const below = (count: number) => Math.floor(random() * count)
  const one = <T>(...of: T[]) => of[below(of.length)]!
  const often = (part: number) => random() < part
  const count = 2 + below(4)
  const backupCount = often(0.3) ? 1 + below(count - 1) : 0
  const maxAtMost = one(1, 2, 4)
  const hasLimits = often(0.8)
  const backends = Array.from({ length: count }, (_, i): BackendConfig => {
    const hostname = `b${i}.test`
    const address = `${hostname}:80`
    const max = hasLimits ? 1 + below(maxAtMost) : 0
    return {
      ...ofBackends!,
      hostname,
      address,
      weight: one(1, 1, 2, 5),
      max,
      backup: i >= count - backupCount
    }
  })
  const sticky = { ...STICKY, cookie: COOKIE }
  const config: Config = {
    ...defaults,
    backends,
    // Time-outs are events here.
    responseTimeoutMs: 0,
    healthCheck: { ...defaults.healthCheck, enabled: often(0.5) },
    balancing: {
      algorithm: one(...ALGORITHMS),
      hashKey: { from: 'target', name: '' },
      sticky: often(0.3) ? sticky : undefined
    },
    resilience: {
      ...defaults.resilience,
      retries: below(4),
      retryStatus: often(0.4) ? [RETRIED_STATUS!] : [],
      retryBudget: one(0, 0.2, 0.5, 1),
      ejection: often(0.8),
      hedge: often(0.3),
      slowStartMs: one(0, 500, 3000),
      queueSize: one(0, 2, 5, 50),
      queueTimeoutMs: one(100, 500, 2000),
      outageTimeoutMs: often(0.2) ? 1000 : 0,
      panic: often(0.3)
    }
  }
  const weights = Object.fromEntries(
    Object.entries(USUAL).map(([kind, usual]) => [kind, usual * one(0.2, 1, 1, 3)])
  )
  return { config, hasStalls: often(0.5), hasChecks: often(0.7), weights, length: 30 + below(91) }
}
