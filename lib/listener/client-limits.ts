/** Limits of what a client may send, and how slowly. 0 sets no limit. */
export interface ClientLimits {
  readonly headTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Between two reads of a body. */
  readonly bodyTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly requestsPerSocket: number
  readonly socketsPerClient: number
  readonly headers: number
  readonly targetBytes: number
  readonly bodyBytes: number
}
