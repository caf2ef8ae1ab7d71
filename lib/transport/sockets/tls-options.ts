import type { KeyPairFiles } from '../../base/key-pair.js'

/** TLS to backends: client certificate and key, and CAs beside the default ones; empty for none. */
export interface BackendTlsConfig extends KeyPairFiles {
  readonly caFile: string
}
