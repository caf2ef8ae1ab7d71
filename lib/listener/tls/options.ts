import type { KeyPairFiles } from '../../base/key-pair.js'

/** Values of the minimal version. */
export const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** TLS to clients. */
export interface TlsConfig {
  /** At least one. The first is the default, for names that no other has. */
  readonly pairs: readonly KeyPairFiles[]
  readonly minVersion: (typeof VERSIONS)[number]
  /** Empty if clients need no certificate. */
  readonly clientCaFile: string
  /** Port that redirects plain HTTP to HTTPS; 0 for none. */
  readonly redirectPort: number
  /** Port that clients use for HTTPS; 0 for the listening one. */
  readonly publicPort: number
}
