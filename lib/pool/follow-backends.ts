import { isDeepStrictEqual } from 'node:util'
import type { Registry } from './registry.js'
import type { FollowedBackend } from './registry-options.js'

/** Gives a registry that follows another thread the backends of that, by their ids. */
export function followBackends(registry: Registry, followed: readonly FollowedBackend[]): void {
  const ids = new Set(followed.map(({ id }) => id))
  for (const backend of registry.backends) if (!ids.has(backend.id)) registry.remove(backend)
  for (const { id, config } of followed) {
    const backend = registry.backendWithId(id)
    if (!backend) registry.add(config, id)
    else if (!isDeepStrictEqual(backend.config, config)) registry.reconfigure(backend, config)
  }
}
