import { isDeepStrictEqual } from 'node:util'
import type { Registry } from './registry.js'
import type { BackendsChange, FollowedBackend } from './registry-options.js'

/** Gives a registry that follows another thread the backends of that, by their ids. */
export function followBackends(registry: Registry, followed: readonly FollowedBackend[]): void {
  const ids = new Set(followed.map(({ id }) => id))
  const gone = registry.backends.filter(({ id }) => !ids.has(id))
  followChange(registry, { present: followed, gone: gone.map(({ id }) => id) })
}

/** Changes a registry that follows another thread as that has changed. What it knows already is left as it is. */
export function followChange(registry: Registry, { present, gone }: BackendsChange): void {
  const added: FollowedBackend[] = []
  for (const followed of present) {
    const backend = registry.backendWithId(followed.id)
    if (!backend) added.push(followed)
    else if (!isDeepStrictEqual(backend.config, followed.config))
      registry.reconfigure(backend, followed.config)
  }
  const removed = gone.flatMap((id) => registry.backendWithId(id) ?? [])
  registry.update(
    added.map(({ config }) => config),
    removed,
    added.map(({ id }) => id)
  )
}
