import type { Backend } from '../pool/backend.js'
import { specOf } from '../pool/spec/json-spec.js'
import { backendStatistics } from './statistics.js'

/** A backend as the API shows it. */
export type BackendView = ReturnType<typeof backendView>

/** A backend as the API and the page show it: statistics, options, and the operator's orders. */
export function backendView(backend: Backend, pool: string) {
  const { address: _address, ...options } = specOf(backend.config)
  const orders = { draining: backend.draining, health: backend.forcedHealth ?? 'auto' } as const
  return { ...backendStatistics(backend, pool), options, orders }
}
