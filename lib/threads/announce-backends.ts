import type { Registry } from '../pool/registry.js'
import type { FollowedBackend } from '../pool/registry-options.js'
import type { OwnerMessage } from './messages.js'

/** The backends of a pool, for followers. */
export const backendsOf = ({ backends }: Registry): FollowedBackend[] =>
  backends.map(({ id, config }) => ({ id, config }))

/**
 * Tells followers of the backends of a pool after each change, and once for changes that are made at once.
 * @param pool the name of its cells
 */
export function announceBackends(
  registry: Registry,
  pool: string,
  tell: (message: OwnerMessage) => void
): void {
  let isDue = false
  const announce = () => {
    isDue = false
    tell({ kind: 'backends', pool, backends: backendsOf(registry) })
  }
  const onChange = () => {
    if (!isDue) setImmediate(announce)
    isDue = true
  }
  registry.on('added', onChange).on('removed', onChange).on('reconfigured', onChange)
}
