/** How sources are asked. */
export interface DiscoveryOptions {
  readonly dns: DnsOptions
}

/** How DNS is asked. */
export interface DnsOptions {
  /** The servers, each `host:port` or `[v6]:port`; those of the system if empty. */
  readonly servers: readonly string[]
}
