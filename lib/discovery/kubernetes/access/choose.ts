import { homedir } from 'node:os'
import path from 'node:path'
import type { AccessReader } from './access.js'
import { InCluster, isInCluster } from './in-cluster.js'
import { Kubeconfig } from './kubeconfig.js'

/**
 * How the API server is reached: by the kubeconfig that is set, those of `KUBECONFIG`, the service account of the pod that
 * this is, or else `~/.kube/config`, in this order.
 * @param kubeconfig a path; empty if none is set
 */
export function chooseAccess(
  kubeconfig: string,
  env: Readonly<Record<string, string | undefined>> = process.env
): AccessReader {
  if (kubeconfig !== '') return new Kubeconfig([kubeconfig])
  const listed = (env.KUBECONFIG ?? '').split(path.delimiter).filter(Boolean)
  if (listed.length > 0) return new Kubeconfig(listed)
  return isInCluster(env) ? new InCluster(env) : new Kubeconfig([path.join(homedir(), '.kube/config')])
}
