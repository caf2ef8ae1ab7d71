import type { MessagePort } from 'node:worker_threads'
import type { DirectoryChange } from '../base/cells/directory.js'
import type { Threads } from '../base/cells/rows.js'
import type { TotalsPlace } from '../base/cells/totals.js'
import type { ShortageReport } from '../base/shortage/shortages.js'
import type { GivenConfig } from '../config/load.js'
import type { BackendsChange, FollowedBackend } from '../pool/registry-options.js'

/** A pool of the owner: the thread that decides. */
export interface FollowedPool {
  readonly name: string
  /** The name of its cells, which is its own even where another pool of its name still ends its requests. */
  readonly cells: string
  readonly backends: readonly FollowedBackend[]
}

/** What the owner serves by. */
export interface FollowedState {
  readonly given: GivenConfig
  readonly pools: readonly FollowedPool[]
  /** Where the requests of each route are counted, by its name. */
  readonly routes: ReadonlyMap<string, Pick<TotalsPlace, 'cells' | 'first'>>
}

/** What a follower starts with. */
export interface FollowerData extends FollowedState {
  /** What the owner started with, of which a reload changes only a part. */
  readonly started: GivenConfig
  readonly threads: Threads
  readonly cells: ReadonlyMap<string, Int32Array>
  /** Descriptor of the listening socket, which is its own. */
  readonly fd: number
  /** A cell that is 1 from when it is about to listen on that, if the owner has not said that it never is to. */
  readonly hasListened: Int32Array
  readonly logLevel: string
  /** Over it the owner answers what is asked of `/__lb/`. */
  readonly adminPort: MessagePort
}

/** What the owner tells a follower. */
export type OwnerMessage =
  | { readonly kind: 'cells'; readonly change: DirectoryChange }
  /** @see FollowedPool.cells */
  | { readonly kind: 'backends'; readonly pool: string; readonly change: BackendsChange }
  | { readonly kind: 'state'; readonly state: FollowedState }
  | { readonly kind: 'close'; readonly isHandover: boolean }

/** What a follower has seen of a backend. */
export type BackendReport =
  | {
      readonly kind: 'failure'
      readonly code: string
      readonly detail: string
      readonly unreachable: boolean
    }
  | { readonly kind: 'eject'; readonly reason: string; readonly isIndefinite: boolean }
  | { readonly kind: 'end-ejection'; readonly reason: string }

/** What a follower has seen, for the owner to draw its conclusions. */
export type FollowerReport =
  /** @see FollowedPool.cells */
  | { readonly kind: 'backend'; readonly pool: string; readonly id: number; readonly report: BackendReport }
  | { readonly kind: 'shortage'; readonly report: ShortageReport }

/** The last message of a follower: whether its drain has cut requests off. */
export interface ClosedMessage {
  readonly kind: 'closed'
  readonly hasCut: boolean
}

/** What a follower tells the owner. */
export type FollowerMessage =
  | FollowerReport
  | { readonly kind: 'listening' }
  | { readonly kind: 'log'; readonly line: string }
  | ClosedMessage
