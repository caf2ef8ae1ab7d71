import { noSuchBackend } from '../../../lib/admin/api-error.js'
import type { Backend } from '../../../lib/pool/backend.js'
import type { Registry } from '../../../lib/pool/registry.js'
import { canonicalBackendAddress } from '../../../lib/pool/spec/backend-spec.js'

/**
 * The backend whose address a path contains.
 * @throws {ApiError} if there is none
 */
export function backendOf(registry: Registry, { address }: { address: string }): Backend {
  const backend = registry.backendAt(address) ?? registry.backendAt(canonicalBackendAddress(address))
  if (!backend) throw noSuchBackend()
  return backend
}
