/** What a connection to the API server needs for TLS, as `node:tls` names it: certificates and keys in PEM. */
export interface ApiTls {
  /** Undefined for the authorities that Node trusts. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

/** How the API server is reached, for one request. */
export interface Access {
  /** Its origin, and a path below which its API is; without a slash at the end. */
  readonly url: string
  /** The value of `Authorization`. */
  readonly authorization?: string
  readonly tls: ApiTls
}

/** Tells how the API server is reached, before each request anew: tokens and certificates rotate. */
export interface AccessReader {
  /**
   * @param isRejected whether the API server has just rejected what was read before
   * @throws {AccessError}
   */
  read(isRejected: boolean): Promise<Access>
  /** Ends what is under way. */
  stop(): void
}

/** It is not known how to reach the API server. The message has no secrets. */
export class AccessError extends Error {
  override readonly name = 'AccessError'
}
