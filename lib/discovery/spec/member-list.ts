import { parsed } from '../../base/values/values.js'
import {
  BACKENDS_IN_FILE,
  type BackendConfig,
  entriesOf,
  readBackends
} from '../../pool/spec/backend-spec.js'
import { isSource, parseSource } from './kinds.js'
import type { SourceSpec } from './source-spec.js'

/** What `LB_BACKENDS` says: backends, and sources that tell of more. */
export interface MemberList {
  readonly backends: readonly BackendConfig[]
  readonly sources: readonly SourceSpec[]
}

/**
 * Reads `LB_BACKENDS`: entries separated by commas or white space, each a backend or a source of some, such as
 * `dns://app.internal:3000`, followed by `;name=value` options. Calls `fault` for each error.
 */
export function parseMemberList(text: string, fault: (message: string) => void): MemberList {
  const entries = entriesOf(text)
  const sources: SourceSpec[] = []
  for (const entry of entries.filter(isSource)) {
    const spec = parseSource(entry, (message) => fault(`"${entry.replace(/\/\/.*@/, '//***@')}": ${message}`))
    if (!spec) continue
    if (sources.some(({ name }) => name === spec.name))
      fault(`"${entry}": duplicate, ${spec.name} is listed twice`)
    sources.push(spec)
  }
  const backends = readBackends(
    entries.filter((entry) => !isSource(entry)),
    fault
  )
  return { backends, sources }
}

/** The schema of `LB_BACKENDS`. */
export function memberList() {
  return parsed<MemberList>(parseMemberList, BACKENDS_IN_FILE)
}
