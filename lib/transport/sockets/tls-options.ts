import type { KeyPairFiles } from '../../base/key-pair.js'

/** Of TLS to backends, beside what is known by itself; empty for none. */
export interface BackendTlsConfig extends KeyPairFiles {
  readonly caFile: string
}
