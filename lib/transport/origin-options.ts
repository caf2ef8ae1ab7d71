/** What is asked of the certificate of an `https://` backend. */
export interface BackendTlsOptions {
  /** The name that it is asked for (SNI) and has to be valid for, where that is not the host. */
  readonly tlsName?: string
  /** It is not looked at. */
  readonly tlsNoVerify?: boolean
}

/** How long its connections are used, and its addresses believed. */
export interface ConnectionOptions {
  /** Of a connection, which is then retired; 0 for no bound. */
  readonly maxAgeMs: number
  /** That a connection carries at the most; 0 for no bound. */
  readonly maxRequests: number
  /** Between two look-ups of its name; 0 for never again after an answer. */
  readonly resolveMs: number
}
