import type { Server, ServiceDefinition } from '@grpc/grpc-js'
import type { Test } from 'tap'
import { type GrpcServer, grpcServer } from './grpc.js'

type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING'

/** What a server of gRPC says of its services. */
export interface Health {
  addToServer(server: Server): void
  setStatus(service: string, status: ServingStatus): void
}

/** Of grpc-health-check, as far as it is used here. */
interface HealthPackage {
  readonly service: ServiceDefinition
  readonly HealthImplementation: new (
    statuses: Readonly<Record<string, ServingStatus>>
  ) => Health & { readonly watchers: ReadonlyMap<string, ReadonlySet<unknown>> }
}

const { service, HealthImplementation } = require('grpc-health-check') as HealthPackage

/** Its methods. */
export const healthService = service

/** A real server of gRPC that tells its health. */
export interface HealthServer extends GrpcServer {
  readonly health: Health
  /** Calls that watch it. */
  readonly watchers: number
}

/** @param pair for TLS */
export async function healthServer(
  t: Test,
  statuses: Readonly<Record<string, ServingStatus>>,
  pair?: Parameters<typeof grpcServer>[2]
): Promise<HealthServer> {
  const health = new HealthImplementation(statuses)
  const server = await grpcServer(t, (server) => health.addToServer(server), pair)
  return {
    ...server,
    health,
    get watchers() {
      return [...health.watchers.values()].reduce((sum, { size }) => sum + size, 0)
    }
  }
}
