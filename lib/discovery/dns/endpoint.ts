import type { Outcome } from './outcome.js'

/** Where a backend is, by DNS. */
export interface Endpoint {
  /** As the record has it. */
  readonly address: string
  readonly port: number
  /** The name that its certificate has to be valid for. */
  readonly tlsName: string
  /** From 1 to 256. */
  readonly weight?: number
  readonly isBackup?: boolean
}

/** What is looked up again and again. */
export interface Lookup {
  /** Never rejects. */
  lookUp(signal: AbortSignal): Promise<Outcome<Endpoint>>
}
