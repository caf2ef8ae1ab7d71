import type { LatencyWindow } from '../base/latency/latency-window.js'
import type { RateWindow } from '../base/rates.js'
import type { SourceStatus } from '../discovery/source-state.js'
import type { Registry } from '../pool/registry.js'
import type { Resolver } from '../transport/resolver/resolver.js'
import type { HealthTransitions } from './metrics/health-transitions.js'
import type { RequestMetrics } from './metrics/request-metrics.js'

/** A pool of backends, as far as it is shown. */
export interface ShownPool {
  readonly name: string
  readonly registry: Registry
  /** The list of backends, for its version. */
  readonly backendList: { readonly version: string }
  readonly requests: RequestMetrics
  readonly transitions: HealthTransitions
  /** Where backends come from, beside the list. */
  readonly sources: { readonly status: readonly SourceStatus[] }
  /** Of backends that have registered themselves; undefined if none may. */
  readonly leases: { readonly status: SourceStatus } | undefined
  /** Of the names of backends. */
  readonly resolver: Pick<Resolver, 'answered' | 'failed'>
  /** Of answered requests, from their head to the end of the response. */
  readonly latency: LatencyWindow
  /** Requests per second. */
  readonly rates: RateWindow
}

/** Where the members of a pool come from, beside the list. */
export function sourcesOf({
  sources,
  leases
}: Pick<ShownPool, 'sources' | 'leases'>): readonly SourceStatus[] {
  return leases ? [...sources.status, leases.status] : sources.status
}
