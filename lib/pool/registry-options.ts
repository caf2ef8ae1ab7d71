import type { SharedCells } from '../base/cells/shared-cells.js'
import type { BackendPool } from '../transport/backend-connections.js'
import type { BackendState } from './backend.js'
import type { BackendConfig } from './spec/backend-spec.js'

/** A backend of the thread that decides. */
export interface FollowedBackend {
  readonly id: number
  readonly config: BackendConfig
}

/** What has changed of the backends of the thread that decides. */
export interface BackendsChange {
  /** Those that are new there, or have another configuration. */
  readonly present: readonly FollowedBackend[]
  /** The ids of those that are not there any more. */
  readonly gone: readonly number[]
}

/** Has a registry follow that of another thread, which decides what becomes of the backends. */
export interface Following {
  /** Of its first backends, in their order; `followBackends` gives it later ones. */
  readonly ids: readonly number[]
  /** Tells it of a failed attempt, which is counted already. */
  readonly reportFailure: (id: number, code: string, detail: string, unreachable: boolean) => void
}

/** How a registry manages its backends. */
export interface RegistryOptions {
  /** Creates the connection pool of a backend. */
  readonly createPool: (config: BackendConfig) => BackendPool
  /** The state of new backends. */
  readonly initialState: Extract<BackendState, 'checking' | 'healthy'>
  /** Duration of the slow start of a backend that becomes eligible again; 0 for none. */
  readonly slowStartMs?: number
  /** Whether unhealthy backends are eligible when no healthy one is left (panic mode). */
  readonly panic?: boolean
  readonly now?: () => Date
  readonly following?: Following | undefined
  /** Where its cells are; those of one thread if absent. */
  readonly cells?: SharedCells
}
