/** Which of the two addresses of an endpoint is used where a service has both. */
export type IpFamily = 'ipv4' | 'ipv6'

/** A service, as its source names it. */
export interface KubernetesGiven {
  readonly namespace: string
  readonly service: string
  /** The name of a port, or its number at the endpoints; undefined for the only one. */
  readonly port: string | number | undefined
  /** Undefined for IPv4 if it has such addresses, else IPv6. */
  readonly family: IpFamily | undefined
  /** Undefined for no preference, empty for that of the options. */
  readonly zone: string | undefined
}
