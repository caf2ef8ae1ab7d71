import type { BlockList } from 'node:net'
import * as v from 'valibot'
import type { BalancingOptions } from '../balancing/options.js'
import type { HealthCheckConfig } from '../health/options.js'
import type { AccessConfig } from '../listener/access/options.js'
import type { ClientLimits } from '../listener/client-limits.js'
import type { LaneMode } from '../listener/http1/lane/options.js'
import type { TlsConfig } from '../listener/tls/options.js'
import type { AccessLogConfig } from '../observe/access-log/options.js'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import type { BackendTlsConfig } from '../transport/sockets/tls-options.js'
import { conflicts } from './conflicts.js'
import { readConfigFile } from './file.js'
import { schema } from './schema.js'
import { accessOf } from './settings/access.js'
import { accessLogOf } from './settings/access-log.js'
import { type AdminConfig, adminOf } from './settings/admin.js'
import { balancingOf } from './settings/balancing.js'
import { healthCheckOf } from './settings/health-check.js'
import { type Http2Config, http2Of } from './settings/http2.js'
import { type ResilienceConfig, resilienceOf } from './settings/resilience.js'
import { backendTlsOf, tlsOf } from './settings/tls.js'
import { type TracingConfig, tracingOf } from './settings/tracing.js'

/** The whole configuration, validated. */
export interface Config {
  /** Path of the file of `LB_CONFIG`; empty for none. */
  readonly file: string
  readonly port: number
  readonly backends: readonly BackendConfig[]
  /** Requests in flight at once. */
  readonly maxConnections: number
  /** Client connections open at once. */
  readonly maxSockets: number
  /** TLS with clients; undefined for plain HTTP. */
  readonly tls: TlsConfig | undefined
  /** HTTP/2 with clients; undefined where they are served over HTTP/1.1 only. */
  readonly http2: Http2Config | undefined
  readonly backendTls: BackendTlsConfig
  readonly healthCheck: HealthCheckConfig
  readonly balancing: BalancingOptions
  readonly resilience: ResilienceConfig
  readonly connectTimeoutMs: number
  /** From the end of the request to the response head; 0 for none. */
  readonly responseTimeoutMs: number
  readonly bufferSizeBytes: number
  /** Of request heads. */
  readonly maxHeadBytes: number
  readonly maxResponseHeadBytes: number
  /** Methods that are forwarded over HTTP/2 beside the registered ones. */
  readonly methods: ReadonlySet<string>
  readonly lane: LaneMode
  readonly limits: ClientLimits
  readonly access: AccessConfig
  /** Longest silence of an upgraded connection. */
  readonly tunnelTimeoutMs: number
  readonly trustedProxies: BlockList
  readonly proxyProtocol: boolean
  /** `max-age` of `Strict-Transport-Security`; 0 for no such field. */
  readonly hstsSeconds: number
  readonly forwarded: boolean
  /** Time between two reports in the log; 0 for none. */
  readonly statsIntervalMs: number
  /** Undefined if there is none. */
  readonly accessLog: AccessLogConfig | undefined
  readonly tracing: TracingConfig
  readonly admin: AdminConfig
  readonly drainTimeoutMs: number
}

