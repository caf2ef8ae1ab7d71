import type { FaultOf } from '../pool/spec/json-spec.js'
import type { Member } from './member.js'
import type { DiscoveryOptions } from './options.js'
import type { MemberTemplate } from './spec/template.js'

/** What a source tells. */
export interface SourceListener {
  /** The complete set of its members. */
  onMembers(members: readonly Member[]): void
  /** It cannot tell: its last set is kept. */
  onFailure(reason: string): void
  /**
   * It was told that there are none, by somebody who may be wrong: of its last set those that pass their checks are kept for
   * some time.
   */
  onNone(reason: string, holdMs: number): void
}

/** What a source works with. */
export interface SourceContext {
  readonly template: MemberTemplate
  readonly options: DiscoveryOptions
  /** Further validation of a backend. */
  readonly faultOf: FaultOf
  readonly listener: SourceListener
  /** For what is odd, and fails nothing. */
  warn(message: string): void
}

/** Where members of a pool come from. It tells its listener until it is stopped, and never throws. */
export interface Source {
  start(): void
  stop(): void
}
