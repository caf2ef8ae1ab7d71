import type { FastifyRequest } from 'fastify'
import { noSuchBackend } from '../../../lib/admin/api-error.js'
import type { PoolSet, RunningPool } from '../../../lib/admin/pool-set.js'
import type { Backend } from '../../../lib/pool/backend.js'
import { canonicalBackendAddress } from '../../../lib/pool/spec/backend-spec.js'

/** What a path of the API may name. */
export interface Named {
  Params: { pool?: string; address: string }
}

/**
 * The pool that the path of a request names, or the only one if it names none.
 * @throws {ApiError} `LB_NO_SUCH_POOL`, or `LB_POOL_NEEDED` if there are several
 */
export function poolOf(poolSet: PoolSet, request: FastifyRequest): RunningPool {
  const { pool } = request.params as Partial<Named['Params']>
  if (pool !== undefined) return poolSet.named(pool)
  return poolSet.only((name) => request.url.split('?', 1)[0]!.replace('/api/', `/api/pools/${name}/`))
}

/**
 * The backend of a pool whose address a path contains.
 * @throws {ApiError} if there is none
 */
export function backendOf({ registry }: RunningPool, { address }: { address: string }): Backend {
  const backend = registry.backendAt(address) ?? registry.backendAt(canonicalBackendAddress(address))
  if (!backend) throw noSuchBackend()
  return backend
}
