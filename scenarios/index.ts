import { autoDetection } from './auto-detection.js'
import { concurrency } from './concurrency.js'
import { connectionLimit } from './connection-limit.js'
import { distribution } from './distribution.js'
import { gracefulShutdown } from './graceful-shutdown.js'
import type { Scenario } from './harness.js'
import { healthFailover } from './health-failover.js'
import { performanceRun } from './performance.js'
import { recovery } from './recovery.js'

/** Every scenario, in the order in which they run. */
export const scenarios: readonly Scenario[] = [
  distribution,
  concurrency,
  healthFailover,
  recovery,
  performanceRun,
  connectionLimit,
  autoDetection,
  gracefulShutdown
]
