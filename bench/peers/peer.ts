import type { CertificateFiles } from '../certificate'
import type { Launch } from '../children'
import type { WorkloadName } from '../setting'

/** Where a proxy runs and what it must cope with. */
export interface Place {
  port: number
  /** Each `host:port`. */
  backends: string[]
  /** Client connections that it will get at the same time; over HTTP/2, requests. */
  connections: number
  /** With it, clients must speak TLS. */
  tls?: CertificateFiles | undefined
  /** Whether clients speak HTTP/2: with prior knowledge, or agreed on in the handshake of TLS. */
  http2?: boolean
  /** An empty folder of its own, removed after the run. */
  folder: string
}

/** A proxy under measurement: how to find it and how to start it. */
export interface Peer {
  name: string
  /** The workload that it is made for, and is only run with; undefined for all. */
  workload?: WorkloadName
  /** Whether it can speak HTTP/2 to clients. */
  http2?: true
  /** The path of the program, or undefined when it is not there. */
  find(): string | undefined
  version(program: string): string
  /** How to start it in the foreground; may write its configuration into the place's folder. */
  launch(program: string, place: Place): Launch
}
