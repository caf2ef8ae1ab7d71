import type { PairFiles } from '../../base/key-pair.js'

/** Of TLS to backends, beside what is known by itself; empty for none. */
export interface BackendTlsConfig extends PairFiles {
  readonly caFile: string
}
