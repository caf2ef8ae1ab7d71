import type { Backend } from '../../lib/pool/backend.js'
import { Registry } from '../../lib/pool/registry.js'
import type { RegistryOptions } from '../../lib/pool/registry-options.js'
import { type BackendConfig, parseBackends } from '../../lib/pool/spec/backend-spec.js'
import type { BackendPool } from '../../lib/transport/backend-connections.js'

const NO_POOL = {} as BackendPool

/** Backends as `LB_BACKENDS` would give them. */
export function backendConfigs(text: string): BackendConfig[] {
  return parseBackends(text, (fault) => {
    throw new Error(fault)
  })
}

/** A registry of backends that are never connected to, healthy unless told otherwise. */
export function registryOf(
  text: string,
  options: Partial<RegistryOptions> = {},
  predecessor?: Registry
): Registry {
  const all = { createPool: () => NO_POOL, initialState: 'healthy' as const, ...options }
  return new Registry(backendConfigs(text), all, predecessor)
}

/** A registry of healthy backends with these weights. */
export function registryOfWeights(...weights: number[]): Registry {
  return registryOf(weights.map((weight, i) => `backend-${i}:80;weight=${weight}`).join(' '))
}

/** A single backend, healthy. */
export function backendAt(text: string): Backend {
  return registryOf(text).backends[0]!
}
