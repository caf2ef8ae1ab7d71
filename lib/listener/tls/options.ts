import type { KeyPairFiles } from '../../base/key-pair.js'

export const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** Of TLS to clients. */
export interface TlsConfig {
  /** At least one: the first is for all names that no other has. */
  readonly pairs: readonly KeyPairFiles[]
  readonly minVersion: (typeof VERSIONS)[number]
  /** Empty if clients need no certificate. */
  readonly clientCaFile: string
  /** 0 for none. */
  readonly redirectPort: number
  /** 0 for that which is listened on. */
  readonly publicPort: number
}
