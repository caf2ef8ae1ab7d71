import type { BlockList } from 'node:net'
import type { BalancingOptions } from '../balancing/options.js'
import type { DiscoveryOptions } from '../discovery/options.js'
import type { SourceSpec } from '../discovery/spec/source-spec.js'
import type { FleetOptions } from '../fleet/options.js'
import type { HealthCheckConfig } from '../health/options.js'
import type { AccessConfig } from '../listener/access/options.js'
import type { ClientLimits } from '../listener/client-limits.js'
import type { LaneMode } from '../listener/http1/lane/options.js'
import type { TlsConfig } from '../listener/tls/options.js'
import type { AccessLogConfig } from '../observe/access-log/options.js'
import type { BackendConfig } from '../pool/spec/backend-spec.js'
import type { RouteOptions } from '../routing/options.js'
import type { BackendTlsConfig } from '../transport/sockets/tls-options.js'
import type { Values } from './schema.js'
import { accessOf } from './settings/access.js'
import { accessLogOf } from './settings/access-log.js'
import { type AdminConfig, adminOf } from './settings/admin.js'
import { balancingOf } from './settings/balancing.js'
import { discoveryOf } from './settings/discovery.js'
import { fleetOf } from './settings/fleet.js'
import { healthCheckOf } from './settings/health-check.js'
import { type Http2Config, http2Of } from './settings/http2.js'
import { type RegistrationConfig, registrationOf } from './settings/registration.js'
import { type ResilienceConfig, resilienceOf } from './settings/resilience.js'
import { backendTlsOf, tlsOf } from './settings/tls.js'
import type { TracingConfig } from './settings/tracing.js'

/** The whole configuration, validated. */
export interface Config {
  /** Path of the file of `LB_CONFIG`; empty for none. */
  readonly file: string
  readonly port: number
  readonly backends: readonly BackendConfig[]
  /** Where more backends come from. */
  readonly sources: readonly SourceSpec[]
  readonly discovery: DiscoveryOptions
  /** Threads that serve clients, this one included. */
  readonly threads: number
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
  /** What several balancers share; undefined for one by itself. */
  readonly fleet: FleetOptions | undefined
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
  /** Undefined if no backend may register itself. */
  readonly registration: RegistrationConfig | undefined
  readonly drainTimeoutMs: number
  /** The same after another process has taken over. */
  readonly upgradeDrainTimeoutMs: number
  /** Empty for none. */
  readonly pidFile: string
  /** Pools and routes of the file; undefined where it names neither, and one pool takes everything. */
  readonly routing: RoutingConfig | undefined
}

/** A pool of the file. */
export interface PoolConfig {
  readonly name: string
  /** Its own settings, and for all others those of the file and the variables. It has no routing of its own. */
  readonly config: Config
}

/** The settings that each pool has of its own; it shares all others with its server. */
export const OF_POOL = [
  'discovery',
  'backendTls',
  'healthCheck',
  'balancing',
  'resilience',
  'connectTimeoutMs',
  'responseTimeoutMs',
  'bufferSizeBytes',
  'maxResponseHeadBytes',
  'tunnelTimeoutMs'
] as const satisfies readonly (keyof Config)[]

/** Pools and routes, as a whole: each pool that a route names is there, and all names are unique. */
export interface RoutingConfig {
  readonly pools: readonly PoolConfig[]
  /** In the order of the file. */
  readonly routes: readonly RouteOptions[]
}

/** What is not a setting of the balancer's own. */
interface Surroundings {
  /** Name of the pool; empty for the one that the variables make. */
  readonly pool: string
  readonly tracing: TracingConfig
  readonly routing: RoutingConfig | undefined
}

const SOCKETS_PER_CONNECTION = 4
const MIN_SOCKETS = 1024

/** The configuration that settings amount to. */
export function configOf(values: Values, { pool, tracing, routing }: Surroundings): Config {
  return {
    file: values.LB_CONFIG,
    port: values.PORT,
    backends: values.LB_BACKENDS.backends,
    sources: values.LB_BACKENDS.sources,
    discovery: discoveryOf(values),
    threads: values.LB_THREADS,
    maxConnections: values.LB_MAX_CONNECTIONS,
    maxSockets:
      values.LB_MAX_SOCKETS || Math.max(values.LB_MAX_CONNECTIONS * SOCKETS_PER_CONNECTION, MIN_SOCKETS),
    tls: tlsOf(values),
    http2: http2Of(values, values.LB_TLS_CERT.length > 0),
    backendTls: backendTlsOf(values),
    healthCheck: healthCheckOf(values, values.LB_MAX_RESPONSE_HEADER_SIZE),
    balancing: balancingOf(values, pool),
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
    fleet: fleetOf(values),
    tunnelTimeoutMs: values.LB_TUNNEL_TIMEOUT,
    trustedProxies: values.LB_TRUSTED_PROXIES,
    proxyProtocol: values.LB_PROXY_PROTOCOL,
    hstsSeconds: values.LB_HSTS,
    forwarded: values.LB_FORWARDED,
    statsIntervalMs: values.LB_STATS_INTERVAL,
    accessLog: accessLogOf(values),
    tracing,
    admin: adminOf(values),
    registration: registrationOf(values),
    drainTimeoutMs: values.LB_DRAIN_TIMEOUT,
    upgradeDrainTimeoutMs: values.LB_UPGRADE_DRAIN_TIMEOUT,
    pidFile: values.LB_PID_FILE,
    routing
  }
}
