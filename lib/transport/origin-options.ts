/** How the certificate of an `https://` backend is verified. */
export interface BackendTlsOptions {
  /** The name for SNI and for the verification of the certificate, if not the host. */
  readonly tlsName?: string
  /** The certificate is not verified. */
  readonly tlsNoVerify?: boolean
}

/** How long connections are used, and addresses of a host name are cached. */
export interface ConnectionOptions {
  /** Age at which a connection is retired; 0 for none. */
  readonly maxAgeMs: number
  /** Requests after which a connection is retired; 0 for none. */
  readonly maxRequests: number
  /** Between two look-ups of the host name; 0: none after the first answer. */
  readonly resolveMs: number
}
