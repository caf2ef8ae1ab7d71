import { isIPv6 } from 'node:net'
import path from 'node:path'
import type { Access, AccessReader } from './access.js'
import { readText } from './read-file.js'

/** Where Kubernetes puts the service account of a pod. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

type Env = Readonly<Record<string, string | undefined>>

/** Whether this process runs in a pod. */
export const isInCluster = ({ KUBERNETES_SERVICE_HOST }: Env): boolean =>
  KUBERNETES_SERVICE_HOST !== undefined && KUBERNETES_SERVICE_HOST !== ''

/** The API server of the cluster that this process runs in, by the service account of its pod. */
export class InCluster implements AccessReader {
  readonly #url: string
  readonly #folder: string

  /** @param folder with `token` and `ca.crt` */
  constructor({ KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port }: Env, folder = ACCOUNT) {
    this.#url = `https://${isIPv6(host) ? `[${host}]` : host}:${port || '443'}`
    this.#folder = folder
  }

  async read(): Promise<Access> {
    // The kubelet replaces the token when most of its time is over.
    const [token, ca] = await Promise.all([this.#file('token'), this.#file('ca.crt')])
    return { url: this.#url, authorization: `Bearer ${token.trim()}`, tls: { ca } }
  }

  stop(): void {}

  #file(name: string): Promise<string> {
    return readText(path.join(this.#folder, name))
  }
}
