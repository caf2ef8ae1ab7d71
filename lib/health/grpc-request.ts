import type { BackendConfig } from '../pool/spec/backend-spec.js'
import { authorityOf, type SecureOrigin } from '../transport/origin.js'
import { checkRequest } from './check-request.js'
import type { HealthCheckConfig } from './options.js'

const SERVICE = '/grpc.health.v1.Health'
/** Fields that the protocol sets; a configured field cannot replace them. */
const PROTOCOL_FIELDS = new Set(['content-type', 'te', 'grpc-timeout'])

/** The requests of gRPC's health checking protocol for one backend. */
export interface HealthRequest {
  readonly origin: SecureOrigin
  /** Server name for TLS, where it is not the backend's own. */
  readonly servername: string | undefined
  /** Whose health is asked for; empty for the whole server. */
  readonly service: string
  readonly timeoutMs: number
  /** Request line and fields of `Check`, including the blank line. */
  readonly checkHead: string
  /** The same of `Watch`, which has no timeout. */
  readonly watchHead: string
}

/** Builds the requests from what all checks have in common and the backend's own options. */
export function healthRequestTo(
  backend: BackendConfig,
  config: HealthCheckConfig,
  service: string
): HealthRequest {
  const { origin, servername, timeoutMs } = checkRequest(backend, config)
  const host = (backend.checkHost ?? config.host) || authorityOf(origin)
  const fields = config.fields.filter(({ name }) => !PROTOCOL_FIELDS.has(name.toLowerCase()))
  const hasAgent = fields.some(({ name }) => name.toLowerCase() === 'user-agent')
  const lines =
    `Host: ${host}\r\nContent-Type: application/grpc\r\nTE: trailers\r\n` +
    (hasAgent ? '' : 'User-Agent: fairlead-health-check\r\n') +
    fields.map(({ name, value }) => `${name}: ${value}\r\n`).join('')
  return {
    origin,
    servername,
    service,
    timeoutMs,
    checkHead: `POST ${SERVICE}/Check HTTP/1.1\r\n${lines}grpc-timeout: ${timeoutMs}m\r\n\r\n`,
    watchHead: `POST ${SERVICE}/Watch HTTP/1.1\r\n${lines}\r\n`
  }
}
