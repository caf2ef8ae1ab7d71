import { noSuchBackend } from '../../../lib/admin/refusal.js'
import type { Backend } from '../../../lib/backend.js'
import { canonicalAddress } from '../../../lib/config/backends.js'
import type { Registry } from '../../../lib/registry.js'

/**
 * The backend that a path names.
 * @throws {Refusal} if there is none
 */
export function backendOf(registry: Registry, { address }: { address: string }): Backend {
  const backend = registry.backendAt(address) ?? registry.backendAt(canonicalAddress(address))
  if (!backend) throw noSuchBackend()
  return backend
}
