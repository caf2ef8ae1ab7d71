import type { BackendConfig } from '../pool/spec/backend-spec.js'
import { authorityOf, type SecureOrigin } from '../transport/backend-place.js'
import { checkRequest } from './check-request.js'
import type { HealthCheckConfig } from './options.js'

const SERVICE = '/grpc.health.v1.Health'
/** Of the protocol, whatever fields a check is given. */
const OWN_FIELDS = new Set(['content-type', 'te', 'grpc-timeout'])

/** What a backend is asked by gRPC's own protocol of health. */
export interface HealthRequest {
  readonly origin: SecureOrigin
  /** The name for TLS, where it is not the backend's own. */
  readonly servername: string | undefined
  /** Whose health is asked for; empty for the whole server. */
  readonly service: string
  readonly timeoutMs: number
  /** Request line and fields of `Check`, up to and with the blank line. */
  readonly checkHead: string
  /** The same of `Watch`, which has no end. */
  readonly watchHead: string
}

/** Puts together what all checks have in common, and what the backend says for itself. */
export function healthRequestTo(
  backend: BackendConfig,
  config: HealthCheckConfig,
  service: string
): HealthRequest {
  const { origin, servername, timeoutMs } = checkRequest(backend, config)
  const host = (backend.checkHost ?? config.host) || authorityOf(origin)
  const fields = config.fields.filter(({ name }) => !OWN_FIELDS.has(name.toLowerCase()))
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
