/** Record types of addresses. */
export type Family = 'A' | 'AAAA'

/** What is asked of DNS, and how often. */
export interface DnsGiven {
  /** As it was written, with or without a final dot. */
  readonly name: string
  /** The port of all its addresses; undefined for a service, whose records have it. */
  readonly port: number | undefined
  /** Which addresses become backends. */
  readonly families: readonly Family[]
  /** Bounds of the time between two look-ups, whatever the TTL says. */
  readonly minMs: number
  readonly maxMs: number
  /** How long members are kept that DNS has said are none. */
  readonly holdMs: number
}
