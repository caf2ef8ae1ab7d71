import type { CertificateFiles } from '../certificate'
import type { Launch } from '../children'
import type { WorkloadName } from '../setting'

/** Where a proxy runs and what it must cope with. */
export interface Place {
  port: number
  /** Each `host:port`. */
  backends: string[]
  /** Client connections that it will get at the same time. */
  connections: number
  /** With it, clients must speak TLS. */
  tls?: CertificateFiles | undefined
  /** An empty folder of its own, removed after the run. */
  folder: string
}

/** A proxy under measurement: how to find it and how to start it. */
export interface Peer {
  name: string
  /** The workload that it is made for, and is only run with; undefined for all. */
  workload?: WorkloadName
  /** The path of the program, or undefined when it is not there. */
  find(): string | undefined
  version(program: string): string
  /** How to start it in the foreground; may write its configuration into the place's folder. */
  launch(program: string, place: Place): Launch
}
