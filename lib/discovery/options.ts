/** How sources are asked. */
export interface DiscoveryOptions {
  readonly dns: DnsOptions
  readonly kubernetes: KubernetesOptions
}

/** How DNS is asked. */
export interface DnsOptions {
  /** The servers, each `host:port` or `[v6]:port`; those of the system if empty. */
  readonly servers: readonly string[]
}

/** How Kubernetes is asked. */
export interface KubernetesOptions {
  /** Path of a kubeconfig; empty for what the environment says. */
  readonly kubeconfig: string
  /** The zone that this machine is in; empty if it is not known. */
  readonly zone: string
}
