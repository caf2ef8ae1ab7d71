import { grpcService } from '../base/values/check-values.js'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import type { HealthWatch } from './grpc-watch.js'
import type { HealthCheckConfig } from './options.js'
import { connectProbe, httpProbe, type Probe, type Sockets } from './probe.js'
import type { Thresholds } from './thresholds.js'

/** How one backend is checked, and when. */
export interface CheckPlan extends Thresholds {
  readonly probe: Probe
  /** Reports changes between two checks; undefined where the backend cannot do that. */
  readonly watch?: Pick<HealthWatch, 'owner' | 'reconnect' | 'stop'>
  readonly periodMs: number
  /** Period while the backend is unhealthy. */
  readonly downPeriodMs: number
  /** Whether it is checked only while it is unhealthy, to find out when it is back. */
  readonly recoveryOnly: boolean
}

/** Returns a function that plans the checks of a backend by the configuration and the backend's own options. */
export function checkPlanner(
  config: HealthCheckConfig,
  sockets: Sockets
): (backend: BackendConfig) => CheckPlan {
  const probe = httpProbe(config, sockets)
  return (backend) => {
    const recoveryOnly = !config.enabled || backend.noCheck === true
    const periodMs = backend.checkPeriodMs ?? config.periodMs
    const service = recoveryOnly ? undefined : grpcService(backend.checkPath ?? config.path)
    const checks = () => {
      if (service === undefined) return { probe }
      // Loaded with the first backend that is checked so.
      const { grpcChecks } = require('./grpc-probe.js') as typeof import('./grpc-probe.js')
      return grpcChecks(backend, config, service, periodMs, sockets)
    }
    return {
      ...(recoveryOnly ? { probe: connectProbe(Math.min(config.timeoutMs, periodMs), sockets) } : checks()),
      periodMs,
      downPeriodMs: config.downPeriodMs || periodMs,
      rise: recoveryOnly ? 1 : config.rise,
      fall: config.fall,
      recoveryOnly
    }
  }
}
