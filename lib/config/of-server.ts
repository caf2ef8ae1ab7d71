import type { VariableName } from './schema.js'

/** Settings of a whole server, which a single pool cannot have. */
export const OF_SERVER = [
  'LB_MAX_SOCKETS',
  'LB_MAX_SOCKETS_PER_CLIENT',
  'LB_MAX_REQUESTS_PER_SOCKET',
  'LB_KEEP_ALIVE_TIMEOUT',
  'LB_MAX_HEADER_SIZE',
  'LB_REQUEST_HEAD_TIMEOUT',
  'LB_REQUEST_TIMEOUT',
  'LB_PROXY_PROTOCOL',
  'LB_TLS_CERT',
  'LB_TLS_KEY',
  'LB_TLS_MIN_VERSION',
  'LB_TLS_CLIENT_CA',
  'LB_HTTPS_REDIRECT_PORT',
  'LB_HTTPS_PORT',
  'LB_HSTS',
  'LB_NO_HTTP2',
  'LB_H2C',
  'LB_HTTP2_MAX_STREAMS',
  'LB_HTTP2_SEND_TIMEOUT',
  'LB_METHODS',
  'LB_LANE',
  'LB_ADMIN_ALLOW',
  'LB_ADMIN_HOSTS',
  'LB_ADMIN_TOKEN',
  'LB_ADMIN_PORT',
  'LB_STATE_FILE',
  'LB_SHARED',
  'LB_SHARED_PASSWORD',
  'LB_REGISTER_TOKEN',
  'LB_REGISTER_ALLOW',
  'LB_REGISTER_RANGES',
  'LB_REGISTER_MAX',
  'LB_DRAIN_TIMEOUT'
] as const satisfies readonly VariableName[]

/** Settings that the pools of one server share as well: they are about the requests of clients, before a pool is chosen. */
export const OF_ALL_POOLS = [
  'PORT',
  'LB_CONFIG',
  'LB_THREADS',
  'LB_UPGRADE_DRAIN_TIMEOUT',
  'LB_PID_FILE',
  ...OF_SERVER,
  'LB_MAX_CONNECTIONS',
  'LB_REQUEST_BODY_TIMEOUT',
  'LB_MAX_HEADERS',
  'LB_MAX_TARGET_LENGTH',
  'LB_MAX_BODY_SIZE',
  'LB_RATE_LIMIT',
  'LB_ALLOW',
  'LB_DENY',
  'LB_TRUSTED_PROXIES',
  'LB_FORWARDED',
  'LB_STATS_INTERVAL',
  'LB_ACCESS_LOG',
  'LB_ACCESS_LOG_FORMAT',
  'LB_ACCESS_LOG_FILE',
  'LB_TRACEPARENT'
] as const satisfies readonly VariableName[]

/** What a route can say instead. */
export const OF_ROUTES: ReadonlyMap<VariableName, string> = new Map([
  ['LB_MAX_BODY_SIZE', 'max-body-size'],
  ['LB_RATE_LIMIT', 'rate-limit'],
  ['LB_ALLOW', 'allow'],
  ['LB_DENY', 'deny']
])
