import { noSuchBackend } from '../../../lib/admin/refusal.js'
import type { Backend } from '../../../lib/backend.js'
import type { Registry } from '../../../lib/registry.js'

/**
 * The backend that a path names.
 * @throws {Refusal} if there is none
 */
export function backendOf(registry: Registry, { address }: { address: string }): Backend {
  const backend = registry.backendAt(address.toLowerCase())
  if (!backend) throw noSuchBackend()
  return backend
}
