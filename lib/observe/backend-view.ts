import type { Backend } from '../pool/backend.js'
import { specOf } from '../pool/spec/json-spec.js'
import { backendStatistics } from './statistics.js'

export type BackendView = ReturnType<typeof backendView>

/** What is known of a backend, what was said of it, and what it is ordered to do. */
export function backendView(backend: Backend) {
  const { address: _address, ...options } = specOf(backend.config)
  const orders = { draining: backend.draining, health: backend.forcedHealth ?? 'auto' } as const
  return { ...backendStatistics(backend), options, orders }
}
