import type { Failed, None } from './client/answer.js'

/** What a look-up has found. */
export interface Found<T> {
  readonly kind: 'found'
  readonly values: readonly T[]
  /** When it is to be looked up again. */
  readonly ttlS: number
  /** Why a part of it is missing, or was kept from before; undefined if it is complete. */
  readonly lack?: string
}

/** What becomes of a look-up. */
export type Outcome<T> = Found<T> | None | Failed

/**
 * What becomes of the first name of which there is anything. A name that cannot be looked up ends it: the next one may be
 * another service.
 */
export async function firstOf<T extends { readonly kind: string }>(
  names: readonly string[],
  lookUp: (name: string) => Promise<T | None>
): Promise<T | None> {
  let first: None | undefined
  for (const name of names) {
    const outcome = await lookUp(name)
    if (outcome.kind !== 'none') return outcome
    first ??= outcome as None
  }
  return first!
}
