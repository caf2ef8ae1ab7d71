import type { BackendConfig } from '../config/backends.js'
import type { HealthCheckConfig } from '../config/health-check.js'
import type { BackendCredentials } from '../tls/backend-credentials.js'
import { connectProbe, httpProbe, type Probe } from './probe.js'
import type { Thresholds } from './verdict.js'

/** How one backend is checked, and when. */
export interface CheckPlan extends Thresholds {
  readonly probe: Probe
  readonly periodMs: number
  /** While it is unhealthy. */
  readonly downPeriodMs: number
  /** It is checked only while it is unhealthy, to find out when it is back. */
  readonly recoveryOnly: boolean
}

/** Returns what plans the checks of each backend. */
export function checkPlanner(
  config: HealthCheckConfig,
  credentials: BackendCredentials
): (backend: BackendConfig) => CheckPlan {
  const probe = httpProbe(config, credentials)
  return (backend) => {
    const recoveryOnly = !config.enabled || backend.noCheck === true
    const periodMs = backend.checkPeriodMs ?? config.periodMs
    return {
      probe: recoveryOnly ? connectProbe(Math.min(config.timeoutMs, periodMs)) : probe,
      periodMs,
      downPeriodMs: config.downPeriodMs || periodMs,
      rise: recoveryOnly ? 1 : config.rise,
      fall: config.fall,
      recoveryOnly
    }
  }
}
