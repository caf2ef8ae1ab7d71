import type { AdminClient, BackendName } from '../lib/admin/client.js'
import { canonicalBackendAddress } from '../lib/pool/spec/backend-spec.js'

/** `pool/backend`, as HAProxy writes it. The name of a pool has no colon, so that an origin or a path is none. */
const IN_POOL = /^(\w[\w.-]*)\/(.+)$/

/** What a command names, taken apart. */
export interface Given {
  /** Undefined if none is named. */
  readonly pool: string | undefined
  /** An address, or what `add` takes. */
  readonly backend: string
}

/**
 * Reads `web/10.0.0.1:80`, or an address alone.
 * @param pool what `--pool` says
 * @throws if the two name different pools
 */
export function readGiven(text: string, pool: string | undefined): Given {
  const [, named = pool, backend = text] = IN_POOL.exec(text) ?? []
  if (pool !== undefined && named !== pool) throw new Error(`${text} is not in the pool ${pool}`)
  return { pool: named, backend }
}

/**
 * The pool that is meant where none is named: the only one.
 * @throws if there are several
 */
export async function onlyPool(client: AdminClient): Promise<string> {
  const pools = await client.pools()
  const [only, ...others] = pools
  if (only !== undefined && others.length === 0) return only
  throw new Error(`there are several pools: say which one with --pool: ${pools.join(', ')}`)
}

/**
 * The backend that is meant. Its pool need not be named where only one has its address.
 * @throws if none has it, or several
 */
export async function findBackend(client: AdminClient, { pool, backend }: Given): Promise<BackendName> {
  if (pool !== undefined) return { pool, address: backend }
  const pools = await client.pools()
  // The balancer knows best what is wrong with an address.
  if (pools.length === 1) return { pool: pools[0]!, address: backend }
  const canonical = canonicalBackendAddress(backend)
  const found = (await client.backends(pools)).filter(
    ({ address }) => address === backend || address === canonical
  )
  const [only, ...others] = found
  if (!only) throw new Error(`there is no backend with this address in ${pools.join(', ')}`)
  if (others.length === 0) return only
  const names = found.map((one) => `${one.pool}/${one.address}`)
  throw new Error(`there are several backends with this address: say ${names.join(' or ')}`)
}
