/** How balancers share what clients expect to be the same at each of them. */
export interface FleetOptions {
  /** Of the store, without a password: `redis://host:6379/0`, or `rediss://` for TLS. */
  readonly url: string
  readonly password: string
}
