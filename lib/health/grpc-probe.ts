import type { BackendConfig } from '../pool/spec/backend-spec.js'
import { type HealthAnswer, HealthCall, healthCallRequest } from './grpc-call.js'
import { type HealthRequest, healthRequestTo } from './grpc-request.js'
import { HealthWatch } from './grpc-watch.js'
import type { HealthCheckConfig } from './options.js'
import { type Probe, type Sockets, timed } from './probe.js'
import { sendTimed, type TimedOptions } from './timed-request.js'

const BUFFER_BYTES = 4096

/** Checks of one backend by gRPC's health checking protocol, and the watch that reports changes between them. */
export interface GrpcChecks {
  readonly probe: Probe
  readonly watch: HealthWatch
}

/**
 * The checks of one backend by `grpc.health.v1.Health`.
 * @param service whose health is asked for; empty for the whole server
 * @param periodMs between two checks
 */
export function grpcChecks(
  backend: BackendConfig,
  config: HealthCheckConfig,
  service: string,
  periodMs: number,
  sockets: Sockets
): GrpcChecks {
  const request = healthRequestTo(backend, config, service)
  const { maxHeadBytes } = config
  const options = { bufferSizeBytes: BUFFER_BYTES, maxHeadBytes, ...sockets }
  const watch = new HealthWatch(request, options, periodMs)
  const ask = async () => {
    // The API accepts such a backend at run time.
    if (!request.origin.h2) return { ok: false, result: 'gRPC needs ;h2' }
    const answer = await askHealth(request, options)
    if (answer.hasHealthStatus) watch.ensureOpen(performance.now())
    return { ok: answer.ok, result: answer.result }
  }
  return { probe: () => timed(request.timeoutMs, ask), watch }
}

/** Calls `grpc.health.v1.Health/Check` over a connection of its own. Rejects if the call fails. */
function askHealth(request: HealthRequest, options: TimedOptions): Promise<HealthAnswer> {
  const { service, checkHead } = request
  return new Promise((resolve, reject) => {
    let said: HealthAnswer | undefined
    const call = new HealthCall({
      onStatus: (answer) => {
        said = answer
      },
      onEnd: (end) => {
        sent.stopTimer()
        // An error status overrides the message before it.
        resolve(end.isOk && said ? said : end)
      },
      onError: reject
    })
    const sent = sendTimed(request, options, healthCallRequest(checkHead, service), call)
  })
}
