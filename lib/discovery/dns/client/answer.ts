import { canonical, type Question, type Reply, type ResourceRecord } from './message.js'

/** What DNS says to a question. */
export type Answer =
  | {
      readonly kind: 'found'
      readonly records: readonly ResourceRecord[]
      /** The least of the records and of the aliases that led to them. */
      readonly ttlS: number
      readonly additionals: readonly ResourceRecord[]
    }
  | None
  | Failed

/** There are no such records. */
export interface None {
  readonly kind: 'none'
  readonly reason: string
  /** Whether the name does not exist, with records of any type. */
  readonly isAbsent: boolean
}

/** There is no answer. */
export interface Failed {
  readonly kind: 'failed'
  readonly reason: string
}

/** Records of a type that a name has in a message, by way of aliases. */
interface Chased {
  readonly records: readonly ResourceRecord[]
  readonly ttlS: number
  readonly isAlias: boolean
}

/** The answer in a reply with the code `NOERROR` or `NXDOMAIN`. */
export function answerIn({ code, answers, additionals }: Reply, { name, type }: Question): Answer {
  if (code === 'NXDOMAIN') return { kind: 'none', reason: `${name} does not exist`, isAbsent: true }
  const { records, ttlS, isAlias } = recordsOf(answers, name, [type])
  if (records.length > 0) return { kind: 'found', records, ttlS, additionals }
  const reason = isAlias
    ? `${name} is an alias of a name without ${type} records`
    : `${name} has no ${type} records`
  return { kind: 'none', reason, isAbsent: false }
}

/** The records that a name has in a message, and the least TTL on the way to them. */
export function recordsOf(
  all: readonly ResourceRecord[],
  name: string,
  types: readonly ResourceRecord['type'][]
): Chased {
  let owner = canonical(name)
  let ttlS = Number.POSITIVE_INFINITY
  const seen = new Set<string>()
  for (;;) {
    seen.add(owner)
    const alias = all.find((record) => record.type === 'CNAME' && record.name === owner)
    if (!alias || seen.has(alias.data as string)) break
    ttlS = Math.min(ttlS, alias.ttlS)
    owner = alias.data as string
  }
  const records = all.filter((record) => types.includes(record.type) && record.name === owner)
  for (const record of records) ttlS = Math.min(ttlS, record.ttlS)
  return { records, ttlS, isAlias: seen.size > 1 }
}