/** Everything that is wrong with a configuration, one fault a line. It has no stack: the fault is not in the code. */
export class ConfigError extends Error {
  readonly code = 'LB_BAD_CONFIG'
  constructor(
    readonly faults: readonly string[],
    what = 'The configuration is wrong'
  ) {
    super(`${what}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
    this.stack = this.message
  }
}

const VARIABLE = /^LB_/
/** What Kubernetes sets in every pod of a namespace with a service named `lb`. */
const SERVICE_LINK = /^LB_(SERVICE_(HOST|PORT)|PORT)(_|$)/
const SOCKETS_PER_CONNECTION = 4
const MIN_SOCKETS = 1024

/**
 * The variables that the environment or the file of `LB_CONFIG` sets, not yet validated. Calls `fault` for everything
 * that is wrong with the file.
 */
export function readVariables(
  env: Readonly<Record<string, string | undefined>>,
  fault: (message: string) => void
): Record<string, string | undefined> {
  const own = Object.entries(env).filter(
    ([name, value]) =>
      value !== undefined && ((VARIABLE.test(name) && !SERVICE_LINK.test(name)) || name === 'PORT')
  )
  return { ...readConfigFile(env, fault), ...Object.fromEntries(own) }
}

/**
 * Reads the configuration from environment variables, and from the file of `LB_CONFIG` what they do not set.
 * @throws {ConfigError} naming every variable that is wrong or unknown.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const faults: string[] = []
  const variables = readVariables(env, (fault) => faults.push(fault))
  const result = v.safeParse(schema, variables)
  for (const { path, message } of result.issues ?? []) faults.push(`${String(path?.[0].key)} ${message}`)
  for (const name of Object.keys(variables))
    if (!(name in schema.entries)) faults.push(`${name} is not a known variable${suggestion(name)}`)
  const fastifyPort = env.FASTIFY_PORT
  if (fastifyPort !== undefined && fastifyPort !== env.PORT) {
    const port = v.safeParse(schema.entries.PORT, fastifyPort)
    for (const { message } of port.issues ?? []) faults.push(`FASTIFY_PORT ${message}`)
  }
  if (result.success) faults.push(...conflicts(result.output))
  const tracing = tracingOf(result.success && result.output.LB_TRACEPARENT, env, (fault) =>
    faults.push(fault)
  )
  if (!result.success || faults.length > 0) throw new ConfigError(faults)

  const values = result.output
  return {
    file: values.LB_CONFIG,
    port: values.PORT,
    backends: values.LB_BACKENDS,
    maxConnections: values.LB_MAX_CONNECTIONS,
    maxSockets:
      values.LB_MAX_SOCKETS || Math.max(values.LB_MAX_CONNECTIONS * SOCKETS_PER_CONNECTION, MIN_SOCKETS),
    tls: tlsOf(values),
    http2: http2Of(values, values.LB_TLS_CERT.length > 0),
    backendTls: backendTlsOf(values),
    healthCheck: healthCheckOf(values, values.LB_MAX_RESPONSE_HEADER_SIZE),
    balancing: balancingOf(values),
    resilience: resilienceOf(values),
    connectTimeoutMs: values.LB_CONNECTION_TIMEOUT,
    responseTimeoutMs: values.LB_RESPONSE_TIMEOUT,
    bufferSizeBytes: values.LB_BUFFER_SIZE,
    maxHeadBytes: values.LB_MAX_HEADER_SIZE,
    maxResponseHeadBytes: values.LB_MAX_RESPONSE_HEADER_SIZE,
    methods: values.LB_METHODS,
    lane: values.LB_LANE,
    limits: {
      headTimeoutMs: values.LB_REQUEST_HEAD_TIMEOUT,
      requestTimeoutMs: values.LB_REQUEST_TIMEOUT,
      bodyTimeoutMs: values.LB_REQUEST_BODY_TIMEOUT,
      keepAliveTimeoutMs: values.LB_KEEP_ALIVE_TIMEOUT,
      requestsPerSocket: values.LB_MAX_REQUESTS_PER_SOCKET,
      socketsPerClient: values.LB_MAX_SOCKETS_PER_CLIENT,
      headers: values.LB_MAX_HEADERS,
      targetBytes: values.LB_MAX_TARGET_LENGTH,
      bodyBytes: values.LB_MAX_BODY_SIZE
    },
    access: accessOf(values),
    tunnelTimeoutMs: values.LB_TUNNEL_TIMEOUT,
    trustedProxies: values.LB_TRUSTED_PROXIES,
    proxyProtocol: values.LB_PROXY_PROTOCOL,
    hstsSeconds: values.LB_HSTS,
    forwarded: values.LB_FORWARDED,
    statsIntervalMs: values.LB_STATS_INTERVAL,
    accessLog: accessLogOf(values),
    tracing,
    admin: adminOf(values),
    drainTimeoutMs: values.LB_DRAIN_TIMEOUT
  }
}

/** The known name with the longest common prefix, if that is long enough. */
function suggestion(name: string): string {
  let best = ''
  let bestLength = 'LB_'.length + 2
  for (const known of Object.keys(schema.entries)) {
    let length = 0
    while (length < known.length && known[length] === name[length]) length++
    if (length > bestLength) {
      best = known
      bestLength = length
    }
  }
  return best ? `; did you mean ${best}?` : ''
}
