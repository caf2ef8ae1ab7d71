import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { type Config, OF_POOL, type PoolConfig } from '../lib/config/config.js'
import type { MemberChange } from '../lib/discovery/members.js'
import type { Registry } from '../lib/pool/registry.js'

/** A pool of a server, and what it was made of. */
export interface Running {
  readonly given: PoolConfig
  readonly instance: FastifyInstance
}

/** Resolves when a pool has an eligible backend, or when the signal is aborted. */
export async function untilEligible(registry: Registry, signal: AbortSignal): Promise<void> {
  if (registry.eligibleCount > 0) return
  await new Promise<void>((resolve) => {
    const end = () => {
      registry.off('state', onState)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const onState = () => registry.eligibleCount > 0 && end()
    registry.on('state', onState)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

/** Starts the pools with other settings, and gives those with other backends theirs. Returns the names of both. */
export function configureChanged(
  before: ReadonlyMap<string, Running>,
  next: ReadonlyMap<string, Running>
): string[] {
  const changed: string[] = []
  for (const [name, { instance, given }] of next) {
    const old = before.get(name)
    if (!old) continue
    const hasSameBackends = hasSameMembers(old.given.config, given.config)
    if (old.instance !== instance) void instance.ready()
    // Where another thread decides, it tells which there are.
    if (!hasSameBackends && !instance.followed) configureMembers(instance, given.config)
    if (old.instance !== instance || !hasSameBackends) changed.push(name)
  }
  return changed
}

/** Whether two configurations of a pool have the same backends, and the same sources of more. */
export function hasSameMembers(a: Config, b: Config): boolean {
  return isDeepStrictEqual([a.backends, a.sources], [b.backends, b.sources])
}

/** Gives a pool the backends and the sources of another configuration. */
export function configureMembers(pool: FastifyInstance, config: Config): MemberChange {
  const change = pool.backendList.configure(config)
  pool.sources.configure(config.sources)
  return change
}

export function hasSameSettings(a: Config, b: Config): boolean {
  return OF_POOL.every((key) => isDeepStrictEqual(a[key], b[key]))
}

/**
 * The settings of a pool, with the backends that it has: operators may have changed them, and those that the file replaces
 * serve until the new ones can.
 */
export function continued(given: PoolConfig, old: Running): PoolConfig {
  const backends = old.instance.registry.backends.map(({ config }) => config)
  return { name: given.name, config: { ...given.config, backends } }
}
