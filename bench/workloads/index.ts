import type { WorkloadName } from '../setting'
import { closedWorkloads } from './closed'
import { http2Workloads } from './http2'
import { ownClientWorkloads } from './own-client'
import type { Workload } from './workload'

/** Every workload that is measured in rounds. */
export const workloads: Workload[] = [...closedWorkloads, ...ownClientWorkloads, ...http2Workloads]

/** The one of that name. */
export function workloadNamed(name: WorkloadName): Workload {
  return workloads.find((workload) => workload.name === name)!
}
