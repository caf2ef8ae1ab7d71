import type { DiscoveryOptions } from '../options.js'
import type { Source, SourceContext } from '../source.js'
import type { MemberTemplate } from './template.js'

/** A source of members as it was configured. */
export interface SourceSpec {
  /** Its URL, which names it in logs and statistics. It holds no secret. */
  readonly name: string
  readonly scheme: string
  /** What its kind has read of it. */
  readonly given: unknown
  readonly template: MemberTemplate
}

/** Options of a source, by name; undefined for a name without a value. */
export type SourceOptions = ReadonlyMap<string, string | undefined>

/** A kind of source. */
export interface SourceKind<Given> {
  readonly schemes: readonly string[]
  /** The names of its own options; all others are those of its members. */
  readonly options: readonly string[]
  /**
   * Reads what it was configured with. Calls `fault` for each error.
   * @param place what stands after `scheme://`
   */
  read(
    place: string,
    options: SourceOptions,
    fault: (message: string) => void,
    scheme: string
  ): Given | undefined
  /** What is wrong with it where sources are asked so; undefined for nothing. */
  conflict?(given: Given, options: DiscoveryOptions): string | undefined
  create(given: Given, context: SourceContext): Source
}
