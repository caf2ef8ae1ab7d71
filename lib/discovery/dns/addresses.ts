import { isIP } from 'node:net'
import type { Answer, None } from './client/answer.js'
import type { DnsClient } from './client/client.js'
import type { Family } from './options.js'
import type { Outcome } from './outcome.js'

/** Addresses that nothing can be connected to, by which some servers say that a name is blocked. */
const UNSPECIFIED = new Set(['0.0.0.0', '::'])

/** Whether an address of a record can be one of a backend. */
export const isUsable = (address: string): boolean => isIP(address) !== 0 && !UNSPECIFIED.has(address)

/**
 * Looks up the addresses of names, IPv4 and IPv6 at once. The last ones of a family are kept while that cannot be had, and the
 * failure of one says nothing of the other.
 */
export class Addresses {
  readonly #client: DnsClient
  readonly #families: readonly Family[]
  /** By family and name, the last answer. */
  #known: ReadonlyMap<string, readonly string[]> = new Map()
  #next = new Map<string, readonly string[]>()

  constructor(client: DnsClient, families: readonly Family[]) {
    this.#client = client
    this.#families = families
  }

  /** Which are looked up. */
  get families(): readonly Family[] {
    return this.#client.isIPv4Only ? this.#families.filter((family) => family === 'A') : this.#families
  }

  /** To be called after each round of look-ups: what was not looked up since the last one is forgotten. */
  endRound(): void {
    this.#known = this.#next
    this.#next = new Map()
  }

  /** @param name complete */
  async lookUp(name: string, signal: AbortSignal): Promise<Outcome<string>> {
    const { families } = this
    const answers = await Promise.all(families.map((type) => this.#client.ask({ name, type }, signal)))
    return this.#combined(families.map((family, i) => [`${family} ${name}`, answers[i]!]))
  }

  #combined(answers: readonly (readonly [key: string, answer: Answer])[]): Outcome<string> {
    const values: string[] = []
    let ttlS = Number.POSITIVE_INFINITY
    let none: None | undefined
    let failed: string | undefined
    let kept = 0
    for (const [key, answer] of answers) {
      const known = this.#known.get(key) ?? []
      let own: readonly string[] = []
      if (answer.kind === 'found') {
        own = answer.records.map(({ data }) => data as string).filter(isUsable)
        ttlS = Math.min(ttlS, answer.ttlS)
      } else if (answer.kind === 'none') {
        if (!none || (answer.isAbsent && !none.isAbsent)) none = answer
      } else {
        failed ??= answer.reason
        own = known
        kept += known.length
      }
      this.#next.set(key, own)
      values.push(...own)
    }
    if (ttlS < Number.POSITIVE_INFINITY && values.length > 0) {
      const found = { kind: 'found', values: [...new Set(values)].sort(), ttlS } as const
      // Some servers refuse one family for good.
      return failed !== undefined && kept > 0 ? { ...found, lack: failed } : found
    }
    // Who says that a name does not exist speaks of both.
    if (none && (none.isAbsent || kept === 0)) return none
    if (failed !== undefined) return { kind: 'failed', reason: failed }
    return { kind: 'none', reason: 'it has no address that can be connected to', isAbsent: false }
  }
}
