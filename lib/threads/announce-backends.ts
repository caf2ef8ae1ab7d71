import type { Backend } from '../pool/backend.js'
import type { Registry } from '../pool/registry.js'
import type { FollowedBackend } from '../pool/registry-options.js'
import type { OwnerMessage } from './messages.js'

const followedBackend = ({ id, config }: Backend): FollowedBackend => ({ id, config })

/** The backends of a pool, for followers. */
export const backendsOf = ({ backends }: Registry): FollowedBackend[] => backends.map(followedBackend)

/**
 * Tells followers what has changed of the backends of a pool, and once for changes that are made at once.
 * @param pool the name of its cells
 */
export function announceBackends(
  registry: Registry,
  pool: string,
  tell: (message: OwnerMessage) => void
): void {
  const changed = new Set<Backend>()
  const announce = () => {
    const all = [...changed]
    changed.clear()
    const present = all.filter(({ isRemoved }) => !isRemoved).map(followedBackend)
    const gone = all.filter(({ isRemoved }) => isRemoved).map(({ id }) => id)
    tell({ kind: 'backends', pool, change: { present, gone } })
  }
  const onChange = (backend: Backend) => {
    if (changed.size === 0) setImmediate(announce)
    changed.add(backend)
  }
  registry.on('added', onChange).on('removed', onChange).on('reconfigured', onChange)
}
