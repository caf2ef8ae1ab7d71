import type { BackendConfig } from '../pool/spec/backend-spec.js'

/** A backend as a source tells of it. */
export interface Member {
  readonly config: BackendConfig
  /** It takes no new requests, while those that it has end. */
  readonly isDraining?: boolean
  /** It is about to end, and still serves: it keeps its sessions, and takes other requests only if no other member can. */
  readonly isTerminating?: boolean
}

/** What an operator has said of a backend that a source tells of. It stays when the source tells anew. */
export interface Override {
  readonly weight?: number
  readonly max?: number
  readonly backup?: boolean
  readonly isDraining?: boolean
  /** A health that overrides its checks. */
  readonly health?: 'healthy' | 'unhealthy'
}

/** The configuration of a member, with what an operator has said of it. */
export function configOf({ config, isTerminating = false }: Member, override?: Override): BackendConfig {
  if (!override && !isTerminating) return config
  const { weight = config.weight, max = config.max, backup = config.backup } = override ?? {}
  return { ...config, weight, max, backup, ...(isTerminating ? { isTerminating } : {}) }
}
